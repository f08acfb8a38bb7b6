using System.Diagnostics;
using System.Text;
using Xunit;

[assembly: AssemblyFixture(typeof(PostTrainGate.Packages.Tests.Packages))]

namespace PostTrainGate.Packages.Tests;

/// <summary>
/// The product's packages, packed once for all tests into a folder of their own outside the repository, with a package
/// cache of their own: the machine's holds everything else. What the child processes said and the binary logs of the
/// builds are kept in artifacts/packages-tests.
/// </summary>
public sealed class Packages : IAsyncLifetime
{
    /// <summary>Differs in every run, so that no cache can serve an older package.</summary>
    public string Version { get; } = $"0.0.0-test.{DateTime.UtcNow:yyyyMMddHHmmss}";

    /// <summary>Root of the repository.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>Everything that the tests write.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("posttraingate-packages-").FullName;

    /// <summary>The folder of the packages.</summary>
    public string Feed => Path.Combine(Root, "feed");

    /// <summary>Logs of child processes and builds.</summary>
    public static string Logs { get; } = Path.Combine(Repository, "artifacts", "packages-tests");

    /// <summary>Portable runtime identifier of this machine.</summary>
    public static string Rid { get; } = System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier;

    /// <summary>Full path of a package.</summary>
    public string Package(string id) => Path.Combine(Feed, $"{id}.{Version}.nupkg");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (Directory.Exists(Logs))
            Directory.Delete(Logs, recursive: true);
        Directory.CreateDirectory(Logs);
        var pack = await DotnetAsync(
            "pack",
            Repository,
            ["msbuild", "eng/pack.proj", "-nologo", $"-p:Version={Version}", $"-p:Packages={Feed}"]
        );
        Assert.True(pack.ExitCode == 0, pack.Output);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(Root, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Runs <c>dotnet</c> to its end, with what it printed, which is logged too.</summary>
    public Task<(int ExitCode, string Output)> DotnetAsync(
        string name,
        string folder,
        string[] arguments,
        Func<Process, Task>? meanwhile = null,
        IReadOnlyDictionary<string, string>? environment = null
    ) =>
        RunAsync(
            name,
            folder,
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            arguments,
            meanwhile,
            environment
        );

    /// <summary>Runs another program in the same way.</summary>
    public async Task<(int ExitCode, string Output)> RunAsync(
        string name,
        string folder,
        string program,
        string[] arguments,
        Func<Process, Task>? meanwhile = null,
        IReadOnlyDictionary<string, string>? environment = null
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // A test runner that was itself started by MSBuild hands down where its MSBuild lies; these builds find their
        // own.
        foreach (
            var inherited in start
                .Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
                .ToList()
        )
            start.Environment.Remove(inherited);
        if (folder != Repository)
        {
            start.Environment["NUGET_FALLBACK_PACKAGES"] = MachinePackages;
            start.Environment["NUGET_PACKAGES"] = Path.Combine(Root, "cache");
        }
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        start.Environment["OMP_NUM_THREADS"] = "1"; // the engine shares the cores with other builds
        foreach (var (variable, value) in environment ?? new Dictionary<string, string>())
            start.Environment[variable] = value;

        var output = new StringBuilder();
        using var process = new Process { StartInfo = start };
        void Add(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is null)
                return;
            lock (output)
                output.AppendLine(line.Data);
        }
        process.OutputDataReceived += Add;
        process.ErrorDataReceived += Add;
        var clock = Stopwatch.StartNew();
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(10)); // a safety net, many times what any of them takes
        try
        {
            if (meanwhile is not null)
                await meanwhile(process);
            await process.WaitForExitAsync(limit.Token);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        string text;
        lock (output)
            text = output.ToString();
        await File.WriteAllTextAsync(
            Path.Combine(Logs, name + ".log"),
            $"{folder}$ {Path.GetFileName(program)} {string.Join(' ', arguments)}\n{text}exit code {process.ExitCode} after "
                + $"{clock.Elapsed.TotalSeconds:0.0} s\n"
        );
        return (process.ExitCode, text);
    }

    /// <summary>The package folder of the machine, where the repository was restored to.</summary>
    public static string MachinePackages { get; } =
        Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static string FindRepository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "PostTrainGate.sln")))
            folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
