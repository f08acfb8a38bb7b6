using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>The command line as processes: what it leaves behind, and how it ends.</summary>
public sealed class ProcessTests : IDisposable
{
    private static readonly string Tool = Path.Combine(AppContext.BaseDirectory, "PostTrainGate.Cli.dll");

    private readonly TemporaryFolder _folder = new();

    public ProcessTests()
    {
        foreach (var name in new[] { "posttraingate.yml", "model.onnx", "digits.csv", "history/epoch-002.onnx" })
        {
            if (!File.Exists(Path.Combine(Fixtures.Repository, "samples/digits", name)))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(_folder.Path($"run/{name}"))!);
            File.Copy(Path.Combine(Fixtures.Repository, "samples/digits", name), _folder.Path($"run/{name}"));
        }

        File.WriteAllText(
            _folder.Path("run/posttraingate.yml"),
            """
            version: 1
            model: model.onnx
            data: { source: digits.csv, label: digit }
            input: { scale: 1/16 }
            gates:
              - accuracy: { min: 0.5 }
              - robust_accuracy: { attack: autoattack, norm: linf, epsilon: 0.1, min: 0.1 }
            repair: false
            """
        );
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_leaves_no_file_but_its_own()
    {
        var policy = File.ReadAllText(_folder.Path("run/posttraingate.yml"));
        File.WriteAllText(
            _folder.Path("run/posttraingate.yml"),
            string.Join('\n', policy.Split('\n').Where(l => !l.Contains("autoattack", StringComparison.Ordinal)))
        );
        using var process = Start();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        var left = Directory
            .EnumerateFileSystemEntries(_folder.Root, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(_folder.Root, f))
            .Where(f => !f.StartsWith("run", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);
        Assert.Equal(["home", "home/cache", "temporary"], left);
    }

    [Fact]
    public async Task A_signal_ends_the_command_line_and_its_worker()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "signals are sent and processes found as Linux has them");
        using var process = Start();
        int[] workers;
        while ((workers = Workers(process.Id)).Length == 0)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.Equal(0, kill(process.Id, 15));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Contains(process.ExitCode, (int[])[130, 143]); // 143: before it listens to signals
        while (workers.Any(IsRunning))
            await Task.Delay(20, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_killed_command_line_takes_its_worker_along()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "signals are sent and processes found as Linux has them");
        using var process = Start();
        int[] workers;
        while ((workers = Workers(process.Id)).Length == 0)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        process.Kill(); // it alone
        while (workers.Any(IsRunning))
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(File.Exists(_folder.Path("run/posttraingate-report/gate-result.json")));
    }

    private Process Start()
    {
        var start = new ProcessStartInfo("dotnet", [Tool, "check", "run", "--no-cache"])
        {
            WorkingDirectory = _folder.Root,
            RedirectStandardOutput = true,
        };
        foreach (
            var (name, folder) in new[] { ("HOME", "home"), ("XDG_CACHE_HOME", "home/cache"), ("TMPDIR", "temporary") }
        )
            start.Environment[name] = Directory.CreateDirectory(_folder.Path(folder)).FullName;
        return Process.Start(start)!;
    }

    // Children by the kernel's own list.
    private static int[] Workers(int parent)
    {
        try
        {
            return
            [
                .. Directory
                    .EnumerateDirectories($"/proc/{parent}/task")
                    .SelectMany(t =>
                        File.ReadAllText($"{t}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    )
                    .Select(int.Parse),
            ];
        }
        catch (IOException)
        {
            return [];
        }
    }

    // One that has ended and that nobody has asked about yet is a zombie.
    private static bool IsRunning(int id)
    {
        try
        {
            return !File.ReadAllText($"/proc/{id}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int kill(int process, int signal);
}
