using System.IO.Compression;
using Xunit;

namespace PostTrainGate.Packages.Tests;

/// <summary>What the packages hold.</summary>
public class PackageTests(Packages packages)
{
    private const string Versions = "GLIBCXX_3.4.32";

    private string Natives => $"PostTrainGate.Cli.{Packages.Rid}";

    [Fact]
    public void The_tool_of_a_platform_fits_into_the_public_gallery() =>
        Assert.InRange(new FileInfo(packages.Package(Natives)).Length, 50_000_000, 249_999_999);

    [Fact]
    public void The_tool_holds_what_it_needs_of_one_platform_and_nothing_else()
    {
        using var package = ZipFile.OpenRead(packages.Package(Natives));
        var names = package
            .Entries.Select(e => e.FullName)
            .Where(n => n.StartsWith("tools/", StringComparison.Ordinal))
            .ToList();
        var folder = $"tools/net10.0/{Packages.Rid}/";
        // No runtimes/ of other platforms, no cultures.
        Assert.All(names, n => Assert.Equal(folder, n[..(n.LastIndexOf('/') + 1)]));
        Assert.Contains(folder + "PostTrainGate.Cli.dll", names);
        Assert.DoesNotContain(names, n =>
            n.Contains("python", StringComparison.OrdinalIgnoreCase) || n.Contains("_test", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(names, n =>
            Path.GetExtension(n) is ".xml" && !n.EndsWith("DotnetToolSettings.xml", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(package.Entries, e =>
            e.Name.EndsWith(".pdb", StringComparison.Ordinal)
            && !e.Name.StartsWith("PostTrainGate", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(package.Entries, IsSymbolicLink);
        Assert.All(package.Entries.Where(e => e.Name.EndsWith(".so", StringComparison.Ordinal)), e =>
            Assert.True(e.Length > 1000, e.Name)
        );
    }

    [Fact]
    public void The_small_tool_package_names_the_platforms()
    {
        using var package = ZipFile.OpenRead(packages.Package("PostTrainGate.Cli"));
        using var settings = new StreamReader(
            Assert.Single(package.Entries, e => e.Name == "DotnetToolSettings.xml").Open()
        );
        var text = settings.ReadToEnd();
        Assert.All(["linux-x64", "win-x64", "osx-arm64"], rid =>
            Assert.Contains($"Id=\"PostTrainGate.Cli.{rid}\"", text, StringComparison.Ordinal)
        );
        Assert.Contains("Name=\"posttraingate\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain(package.Entries, e => e.Name.EndsWith(".dll", StringComparison.Ordinal));
    }

    [Fact]
    public void The_build_package_is_for_the_project_that_references_it_only()
    {
        using var package = ZipFile.OpenRead(packages.Package("PostTrainGate.MSBuild"));
        Assert.Equal(
            [
                "README.md",
                "build/PostTrainGate.MSBuild.targets",
                "buildMultiTargeting/PostTrainGate.MSBuild.targets",
                "tools/netstandard2.0/PostTrainGate.MSBuild.dll",
                "tools/netstandard2.0/PostTrainGate.MSBuild.xml",
            ],
            package.Entries.Select(e => e.FullName).Where(IsContent).Order(StringComparer.Ordinal)
        );
        using var nuspec = new StreamReader(package.GetEntry("PostTrainGate.MSBuild.nuspec")!.Open());
        var text = nuspec.ReadToEnd();
        Assert.Contains("<developmentDependency>true</developmentDependency>", text, StringComparison.Ordinal);
        Assert.Contains("<license type=\"expression\">MIT</license>", text, StringComparison.Ordinal);
        Assert.DoesNotContain("<dependency ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void TorchSharps_library_loads_on_systems_before_GCC_13_and_is_otherwise_the_original()
    {
        Assert.SkipUnless(Packages.Rid == "linux-x64", "only the Linux library needs it");
        using var package = ZipFile.OpenRead(packages.Package(Natives));
        using var entry = Assert.Single(package.Entries, e => e.Name == "libLibTorchSharp.so").Open();
        using var memory = new MemoryStream();
        entry.CopyTo(memory);
        var packed = memory.ToArray();
        var original = File.ReadAllBytes(
            Directory
                .GetFiles(
                    Path.Combine(Packages.MachinePackages, "torchsharp"),
                    "libLibTorchSharp.so",
                    SearchOption.AllDirectories
                )
                .Single(f => f.Contains("linux-x64", StringComparison.Ordinal))
        );

        Assert.Equal(2, NeededVersions.Flags(packed)[Versions]); // VER_FLG_WEAK
        Assert.Equal(0, NeededVersions.Flags(original)[Versions]);
        Assert.Equal(original.Length, packed.Length);
        Assert.Equal(1, original.Zip(packed).Count(pair => pair.First != pair.Second));
    }

    private static bool IsContent(string name) =>
        name is not "[Content_Types].xml"
        && !name.StartsWith("_rels/", StringComparison.Ordinal)
        && !name.StartsWith("package/", StringComparison.Ordinal)
        && !name.EndsWith(".nuspec", StringComparison.Ordinal);

    // The upper half of the external attributes is the Unix mode where the archive was made on Unix.
    private static bool IsSymbolicLink(ZipArchiveEntry entry) => ((entry.ExternalAttributes >> 16) & 0xF000) == 0xA000;
}
