using Xunit;

namespace PostTrainGate.Packages.Tests;

/// <summary>
/// A project of somebody who uses the package, in a folder outside the repository with nothing above it: one
/// PackageReference, a policy, a tiny model and its data. The label of a row is whether x0 is above one half; the right
/// model says just that, the wrong one the opposite.
/// </summary>
internal sealed class ConsumerProject
{
    /// <summary>Where the gate stands in the policy.</summary>
    public const int GateLine = 7,
        GateColumn = 5;

    private readonly Packages packages;
    private readonly string name;
    private int builds;

    /// <summary>Writes the project.</summary>
    /// <param name="packages">What it references.</param>
    /// <param name="name">Name of its folder and its logs.</param>
    /// <param name="frameworks">One target framework or several.</param>
    /// <param name="assembly">Name of the project file and its output.</param>
    /// <param name="reference">Further attributes of the PackageReference; null: it does not reference the
    /// package.</param>
    /// <param name="items">Further items.</param>
    /// <param name="sdk">What it is built with.</param>
    public ConsumerProject(
        Packages packages,
        string name,
        string frameworks = "net10.0",
        string assembly = "App",
        string? reference = "",
        string items = "",
        string sdk = "Microsoft.NET.Sdk"
    )
    {
        (this.packages, this.name) = (packages, name);
        Folder = Path.Combine(packages.Root, name);
        Project = Path.Combine(Folder, assembly + ".csproj");
        UseFeed(packages.Feed);
        var frameworksProperty = frameworks.Contains(';', StringComparison.Ordinal)
            ? "TargetFrameworks"
            : "TargetFramework";
        if (reference is not null)
            items +=
                $"""<PackageReference Include="PostTrainGate.MSBuild" Version="{packages.Version}" {reference} />""";
        Write(
            $"{assembly}.csproj",
            $"""
            <Project Sdk="{sdk}">
              <PropertyGroup>
                <{frameworksProperty}>{frameworks}</{frameworksProperty}>
                <OutputType>Library</OutputType>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <PathMap>$(MSBuildProjectDirectory)=/_</PathMap>
              </PropertyGroup>
              <ItemGroup>{items}</ItemGroup>
            </Project>
            """
        );
        Write("App.cs", "public class App { }\n");
    }

    /// <summary>Absolute folder of the project.</summary>
    public string Folder { get; }

    /// <summary>Full path of the project file.</summary>
    public string Project { get; }

    /// <summary>Lays a policy, data and a model that fails it beside the project.</summary>
    public ConsumerProject WithGate(string gate = "accuracy: { min: 0.9 }")
    {
        Write(
            "posttraingate.yml",
            $$"""
            version: 1
            model: model.onnx
            data: { source: data/*.csv, label: label }
            when: { inconclusive: warn }
            repair: false
            gates:
              - {{gate}}

            """
        );
        WriteData("first", 1);
        UseModel(right: false);
        return this;
    }

    /// <summary>Full path of something beside the project.</summary>
    public string File(string relative) => Path.Combine(Folder, relative);

    /// <summary>Writes a file and the folders above it.</summary>
    public void Write(string relative, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File(relative))!);
        System.IO.File.WriteAllText(File(relative), text);
    }

    /// <summary>600 rows spread evenly over the square, in an order that the seed gives.</summary>
    public void WriteData(string file, int seed)
    {
        var rows = Enumerable.Range(0, 600).Select(i => (X0: (i + 0.5) / 600, X1: i * 0.6180339887 % 1)).ToArray();
        new Random(seed).Shuffle(rows);
        Write(
            $"data/{file}.csv",
            "x0,x1,label\n"
                + string.Concat(
                    rows.Select(r =>
                        FormattableString.Invariant($"{r.X0:0.0000},{r.X1:0.0000},{(r.X0 > 0.5 ? 1 : 0)}\n")
                    )
                )
        );
    }

    public void UseModel(bool right) => TinyModel.Write(File("model.onnx"), right);

    /// <summary>Makes a folder the only package source.</summary>
    public void UseFeed(string folder) =>
        Write(
            "nuget.config",
            $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="packed" value="{folder}" />
              </packageSources>
            </configuration>
            """
        );

    public Task<BuildLog> BuildAsync(params string[] arguments) => DotnetAsync(["build", .. arguments]);

    /// <summary>Runs a command of dotnet that builds, with a binary log that is kept.</summary>
    public async Task<BuildLog> DotnetAsync(
        string[] arguments,
        Func<System.Diagnostics.Process, Task>? meanwhile = null
    )
    {
        var log = $"{name}-{++builds:00}";
        var binlog = Path.Combine(Packages.Logs, log + ".binlog");
        var (exitCode, output) = await packages.DotnetAsync(
            log,
            Folder,
            [.. arguments, "-nologo", $"-bl:{binlog}"],
            meanwhile
        );
        Assert.True(System.IO.File.Exists(binlog), output);
        return new(binlog, exitCode, output);
    }

    /// <summary>Relative paths of the files in the output folders, and what the dependency files say.</summary>
    public IEnumerable<string> Output() =>
        Directory
            .EnumerateFiles(File("bin"), "*", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(f =>
                Path.GetRelativePath(Folder, f)
                + (f.EndsWith(".json", StringComparison.Ordinal) ? "\n" + System.IO.File.ReadAllText(f) : "")
            );
}
