namespace PostTrainGate.Metrics;

/// <summary>Share of rows whose predicted class is the true one, with Wilson's interval.</summary>
public sealed class Accuracy : IMetric, IPairedMetric
{
    /// <inheritdoc/>
    public string Name => "accuracy";

    /// <inheritdoc/>
    public string Summary => "Share of rows whose predicted class is the true one; Wilson's interval.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public MetricNeeds Needs => MetricNeeds.None;

    /// <inheritdoc/>
    Measurement IPairedMetric.Loss(MetricContext context, Evaluation other)
    {
        // A table of right and wrong: every row wants to be right, and each model is or is not.
        var (labels, now, then) = (context.Evaluation.Data.LabelValues, context.Evaluation.Predictions, other.Predictions);
        var right = labels.Where((label, row) => now[row] == label).Count();
        var table = new GroupTable(["all"], [new(right, 0, labels.Length - right, 0)], HasPrivileged: false);
        return PairedCounts.Of(table, labels.Length, _ => 0, _ => true, row => now[row] == labels[row], row => then[row] == labels[row])
            .Loss(t => Rate.TruePositive.Of(t[0]), Better, context.Confidence, context.Seed);
    }

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var (data, predictions) = (context.Evaluation.Data, context.Evaluation.Predictions);
        if (data.Count == 0) return Measurement.NotMeasured("there are no rows");
        bool Hit(int row) => predictions[row] == data.LabelValues[row];
        return Intervals.Proportion(Enumerable.Range(0, data.Count).Count(Hit), data.Count, context.Confidence) with
        {
            Breakdowns = [Breakdown.ByClass("accuracy by class", data, Hit, context.Confidence)],
        };
    }
}
