using System.Collections.Immutable;
using System.Text.Json.Serialization;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>A value with its interval, and how many rows it rests on.</summary>
/// <param name="Value">The estimate, NaN when there is none.</param>
/// <param name="Lower">Lower end of the interval.</param>
/// <param name="Upper">Upper end of the interval.</param>
/// <param name="Count">Rows it rests on.</param>
/// <param name="Reason">Why there is no value; null when there is one.</param>
public sealed record Measurement(double Value, double Lower, double Upper, int Count, string? Reason = null)
{
    /// <summary>What the value is made of, for reports.</summary>
    public ImmutableArray<Breakdown> Breakdowns { get; init; } = [];

    /// <summary>What a reader should know of it, a sentence each: the level that drives it, rows that count.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>Inputs that the smallest perturbations break, of those that an attack found.</summary>
    public ImmutableArray<FragileInput> Fragile { get; init; } = [];

    /// <summary>How many inputs an attack was spent on; null for a measure that attacks none, or all at once.</summary>
    public AttackedInputs? Attacked { get; init; }

    /// <summary>A measurement that is an estimate and nothing else yet.</summary>
    public Measurement(IntervalEstimate estimate)
        : this(estimate.Value, estimate.Lower, estimate.Upper, estimate.Count) { }

    /// <summary>The numbers alone.</summary>
    public IntervalEstimate Estimate => new(Value, Lower, Upper, Count);

    /// <summary>Whether there is a value.</summary>
    public bool IsMeasured => Reason is null;

    /// <summary>A measurement that is an estimate and nothing else.</summary>
    public static implicit operator Measurement(IntervalEstimate estimate) => new(estimate);

    /// <summary>No value, as this machine has only a share of the work.</summary>
    internal static Measurement LeftToMerge { get; } = NotMeasured("it is measured when the parts are merged");

    /// <summary>No value, and why.</summary>
    public static Measurement NotMeasured(string reason) => new(double.NaN, double.NaN, double.NaN, 0, reason);
}

/// <summary>How many inputs were attacked before the verdict was certain.</summary>
/// <param name="Inputs">Inputs that were attacked.</param>
/// <param name="Of">Inputs that the gate asks for.</param>
/// <param name="BrokenByKept">
/// Inputs that survive the attack and count as robust, but are broken by an adversarial example of an earlier run.
/// </param>
public sealed record AttackedInputs(int Inputs, int Of, int BrokenByKept)
{
    /// <summary>Whether the verdict was certain before all of them were attacked.</summary>
    [JsonIgnore]
    public bool StoppedEarly => Inputs < Of;
}

/// <summary>Which way a metric gets better, and so how a threshold reads it.</summary>
public enum Better
{
    /// <summary>Higher is better: accuracy, robust accuracy.</summary>
    Higher,

    /// <summary>Lower is better: inequality, the highest error rate of a group.</summary>
    Lower,

    /// <summary>Nearer to 0 is better, either side: signed differences. A maximum bounds the size.</summary>
    NearZero,

    /// <summary>Nearer to 1 is better, either side: ratios. A minimum bounds min(r, 1/r).</summary>
    NearOne,
}

/// <summary>Which rows a metric compares groups on.</summary>
public enum ComparedRows
{
    /// <summary>All rows.</summary>
    All,

    /// <summary>Rows whose label is favorable.</summary>
    Favorable,

    /// <summary>Rows of each label by themselves.</summary>
    EachLabel,
}

/// <summary>One thing that can be measured of a classifier on a set of rows. Stateless.</summary>
public interface IMetric : INamed
{
    /// <summary>Which way it gets better.</summary>
    Better Better { get; }

    /// <summary>Keys that a gate of this metric takes besides its thresholds.</summary>
    ImmutableArray<Key> Keys { get; }

    /// <summary>Largest value that a threshold may have.</summary>
    double Largest => 1;

    /// <summary>
    /// Whether it changes inputs: that is costly, so that a gate may limit the rows by <c>samples</c>.
    /// </summary>
    bool ChangesInputs => false;

    /// <summary>
    /// Whether a row with a missing value must be left out: a missing value cannot be changed, and no distance leads to
    /// it.
    /// </summary>
    bool NeedsCompleteRows => ChangesInputs;

    /// <summary>
    /// Whether a pass rests on an attack that found nothing, so that the attack itself has to be checked.
    /// </summary>
    bool RestsOnAttack => false;

    /// <summary>Which rows a gate compares groups on.</summary>
    ComparedRows Compares(GateRule rule) => ComparedRows.All;

    /// <summary>The gate in one short line, for people: metric, group, attack and budget.</summary>
    string Title(GateRule rule) => GateTitle.Plain(rule);

    /// <summary>Measures it.</summary>
    Measurement Measure(MetricContext context);
}

/// <summary>
/// A metric whose costly work is done in blocks of rows, which machines may share; what it comes to is cheap.
/// </summary>
internal interface IBlockMetric : IMetric;

/// <summary>A metric that needs predictions alone, wherever they were made.</summary>
internal interface IPredictionMetric : IMetric
{
    /// <summary>Measures it.</summary>
    Measurement Measure(IPredictions predictions, GateRule rule, double confidence, int seed);
}

/// <summary>All that a metric may look at.</summary>
/// <param name="Evaluation">The classifier on the rows, with its predictions computed once.</param>
/// <param name="Rule">The gate: group, attack, samples.</param>
/// <param name="Confidence">Level of the interval.</param>
/// <param name="Seed">Seed of this measurement; a fresh attack gets a fresh one.</param>
/// <param name="Reference">
/// The model before the repair on the same rows, for measures that transfer its adversarial examples (made once, kept
/// in it); null when that model itself is measured.
/// </param>
/// <param name="Progress">Told the share done, 0 to 1.</param>
/// <param name="Cancel">Stops the measurement.</param>
public sealed record MetricContext(
    Evaluation Evaluation,
    GateRule Rule,
    double Confidence,
    int Seed,
    Evaluation? Reference = null,
    IProgress<double>? Progress = null,
    CancellationToken Cancel = default
)
{
    /// <summary>
    /// Seed of the choice of rows when the gate asks for a sample: the same for every model, so that they face the same
    /// rows.
    /// </summary>
    public int RowSeed { get; init; }

    /// <summary>Whether a reader will see the figure: its breakdowns and notes take longer than itself.</summary>
    public bool Explain { get; init; } = true;

    /// <summary>How far a metric that attacks has to go; null: all rows, at once.</summary>
    internal AttackPlan? Plan { get; init; }

    /// <summary>Where the costly work on blocks of rows is done.</summary>
    internal BlockWork Work { get; init; } = BlockWork.Here;

    /// <summary>The rows to measure, ascending: all, or a seeded choice of <c>samples</c> of them.</summary>
    public int[] Chosen(Data.EvaluationSet data)
    {
        var rows = Enumerable.Range(0, data.Count).ToArray();
        if (Rule.Samples is not { } samples || samples >= data.Count)
            return rows;
        new Random(RowSeed).Shuffle(rows);
        Array.Sort(rows, 0, samples);
        return rows[..samples];
    }
}
