using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>
/// Prism with GitHub's own OpenAPI description: in GitHub's place it answers with the description's examples, in front
/// of another server it passes on what it is asked. Either way it says what the description does not allow.
/// </summary>
public sealed class Prism : IAsyncLifetime
{
    private readonly ConcurrentQueue<string> _log = [];
    private readonly TemporaryFolder _folder = new();
    private Process? _process;

    /// <summary>Address of the interface.</summary>
    public string Url { get; private set; } = "";

    /// <summary>What Prism said about the requests.</summary>
    public IEnumerable<string> Log => _log;

    /// <summary>In GitHub's place; it refuses what the description does not allow.</summary>
    public ValueTask InitializeAsync() => new(StartAsync("mock", "--errors"));

    /// <summary>In front of a server.</summary>
    public Task ForwardAsync(string upstream) => StartAsync("proxy", upstream);

    /// <summary>Skips the test when Prism or the description is not installed.</summary>
    public static void Need()
    {
        Contract.Module(Program);
        Contract.Module(GitHubDescription.Whole);
    }

    /// <summary>These were asked, and nothing of all that was asked is against the description.</summary>
    public void NothingRefused(params string[] requests)
    {
        Assert.DoesNotContain(_log, l => l.Contains("Violation: request", StringComparison.Ordinal));
        var log = string.Join('\n', _log);
        foreach (var request in requests)
            Assert.Contains(request.Split(' ')[1], log, StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
            _process.Kill(entireProcessTree: true);
        _process?.Dispose();
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private const string Program = "@stoplight/prism-cli/dist/index.js";

    private async Task StartAsync(string command, params string[] arguments)
    {
        if (!Contract.Has(Program) || !Contract.Has(GitHubDescription.Whole))
            return; // the tests say so
        var port = FreePort();
        var description = _folder.Write("api.json", GitHubDescription.OfWhatIsAsked());
        string[] all = [Contract.Module(Program), command, "--host", "127.0.0.1", "--port", $"{port}", description];
        _process = Process.Start(
            new ProcessStartInfo("node", [.. all, .. arguments])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var ready = new TaskCompletionSource();
        DataReceivedEventHandler read = (_, line) =>
        {
            if (line.Data is null)
                return;
            _log.Enqueue(line.Data);
            if (line.Data.Contains("Prism is listening", StringComparison.Ordinal))
                ready.TrySetResult();
        };
        _process.OutputDataReceived += read;
        _process.ErrorDataReceived += read;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await ready.Task.WaitAsync(TimeSpan.FromMinutes(3));
        Url = $"http://127.0.0.1:{port}/";
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
