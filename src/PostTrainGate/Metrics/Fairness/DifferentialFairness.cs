using System.Collections.Immutable;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// Smoothed empirical differential fairness (Foulds et al. 2020): the largest logarithm of the ratio of two groups'
/// chances of either outcome, Dirichlet's prior with one row in all added to each group.
/// </summary>
public sealed class DifferentialFairness : TableMetric
{
    private readonly bool _amplification;

    private DifferentialFairness(string name, string summary, bool amplification) =>
        (Name, Summary, _amplification) = (name, summary, amplification);

    /// <summary>Of the predictions.</summary>
    public static DifferentialFairness Predictions { get; } =
        new(
            "differential_fairness",
            "Largest log ratio between two levels of the probability of a favorable or unfavorable prediction "
                + "(Foulds et al. 2020; AIF360 "
                + "smoothed_empirical_differential_fairness).",
            amplification: false
        );

    /// <summary>Of the predictions less that of the labels.</summary>
    public static DifferentialFairness Amplification { get; } =
        new(
            "differential_fairness_amplification",
            "Differential fairness of the predictions minus that of the labels; "
                + "above 0, the model amplifies bias "
                + "(AIF360 differential_fairness_bias_amplification).",
            amplification: true
        );

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Summary { get; }

    /// <inheritdoc/>
    public override Better Better => Better.Lower;

    /// <inheritdoc/>
    public override ImmutableArray<Key> Keys => [GateKeys.Group, GateKeys.Average];

    /// <inheritdoc/>
    public override double Largest => double.PositiveInfinity;

    /// <inheritdoc/>
    public override Measurement Measure(GroupTable table, GateRule rule, double confidence, int seed)
    {
        if (table.Cells.Length < 2)
            return Measurement.NotMeasured("the group has a single level, so there is nothing to compare");
        if (table.WhyNot(Rate.Selection) is { } reason)
            return Measurement.NotMeasured(reason);
        var value = Compute(table, rule);
        var interval = _amplification
            ? GroupBootstrap.Interval(table, t => Compute(t, rule), confidence, seed)
            : Interval(table, confidence);
        return interval is var (lower, upper)
            ? new(value, Math.Min(value, lower), Math.Max(value, upper), table.Rows)
            : Measurement.NotMeasured($"{table.Rows} rows are too few for an interval");
    }

    /// <inheritdoc/>
    protected override double Compute(GroupTable table, GateRule rule)
    {
        var predicted = LogRatio(Shares(table, c => c.Selected));
        return _amplification ? predicted - LogRatio(Shares(table, c => c.Favorable)) : predicted;
    }

    // The farther of two distances on the logarithmic scale, of chances and of their complements.
    private static (double, double)? Interval(GroupTable table, double confidence)
    {
        Measurement[] chances =
        [
            .. table.Cells.Select(c =>
            {
                var m = Intervals.Proportion(c.Selected, (int)c.Count, confidence);
                return m with
                {
                    Value = Smoothed(m.Value, c.Count),
                    Lower = Smoothed(m.Lower, c.Count),
                    Upper = Smoothed(m.Upper, c.Count),
                };
            }),
        ];
        var (favorable, other) = (
            Apart(chances),
            Apart(chances.Select(m => m with { Value = 1 - m.Value, Lower = 1 - m.Upper, Upper = 1 - m.Lower }))
        );
        return (Math.Max(favorable.Lower, other.Lower), Math.Max(favorable.Upper, other.Upper));

        (double Lower, double Upper) Apart(IEnumerable<Measurement> shares) =>
            new RangeInterval(
                [
                    [.. shares.Select(m => Estimate.FromLogarithm(m.Estimate, confidence))],
                ],
                largest: true,
                confidence
            ).Ends();
    }

    private static double[] Shares(GroupTable table, Func<Confusion, double> favorable) =>
        [.. table.Cells.Select(c => Smoothed(favorable(c) / c.Count, c.Count))];

    private static double Smoothed(double share, double rows) => (share * rows + 0.5) / (rows + 1);

    private static double LogRatio(double[] shares)
    {
        var (low, high) = (shares.Min(), shares.Max());
        return Math.Max(Math.Log(high / low), Math.Log((1 - low) / (1 - high)));
    }
}
