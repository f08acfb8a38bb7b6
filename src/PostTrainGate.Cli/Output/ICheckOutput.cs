using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Cli.Output;

/// <summary>Shows a run to whoever reads the output.</summary>
internal interface ICheckOutput
{
    /// <summary>Does the long work, showing its progress.</summary>
    Task<GateResult> WatchAsync(Func<IProgress<RunProgress>, Task<GateResult>> work);

    /// <summary>Shows the result.</summary>
    /// <param name="result">What to show.</param>
    /// <param name="policy">What it was asked by.</param>
    /// <param name="files">Written reports by name of their writer.</param>
    /// <param name="cancel">Stops talking to others.</param>
    Task ShowAsync(
        GateResult result,
        GatePolicy policy,
        ImmutableSortedDictionary<string, string> files,
        CancellationToken cancel
    );

    /// <summary>Shows why there is no result.</summary>
    Task ShowFailureAsync(ImmutableArray<Diagnostic> diagnostics, CancellationToken cancel);
}
