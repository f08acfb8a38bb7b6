using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>Share of rows whose predicted class is the true one, with Wilson's interval.</summary>
public sealed class Accuracy : IPredictionMetric, IPairedMetric, IDifferentiableMetric
{
    /// <inheritdoc/>
    public string Name => "accuracy";

    /// <inheritdoc/>
    public string Summary => "Share of rows whose predicted class is correct; Wilson interval.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => [];

    /// <inheritdoc/>
    Measurement IPairedMetric.Loss(MetricContext context, Evaluation other)
    {
        // A table of right and wrong: every row wants to be right, and each model is or is not.
        var (labels, now, then) = (
            context.Evaluation.Data.LabelValues,
            context.Evaluation.Predictions,
            other.Predictions
        );
        var right = labels.Where((label, row) => now[row] == label).Count();
        var table = new GroupTable(["all"], [new(right, 0, labels.Length - right, 0)], HasPrivileged: false);
        return PairedCounts
            .Count(
                table,
                labels.Length,
                _ => 0,
                _ => true,
                row => now[row] == labels[row],
                row => then[row] == labels[row]
            )
            .Loss(t => Rate.TruePositive.Compute(t[0]), Better, context.Confidence, context.Seed);
    }

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot) =>
        (whyNot = Judge.WhyNoTarget(context.Rule)) is null ? new LabelSurrogate(context) : null;

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context) => Compute(context.Evaluation, context.Confidence);

    /// <inheritdoc/>
    Measurement IPredictionMetric.Measure(IPredictions predictions, GateRule rule, double confidence, int seed) =>
        Compute(predictions, confidence);

    private static Measurement Compute(IPredictions predictions, double confidence)
    {
        var rows = predictions.Rows(null)!;
        if (rows.Total == 0)
            return Measurement.NotMeasured("the split has no rows");
        var (hits, counts) = (new int[predictions.ClassNames.Length], new int[predictions.ClassNames.Length]);
        for (var i = 0; i < rows.Labels.Length; i++)
        {
            counts[rows.Labels[i]] += rows.Count(i);
            if (rows.Predictions[i] == rows.Labels[i])
                hits[rows.Labels[i]] += rows.Count(i);
        }

        return new Measurement(Intervals.Proportion(hits.Sum(), rows.Total, confidence))
        {
            Breakdowns = [Breakdown.ByClass("accuracy by class", predictions.ClassNames, hits, counts, confidence)],
        };
    }
}
