using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reporting;

namespace PostTrainGate.Cli.Output;

/// <summary>MSBuild's canonical lines, one a diagnostic, then the outcome as a plain line.</summary>
internal sealed class MSBuildOutput(CliHost host, Verbosity verbosity) : ICheckOutput
{
    /// <inheritdoc/>
    public Task<GateResult> WatchAsync(Func<IProgress<RunProgress>, Task<GateResult>> work) =>
        verbosity == Verbosity.Quiet ? work(new Silence()) : PlainProgress.WatchAsync(host.Out, work);

    /// <inheritdoc/>
    public Task ShowAsync(
        GateResult result,
        GatePolicy policy,
        ImmutableSortedDictionary<string, string> files,
        CancellationToken cancel
    )
    {
        Lines(result.Diagnostics);
        host.Out.WriteLine(Untrusted.Clean($"PostTrainGate {result.Policy}: {ResultText.Headline(result)}"));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task ShowFailureAsync(ImmutableArray<Diagnostic> diagnostics, CancellationToken cancel)
    {
        Lines(diagnostics);
        return Task.CompletedTask;
    }

    private void Lines(ImmutableArray<Diagnostic> diagnostics)
    {
        foreach (var diagnostic in diagnostics)
            host.Out.WriteLine(Untrusted.Clean(diagnostic.ToString(), 4000));
    }
}
