using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reporting;

namespace PostTrainGate.Cli.Output;

/// <summary>The result as <c>gate-result.json</c> on standard output, and nothing else there.</summary>
internal sealed class JsonOutput(CliHost host, Verbosity verbosity) : ICheckOutput
{
    /// <inheritdoc/>
    public Task<GateResult> WatchAsync(Func<IProgress<RunProgress>, Task<GateResult>> work) =>
        verbosity == Verbosity.Detailed ? PlainProgress.WatchAsync(host.Error, work) : work(new Silence());

    /// <inheritdoc/>
    public async Task ShowAsync(
        GateResult result,
        GatePolicy policy,
        ImmutableSortedDictionary<string, string> files,
        CancellationToken cancel
    )
    {
        await ShowFailureAsync(result.Diagnostics, cancel);
        await host.Out.WriteAsync(new GateJson().Render(result).AsMemory(), cancel);
    }

    /// <inheritdoc/>
    public Task ShowFailureAsync(ImmutableArray<Diagnostic> diagnostics, CancellationToken cancel)
    {
        foreach (var diagnostic in diagnostics)
            host.Error.WriteLine(Untrusted.Clean(diagnostic.ToString(), 4000));
        return Task.CompletedTask;
    }
}
