using System.Collections.Immutable;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// How far rows are predicted as their nearest neighbors are (Zemel et al. 2013): one less the mean share of a row's
/// neighbors, itself among them as AIF360 has it, with another prediction.
/// </summary>
public sealed class Consistency : IDifferentiableMetric
{
    /// <inheritdoc/>
    public string Name => "consistency";

    /// <inheritdoc/>
    public string Summary =>
        "Mean share of a row's nearest neighbors with the same prediction (Zemel et al. 2013; AIF360 consistency). "
        + "Neighbors are by Euclidean distance and include the row itself; Wilson interval.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => [GateKeys.Neighbors];

    /// <inheritdoc/>
    public bool NeedsCompleteRows => true;

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot)
    {
        var count = context.Rule.Get(GateKeys.Neighbors);
        whyNot = Judge.WhyNoTarget(context.Rule);
        if (context.Data.Count - context.Data.IncompleteRows.Length < count)
            whyNot ??= $"the split has fewer rows than {count} neighbors";
        return whyNot is null ? new ConsistencySurrogate(context, count) : null;
    }

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var count = context.Rule.Get(GateKeys.Neighbors);
        if (context.Evaluation.Data.Count < count)
            return Measurement.NotMeasured($"the split has fewer rows than {count} neighbors");
        var neighbors = Neighbors.Among(context.Evaluation.Data, count, context.Cancel);
        // Shares vary less than outcomes do, so that Wilson's interval is rather too wide than too narrow.
        return Intervals.Proportion(
            Compute(neighbors, context.Evaluation.Predictions) * neighbors.Length,
            neighbors.Length,
            context.Confidence
        );
    }

    /// <summary>The figure from neighbors and classes alone.</summary>
    /// <param name="neighbors">Rows near each row.</param>
    /// <param name="classes">Class of every row.</param>
    internal static double Compute(int[][] neighbors, IReadOnlyList<int> classes) =>
        neighbors.Select((near, row) => near.Count(n => classes[n] == classes[row]) / (double)near.Length).Average();
}
