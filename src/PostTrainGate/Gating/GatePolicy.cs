using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using PostTrainGate.Schema;

namespace PostTrainGate.Gating;

/// <summary>What <c>posttraingate.yml</c> says, immutable, with the places it says it at.</summary>
public sealed record GatePolicy : EvaluationPolicy
{
    /// <summary>What has to hold, in the order of the file; at least one.</summary>
    public required ImmutableArray<GateRule> Gates { get; init; }

    /// <inheritdoc/>
    public override bool ChangesInputs => Gates.Any(g => g.Metric.ChangesInputs);

    // Attacks on tables keep each column in its own range, and corruptions of tables in none.
    internal override bool KeepsBounds =>
        Gates.Any(g => g.Metric.Keys.Contains(AttackKeys.Norm) && g.Attack?.Attack.KeepsForm != true);

    /// <summary>Confidence level of every interval, in (0.5, 1).</summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>How intervals make up for the number of gates.</summary>
    public Correction Correction { get; init; } = Correction.Bonferroni;

    /// <summary>
    /// Number of gates that the correction counts, where a change must not widen intervals by adding some; null: all.
    /// </summary>
    public int? Family { get; init; }

    /// <summary>Confidence level of each gate's interval, in (0.5, 1).</summary>
    public double GateConfidence =>
        Correction == Correction.Bonferroni ? 1 - (1 - Confidence) / Math.Max(1, Family ?? Gates.Length) : Confidence;

    /// <summary>What a gate without a clear verdict means for the run.</summary>
    public OutcomePolicy When { get; init; } = new();

    /// <summary>The day of the run, in UTC, which accepted failures are held against.</summary>
    public DateOnly Today { get; init; } = DateOnly.FromDateTime(DateTime.UtcNow);

    /// <summary>How to repair; null when the policy says <c>repair: false</c>.</summary>
    public RepairPolicy? Repair { get; init; } = new();

    /// <summary>Which report files to write.</summary>
    public ReportPolicy Report { get; init; } = new();

    /// <summary>Where the model computes.</summary>
    public DeviceChoice Device { get; init; }

    /// <summary>What the engine may use before it is ended.</summary>
    public LimitPolicy Limits { get; init; } = new(null, TimeSpan.FromHours(6));

    /// <summary>The file as it was read, key by key; null for a policy that was made otherwise.</summary>
    internal Section? Root { get; init; }
}

/// <summary>How intervals make up for the number of gates: of many fair ones, some fail by chance.</summary>
public enum Correction
{
    /// <summary>
    /// All intervals hold together with the policy's confidence: each misses with a share of what may be missed.
    /// </summary>
    Bonferroni,

    /// <summary>Each interval holds by itself.</summary>
    None,
}

/// <summary>What a verdict means for the run.</summary>
public enum Outcome
{
    /// <summary>Counts as passed.</summary>
    Pass,

    /// <summary>Reported as a warning; the run still succeeds.</summary>
    Warn,

    /// <summary>The run does not succeed.</summary>
    Fail,
}

/// <summary>The <c>when</c> section.</summary>
/// <param name="Inconclusive">The interval contains the threshold.</param>
/// <param name="NotMeasured">There is no value.</param>
public sealed record OutcomePolicy(Outcome Inconclusive = Outcome.Warn, Outcome NotMeasured = Outcome.Fail);

/// <summary>The <c>report</c> section.</summary>
/// <param name="Writers">The reports to write, in this order.</param>
/// <param name="Folder">Folder of the reports, relative to the policy.</param>
public sealed record ReportPolicy(ImmutableArray<IReportWriter> Writers, string Folder = ReportPolicy.UsualFolder)
{
    /// <summary>The folder where the policy names none.</summary>
    internal const string UsualFolder = "posttraingate-report";

    /// <summary>No reports.</summary>
    public ReportPolicy()
        : this([]) { }
}
