using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// Certified accuracy of the model under randomized smoothing (Cohen et al. 2019): the share of rows whose class is
/// right and certified beyond the radius. It speaks of the smoothed classifier, which is another one than the model
/// alone.
/// </summary>
public sealed class SmoothedAccuracy : IDifferentiableMetric, IBlockMetric
{
    internal static readonly Key<double> Sigma = new(
        "sigma",
        new NumberShape(NumberRange.Positive),
        "Standard deviation of the smoothing noise, in input units."
    )
    {
        Example = "sigma: 0.25",
    };

    internal static readonly Key<int> Draws = new(
        "draws",
        new CountShape(100, 1_000_000),
        "Noise draws per row; more draws can certify a larger radius."
    )
    {
        Default = "1000",
    };

    /// <inheritdoc/>
    public string Name => "smoothed_accuracy";

    /// <inheritdoc/>
    public string Summary =>
        "Share of rows that the model smoothed with Gaussian noise 'sigma' classifies correctly "
        + "with a certified L2 radius of at least epsilon (Cohen et al. 2019). "
        + "Abstentions count as wrong; needs only scores; Wilson interval.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => [Sigma, AttackKeys.Epsilon, Draws];

    /// <inheritdoc/>
    public bool ChangesInputs => true;

    /// <inheritdoc/>
    public string Title(GateRule rule) =>
        $"{GateTitle.Plain(rule)}, sigma {Numbers.Chosen(rule.Get(Sigma))} "
        + $"L2 epsilon {Numbers.Chosen(rule.Get(AttackKeys.Epsilon))}";

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot) =>
        (whyNot = Judge.WhyNoTarget(context.Rule)) is null ? new SmoothingSurrogate(context) : null;

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var (sigma, epsilon, draws) = (
            context.Rule.Get(Sigma),
            context.Rule.Get(AttackKeys.Epsilon),
            context.Rule.Get(Draws)
        );
        var evaluation = context.Evaluation;
        if (evaluation.Data.Count == 0)
            return Measurement.NotMeasured("the split has no rows");
        using var rows = evaluation.Data.Take(context.Chosen(evaluation.Data));
        var verdicts = Smoothing.Certify(
            evaluation.Model,
            rows.Inputs,
            sigma,
            draws,
            context.Seed,
            context.Progress,
            context.Cancel,
            context.Work
        );
        if (context.Work.IsPartial)
            return Measurement.LeftToMerge;
        bool Holds(int row, double radius) =>
            verdicts[row].Class == rows.LabelValues[row] && verdicts[row].Radius >= radius;
        Measurement Share(double radius) =>
            Intervals.Proportion(
                Enumerable.Range(0, rows.Count).Count(row => Holds(row, radius)),
                rows.Count,
                context.Confidence
            );
        var abstained = verdicts.Count(v => v.Class < 0);
        var largest = sigma * MathNet.Numerics.Distributions.Normal.InvCDF(0, 1, Smoothing.Lower(draws, draws));
        string[] limits =
            largest >= epsilon
                ? []
                :
                [
                    $"With {draws} draws, no radius above {Numbers.Chosen(largest)} can be certified; "
                        + "increase 'draws' or 'sigma'.",
                ];
        return Share(epsilon) with
        {
            Breakdowns =
            [
                Breakdown.ByClass("smoothed accuracy by class", rows, row => Holds(row, epsilon), context.Confidence),
                new(
                    "smoothed accuracy by radius",
                    [
                        .. new[] { 0, 0.5, 1, 1.5, 2, 2.5, 3 }
                            .Select(f => f * sigma)
                            .Select(r => BreakdownPart.FromMeasurement(Numbers.Chosen(r), Share(r))),
                    ]
                ),
            ],
            Notes =
            [
                $"The smoothed classifier abstains on {abstained.ToString(CultureInfo.InvariantCulture)} of "
                    + $"{rows.Count} rows; "
                    + $"each certificate is wrong with a probability of at most {Numbers.Chosen(Smoothing.Alpha)}.",
                .. limits,
            ],
        };
    }
}
