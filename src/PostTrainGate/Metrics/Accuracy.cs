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
        var labels = context.Evaluation.Data.LabelValues;
        if (labels.Length == 0) return Measurement.NotMeasured("there are no rows");
        var hits = context.Evaluation.Predictions.Zip(labels).Count(r => r.First == r.Second);
        return Intervals.Proportion(hits, labels.Length, context.Confidence);
    }
}
