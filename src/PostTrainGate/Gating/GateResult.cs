using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;

namespace PostTrainGate.Gating;

/// <summary>How a run ended; the exit code of the command line follows from it.</summary>
public enum RunOutcome
{
    /// <summary>Every gate holds, or the policy lets it pass: exit code 0.</summary>
    Passed,

    /// <summary>A gate failed on the model: exit code 1, whether or not a repair is proposed.</summary>
    Failed,

    /// <summary>A verdict that the policy demands could not be given: exit code 3.</summary>
    Undecided,
}

/// <summary>
/// All that leaves the engine. Every report renders it; <c>gate-result.json</c> is it. Same inputs, tool and machine
/// type: same content but for <see cref="Seconds"/> and <see cref="Run"/>.
/// </summary>
public sealed record GateResult
{
    /// <summary>Version of this format.</summary>
    public int Version { get; init; } = 1;

    /// <summary>Version of the tool.</summary>
    public required string Tool { get; init; }

    /// <summary>Path of the policy, as given.</summary>
    public required string Policy { get; init; }

    /// <summary>The model that was gated; null where predictions were that were made elsewhere.</summary>
    public required ModelSummary? Model { get; init; }

    /// <summary>The data it was measured on.</summary>
    public required DataSummary Data { get; init; }

    /// <summary>Seed of the run.</summary>
    public required int Seed { get; init; }

    /// <summary>Confidence that the policy asks for.</summary>
    public required double Confidence { get; init; }

    /// <summary>How the level of each gate's interval follows from it.</summary>
    public required Correction Correction { get; init; }

    /// <summary>Level of each gate's interval, so that all hold together with <see cref="Confidence"/>.</summary>
    public required double GateConfidence { get; init; }

    /// <summary>How it ended.</summary>
    public required RunOutcome Outcome { get; init; }

    /// <summary>Every gate of the policy, in its order.</summary>
    public required ImmutableArray<GateReport> Gates { get; init; }

    /// <summary>What the repair did; null when none was needed or wanted.</summary>
    public RepairSummary? Repair { get; init; }

    /// <summary>
    /// What a reader should know beyond the verdicts, places included, from every stage of the run. Whoever shows them
    /// shows them in this order: the gravest first, equals in the order of the stages (policy, base, data, model,
    /// gates, repair, reports).
    /// </summary>
    public ImmutableArray<Diagnostic> Diagnostics
    {
        get;
        init => field = value.IsDefault ? [] : [.. value.OrderByDescending(d => d.Severity)];
    } = [];

    /// <summary>The command that reproduces the run.</summary>
    public required string Reproduce { get; init; }

    /// <summary>The model that it was compared with; null where there is none.</summary>
    public BaseSummary? Base { get; init; }

    /// <summary>Commit that the run is for; null where it is not known.</summary>
    public string? Commit { get; init; }

    /// <summary>Number of the pull request that the run is for; null where it is for none.</summary>
    public long? PullRequest { get; init; }

    /// <summary>When and on what it took place; null when nothing was measured.</summary>
    public RunFacts? Run { get; init; }

    /// <summary>Wall time of the run.</summary>
    public double Seconds { get; init; }

    /// <summary>
    /// Top folder of the repository, which reports give paths from; null when it is not known. Of this machine, so in
    /// no file.
    /// </summary>
    internal string? Root { get; init; }

    /// <summary>
    /// Where the repaired model was proposed, as a sentence; null where it is a file alone. Known only after the files
    /// are written, so in no file.
    /// </summary>
    internal FormattableString? Proposal { get; init; }

    /// <summary>Where a defect ended the run early; null: none did. For developers, so in no file.</summary>
    internal string? Trace { get; init; }

    /// <summary>Exit code that follows from <see cref="Outcome"/>.</summary>
    public int ExitCode =>
        Outcome switch
        {
            RunOutcome.Passed => 0,
            RunOutcome.Failed => 1,
            _ => 3,
        };
}

/// <summary>A model, for reports.</summary>
/// <param name="File">Path as the policy writes it.</param>
/// <param name="Sha256">Of the file, lower-case hexadecimal.</param>
/// <param name="Head">What its output holds.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="Parameters">Number of trainable values.</param>
public sealed record ModelSummary(string File, string Sha256, string Head, int Classes, long Parameters)
{
    /// <summary>The output that scores are read from.</summary>
    public string Output { get; init; } = "";

