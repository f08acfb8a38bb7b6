namespace PostTrainGate.Bench;

/// <summary>
/// Models and data that live beside the repository (<c>POSTTRAINGATE_FIXTURES</c> names another place).
/// </summary>
internal static class FixtureFolder
{
    public static string Path(string relative)
    {
        var root = Environment.GetEnvironmentVariable("POSTTRAINGATE_FIXTURES") ?? Find();
        return System.IO.Path.Combine(
            root ?? throw new DirectoryNotFoundException("no shared/fixtures above the repository"),
            relative
        );
    }

    private static string? Find()
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            var there = System.IO.Path.Combine(d.FullName, "shared/fixtures");
            if (Directory.Exists(there))
                return there;
        }

        return null;
    }
}
