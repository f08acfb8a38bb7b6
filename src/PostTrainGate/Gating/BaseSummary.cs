namespace PostTrainGate.Gating;

/// <summary>The model that a run's model is compared with, for reports.</summary>
/// <param name="Sha256">Of the file, lower-case hexadecimal.</param>
/// <param name="Unchanged">Whether it is the same file, so that its figures are those of the model.</param>
public sealed record BaseSummary(string Sha256, bool Unchanged)
{
    /// <summary>Commit that it comes from; null where it was given as a file.</summary>
    public string? Commit { get; init; }

    /// <summary>What the change makes of single rows.</summary>
    public FlipSummary? Flips { get; init; }
}

/// <summary>Rows of the test split that one of two models predicts right and the other wrong.</summary>
/// <param name="Corrected">Rows that the base predicts wrong and the model right.</param>
/// <param name="Broken">Rows that the base predicts right and the model wrong.</param>
/// <param name="Rows">Rows of the test split.</param>
/// <param name="PValue">McNemar's exact test that both are as likely, two-sided.</param>
public sealed record FlipSummary(int Corrected, int Broken, int Rows, double PValue);

/// <summary>
/// When, how long and on what a run took place: all that two runs of the same inputs may differ in, besides
/// <see cref="GateResult.Seconds"/>.
/// </summary>
/// <param name="Started">When it started, in UTC, to the second.</param>
/// <param name="Os">Name and version of the operating system.</param>
/// <param name="Architecture">Of the process: <c>x64</c>, <c>arm64</c>.</param>
/// <param name="Cores">Logical processors that it may use.</param>
public sealed record RunFacts(DateTimeOffset Started, string Os, string Architecture, int Cores)
{
    /// <summary>Seconds that each gate took to measure, in the order of the gates; empty when none was.</summary>
    public System.Collections.Immutable.ImmutableArray<double> GateSeconds { get; init; } = [];

    /// <summary>A run that starts now, on this machine.</summary>
    internal static RunFacts Now()
    {
        var now = DateTimeOffset.UtcNow;
        return new(
            now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond)),
            System.Runtime.InteropServices.RuntimeInformation.OSDescription,
            System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
            Environment.ProcessorCount
        );
    }
}

/// <summary>What a gate was asked to do, as values for programs; null where the metric takes none.</summary>
/// <param name="Group">The group it is measured by.</param>
/// <param name="Rate">The rate that is compared.</param>
/// <param name="Attack">The attack.</param>
/// <param name="Norm">The norm of the attack's budget: <c>linf</c>, <c>l2</c>, <c>l1</c>.</param>
/// <param name="Epsilon">The largest change that the attack may make.</param>
/// <param name="Samples">Most rows that are attacked, certified or corrupted; null: all.</param>
/// <param name="Attacked">Rows of the model under the gate that were attacked.</param>
public sealed record GateParameters(
    string? Group,
    string? Rate,
    string? Attack,
    string? Norm,
    double? Epsilon,
    int? Samples,
    int? Attacked
);