    /// <summary>
    /// Why it has no gradients, and so can be neither repaired nor attacked along them; null where it has.
    /// </summary>
    public string? WhyNoGradients { get; init; }
}

/// <summary>The data, for reports.</summary>
/// <param name="Source">Path as the policy writes it.</param>
/// <param name="Repair">Rows of the repair split; 0 where there is no model to repair.</param>
/// <param name="Select">Rows of the selection split.</param>
/// <param name="Test">Rows of the test split, or all rows where predictions were gated.</param>
public sealed record DataSummary(string Source, int Repair, int Select, int Test);

/// <summary>One gate: what was asked, and what each model gave on the test split.</summary>
public sealed record GateReport
{
    /// <summary>Name of the metric.</summary>
    public required string Metric { get; init; }

    /// <summary>For people: metric, group, attack and budget in one short line.</summary>
    public required string Title { get; init; }

    /// <summary>The threshold in words: <c>at least 0.72</c>, <c>at most 0.1 in absolute value</c>.</summary>
    public required string Threshold { get; init; }

    /// <summary>
    /// What <see cref="Threshold"/> says as numbers, for programs and charts: the value must be at least this.
    /// </summary>
    public double? Min { get; init; }

    /// <summary>The value (of a difference: its size) must be at most this.</summary>
    public double? Max { get; init; }

    /// <summary>The value may be worse than the base's by at most this.</summary>
    public double? Drop { get; init; }

    /// <summary>
    /// What a verdict other than pass came to at most on the day of the run; only an error makes it fail.
    /// </summary>
    public Severity Severity { get; init; } = Severity.Error;

    /// <summary>Until when its failure is accepted, and why; null where it is not.</summary>
    public AcceptedFailure? Accepted { get; init; }

    /// <summary>What it was asked to do, as values for programs.</summary>
    public GateParameters? Parameters { get; init; }

    /// <summary>Where the policy asks for it.</summary>
    public required SourcePosition Position { get; init; }

    /// <summary>Whether a higher value is better, or one nearer 0 or 1.</summary>
    public required Metrics.Better Better { get; init; }

    /// <summary>The model under the gate.</summary>
    public required MeasuredValue Original { get; init; }

    /// <summary>The base branch's model, where there is one.</summary>
    public MeasuredValue? Base { get; init; }

    /// <summary>
    /// The repaired model, attacked afresh, where one is proposed or was found and rejected on the test split.
    /// </summary>
    public MeasuredValue? Repaired { get; init; }

    /// <summary>
    /// Null control: the original with random weight noise of the repair's size (mean of several draws).
    /// </summary>
    public MeasuredValue? NullControl { get; init; }

    /// <summary>
    /// Clean control: the original trained further on the same rows by their labels alone; null where there was no time
    /// for it.
    /// </summary>
    public MeasuredValue? CleanControl { get; init; }

    /// <summary>
    /// What earlier runs gave, this one last; null where no history was asked for. It is the history's, so in no JSON.
    /// </summary>
    internal Trend? Trend { get; init; }
}

/// <summary>One measurement with its verdict. Value and interval are null when nothing was measured.</summary>
/// <param name="Value">The estimate, in the metric's own sign.</param>
/// <param name="Lower">Lower end of the interval.</param>
/// <param name="Upper">Upper end of the interval.</param>
/// <param name="Count">Rows it rests on.</param>
/// <param name="Verdict">What the policy's threshold says to it.</param>
/// <param name="Reason">Why nothing was measured, or why a value that meets the threshold is not trusted.</param>
public sealed record MeasuredValue(
    double? Value,
    double? Lower,
    double? Upper,
    int Count,
    Verdict Verdict,
    string? Reason = null
)
{
    /// <summary>What the value is made of: the same measure by class or by group.</summary>
    public ImmutableArray<Metrics.Breakdown> Breakdowns { get; init; } = [];

    /// <summary>What a reader should know of it, a sentence each: the level that drives it, rows that count.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>
    /// Inputs that the smallest perturbations break, the most fragile first, of those that an attack found.
    /// </summary>
    public ImmutableArray<Metrics.FragileInput> Fragile { get; init; } = [];

    /// <summary>
    /// How many inputs were attacked before the verdict was certain; null for a measure that does not stop early.
    /// </summary>
    public Metrics.AttackedInputs? Attacked { get; init; }
}
