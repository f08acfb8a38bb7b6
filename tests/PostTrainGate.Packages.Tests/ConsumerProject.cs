using Xunit;

namespace PostTrainGate.Packages.Tests;

/// <summary>
/// A project of somebody who uses the package, in a folder outside the repository with nothing above it: one PackageReference, a policy, a tiny
/// model and its data. The label of a row is whether x0 is above one half; the right model says just that, the wrong one the opposite.
/// </summary>
internal sealed class ConsumerProject
{
    /// <summary>Where the gate stands in <see cref="Policy"/>.</summary>
    public const int GateLine = 7, GateColumn = 5;

    private const string Policy = """
        version: 1
        model: model.onnx
        data: { source: data/*.csv, label: label }
        on: { inconclusive: warn }
        repair: false
        gates:
          - accuracy: { min: 0.9 }

        """;

    private readonly Packages packages;
    private readonly string name;
    private int builds;

    public ConsumerProject(Packages packages, string name, string frameworks = "net10.0", string package = "PrivateAssets=\"all\"", string more = "")
    {
        (this.packages, this.name) = (packages, name);
        Folder = Path.Combine(packages.Root, name);
        Directory.CreateDirectory(Folder);
        Write("nuget.config", $"""
            <configuration>
              <packageSources>
                <add key="packed" value="{packages.Feed}" />
              </packageSources>
            </configuration>
            """);
        var reference = $"""<PackageReference Include="PostTrainGate.MSBuild" Version="{packages.Version}" {package} />""";
        Write($"{name}.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework{(frameworks.Contains(';') ? "s" : "")}>{frameworks}</TargetFramework{(frameworks.Contains(';') ? "s" : "")}>
                <AssemblyName>App</AssemblyName>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                {(package.Length > 0 ? reference : "")}
                {more}
              </ItemGroup>
            </Project>
            """);
        Write("App.cs", "public class App { }\n");
    }

    /// <summary>Absolute folder of the project.</summary>
    public string Folder { get; }

    public string Project => Path.Combine(Folder, name + ".csproj");

    /// <summary>Lays a policy, data and a model that fails it beside the project.</summary>
    public ConsumerProject WithGate()
    {
        Write("posttraingate.yml", Policy);
        WriteData("first", 1);
        TinyModel.Write(File("model.onnx"), right: false);
        return this;
    }

    /// <summary>Full path of something beside the project.</summary>
    public string File(string relative) => Path.Combine(Folder, relative);

    public void Write(string relative, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File(relative))!);
        System.IO.File.WriteAllText(File(relative), text);
    }

    /// <summary>600 rows spread evenly over the square, in an order that the seed gives.</summary>
    public void WriteData(string file, int seed)
    {
        var rows = Enumerable.Range(0, 600).Select(i => ((i + 0.5) / 600, i * 0.6180339887 % 1)).ToArray();
        new Random(seed).Shuffle(rows);
        Write($"data/{file}.csv", "x0,x1,label\n" + string.Concat(rows.Select(r => FormattableString.Invariant($"{r.Item1:0.0000},{r.Item2:0.0000},{(r.Item1 > 0.5 ? 1 : 0)}\n"))));
    }

    public void UseModel(bool right) => TinyModel.Write(File("model.onnx"), right);

    public Task<BuildLog> BuildAsync(params string[] arguments) => DotnetAsync("build", arguments);

    /// <summary>Runs a command of dotnet that builds, with a binary log that is kept.</summary>
    public async Task<BuildLog> DotnetAsync(string command, params string[] arguments)
    {
        var log = $"{name}-{++builds:00}";
        var binlog = Path.Combine(Packages.Logs, log + ".binlog");
        var (exitCode, output) = await packages.DotnetAsync(log, Folder, [command, .. arguments, "-nologo", $"-bl:{binlog}"]);
        Assert.True(System.IO.File.Exists(binlog), output);
        return new(binlog, exitCode, output);
    }

    /// <summary>Relative paths of the files in the output folders, and what the dependency files say.</summary>
    public IEnumerable<string> Output() => Directory.EnumerateFiles(File("bin"), "*", SearchOption.AllDirectories).Order()
        .Select(f => Path.GetRelativePath(Folder, f) + (f.EndsWith(".json", StringComparison.Ordinal) ? "\n" + System.IO.File.ReadAllText(f) : ""));
}
