using Xunit;

namespace PostTrainGate.Tests;

/// <summary>
/// Models, data and other tools' reference figures. Those in the folder Fixtures belong to the repository; its README
/// says where each is from. Only what <see cref="Elsewhere"/>, <see cref="Debian"/> and <see cref="Contract"/> ask for
/// may be missing, and a test that needs it then says that it skipped.
/// </summary>
internal static class Fixtures
{
    private static readonly string? Outside = Find("shared/fixtures");

    /// <summary>Root of the repository.</summary>
    public static string Repository { get; } =
        Ancestors().First(d => File.Exists(System.IO.Path.Combine(d, "PostTrainGate.sln")));

    /// <summary>Full path of a fixture of the repository such as <c>fmnist/cnn.onnx</c>.</summary>
    public static string Path(string relative)
    {
        var path = System.IO.Path.Combine(Repository, "tests/PostTrainGate.Tests/Fixtures", relative);
        Assert.True(File.Exists(path), $"missing fixture {path}");
        return path;
    }

    /// <summary>
    /// Full path of a file of the fairness papers' data and models, which are other people's and lie beside the
    /// repository; skips the test where they do not.
    /// </summary>
    public static string Elsewhere(string relative)
    {
        Assert.SkipWhen(
            Outside is null,
            "needs the fairness papers' data and models, which the repository may not hold"
        );
        var path = System.IO.Path.Combine(Outside!, relative);
        Assert.True(File.Exists(path), $"missing fixture {path}");
        return path;
    }

    /// <summary>Full path of a file that a Debian package brings; skips the test when it is not installed.</summary>
    public static string Debian(string path, string package)
    {
        Assert.SkipUnless(System.IO.Path.Exists(path), $"{path} is not there (Debian package {package})");
        return path;
    }

    private static string? Find(string relative) =>
        Ancestors().Select(d => System.IO.Path.Combine(d, relative)).FirstOrDefault(Directory.Exists);

    private static IEnumerable<string> Ancestors()
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            yield return d.FullName;
    }
}
