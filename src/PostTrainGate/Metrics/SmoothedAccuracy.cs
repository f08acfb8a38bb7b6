using System.Globalization;
using PostTrainGate.Certification;

namespace PostTrainGate.Metrics;

/// <summary>
/// Certified accuracy of the model under randomised smoothing (Cohen et al. 2019): the share of rows whose class is right and certified
/// beyond the radius. It speaks of the smoothed classifier, which is another one than the model alone.
/// </summary>
public sealed class SmoothedAccuracy : IMetric
{
    /// <inheritdoc/>
    public string Name => "smoothed_accuracy";

    /// <inheritdoc/>
    public string Summary =>
        "Share of rows that the model smoothed by Gaussian noise 'sigma' classifies correctly "
        + "with a certified L2 radius of at least epsilon, abstentions counting as wrong (Cohen et al. 2019); needs scores only; Wilson's interval.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public MetricNeeds Needs => MetricNeeds.Smoothing;

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        if (context.Rule.Smoothing is not { } settings)
            return Measurement.NotMeasured("the gate names no noise");
        var evaluation = context.Evaluation;
        if (evaluation.Data.Count == 0)
            return Measurement.NotMeasured("there are no rows");
        using var rows = evaluation.Data.Take(context.Chosen(evaluation.Data));
        var verdicts = Smoothing.Certify(
            evaluation.Model,
            rows.Inputs,
            settings.Sigma,
            settings.Draws,
            context.Seed,
            context.Progress,
            context.Cancel
        );
        bool Holds(int row, double radius) =>
            verdicts[row].Class == rows.LabelValues[row] && verdicts[row].Radius >= radius;
        Measurement Share(double radius) =>
            Intervals.Proportion(
                Enumerable.Range(0, rows.Count).Count(row => Holds(row, radius)),
                rows.Count,
                context.Confidence
            );
        var abstained = verdicts.Count(v => v.Class < 0);
        var largest =
            settings.Sigma
            * MathNet.Numerics.Distributions.Normal.InvCDF(0, 1, Smoothing.Lower(settings.Draws, settings.Draws));
        string[] limits =
            largest >= settings.Epsilon
                ? []
                :
                [
                    $"With {settings.Draws} draws no radius above {GateText.Number(largest)} can be certified; "
                        + "give more 'draws' or a larger 'sigma'.",
                ];
        return Share(settings.Epsilon) with
        {
            Breakdowns =
            [
                Breakdown.ByClass(
                    "smoothed accuracy by class",
                    rows,
                    row => Holds(row, settings.Epsilon),
                    context.Confidence
                ),
                new(
                    "smoothed accuracy by radius",
                    [
                        .. new[] { 0, 0.5, 1, 1.5, 2, 2.5, 3 }
                            .Select(f => f * settings.Sigma)
                            .Select(r => BreakdownPart.Of(GateText.Number(r), Share(r))),
                    ]
                ),
            ],
            Notes =
            [
                $"The smoothed classifier abstains on {abstained.ToString(CultureInfo.InvariantCulture)} of {rows.Count} rows; "
                    + $"each certificate is wrong with a probability of at most {GateText.Number(Smoothing.Alpha)}.",
                .. limits,
            ],
        };
    }
}
