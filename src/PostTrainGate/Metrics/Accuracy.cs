namespace PostTrainGate.Metrics;

/// <summary>Share of rows whose predicted class is the true one, with Wilson's interval.</summary>
public sealed class Accuracy : IMetric
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
