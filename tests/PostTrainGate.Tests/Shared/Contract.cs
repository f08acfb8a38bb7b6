using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Other people's validators, installed by <c>npm ci</c> in <c>eng/contract</c>.</summary>
internal static class Contract
{
    /// <summary>Folder of the installed packages' manifest.</summary>
    public static string Folder { get; } = Path.Combine(Fixtures.Repository, "eng/contract");

    /// <summary>Whether a package's file is installed.</summary>
    public static bool Has(string path) => File.Exists(Path.Combine(Folder, "node_modules", path));

    /// <summary>Full path of a file of an installed package; skips the test when it is not installed.</summary>
    public static string Module(string path)
    {
        var full = Path.Combine(Folder, "node_modules", path);
        Assert.SkipUnless(File.Exists(full), $"{path} is not installed (npm ci in eng/contract)");
        return full;
    }
}
