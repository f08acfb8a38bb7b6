using Xunit;

namespace PostTrainGate.Tests;

/// <summary>
/// Models, data and other tools' reference figures that live beside the repository. A test that needs one says that it skipped when
/// it is not there.
/// </summary>
internal static class Fixtures
{
    private static readonly string? Root = Find("shared/fixtures");

    /// <summary>Root of the repository.</summary>
    public static string Repository { get; } =
        Ancestors().First(d => File.Exists(System.IO.Path.Combine(d, "PostTrainGate.sln")));

    /// <summary>Full path of a fixture such as <c>fmnist/cnn.onnx</c>; skips the test when the fixtures are not there.</summary>
    public static string Path(string relative)
    {
        Assert.SkipWhen(Root is null, "the fixtures folder is not beside the repository");
        var path = System.IO.Path.Combine(Root!, relative);
        Assert.True(System.IO.Path.Exists(path), $"missing fixture {path}");
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
