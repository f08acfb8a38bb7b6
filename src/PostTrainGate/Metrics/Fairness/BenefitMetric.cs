using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// Inequality of the benefit that people have of a prediction: 1 when it is right, 2 when it is better than the label,
/// 0 when it is worse (Speicher et al. 2018). Over all rows, between groups, or within groups; the latter two add up to
/// the first.
/// </summary>
public sealed class BenefitMetric : TableMetric
{
    private enum Part
    {
        All,
        Between,
        Within,
    }

    internal static readonly Key<double> Alpha = new(
        "alpha",
        new NumberShape(new(-10, 10)),
        "Order of the entropy; a higher value gives more weight to large benefits."
    )
    {
        Default = "2",
    };

    private readonly Part _part;
    private readonly double? _alpha; // null: the gate's
    private readonly bool _deviation; // as a coefficient of variation instead of an index

    private BenefitMetric(string name, string summary, Part part, double? alpha, bool deviation = false) =>
        (Name, Summary, _part, _alpha, _deviation) = (name, summary, part, alpha, deviation);

    /// <summary>Generalized entropy with alpha 1, over all rows.</summary>
    public static BenefitMetric Theil { get; } =
        new(
            "theil_index",
            "Inequality of benefit over all rows, alpha 1 (Speicher et al. 2018; AIF360 theil_index).",
            Part.All,
            1
        );

    /// <summary>Over all rows.</summary>
    public static BenefitMetric Entropy { get; } =
        new(
            "generalized_entropy_index",
            "Inequality of benefit over all rows, for any 'alpha' (Speicher et al. 2018; AIF360 "
                + "generalized_entropy_index). For alpha 0, AIF360 divides by the mean benefit once more.",
            Part.All,
            null
        );

    /// <summary>Twice the index with alpha 2, square root, over all rows.</summary>
    public static BenefitMetric Variation { get; } =
        new(
            "coefficient_of_variation",
            "Standard deviation of benefit over all rows, divided by its mean (AIF360 coefficient_of_variation).",
            Part.All,
            2,
            deviation: true
        );

    /// <summary>Every row counted with its group's mean benefit, alpha 1.</summary>
    public static BenefitMetric BetweenTheil { get; } =
        new(
            "between_group_theil_index",
            "Inequality of mean benefit between groups, alpha 1 (AIF360 between_group_theil_index).",
            Part.Between,
            1
        );

    /// <summary>Every row counted with its group's mean benefit.</summary>
    public static BenefitMetric BetweenEntropy { get; } =
        new(
            "between_group_generalized_entropy_index",
            "Inequality of mean benefit between groups, "
                + "for any 'alpha' (AIF360 between_group_generalized_entropy_index).",
            Part.Between,
            null
        );

    /// <summary>What is left within the groups.</summary>
    public static BenefitMetric WithinEntropy { get; } =
        new(
            "within_group_generalized_entropy_index",
            "Inequality of benefit within groups, for any 'alpha': "
                + "the total minus the inequality between groups (Speicher et al. 2018).",
            Part.Within,
            null
        );

    /// <summary>Of the groups' mean benefits.</summary>
    public static BenefitMetric BetweenVariation { get; } =
        new(
            "between_group_coefficient_of_variation",
            "Standard deviation of mean benefit between groups, "
                + "divided by its mean (AIF360 between_group_coefficient_of_variation).",
            Part.Between,
            2,
            deviation: true
        );

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Summary { get; }

    /// <inheritdoc/>
    public override Better Better => Better.Lower;

    /// <inheritdoc/>
    public override ImmutableArray<Key> Keys =>
        [
            .. _part == Part.All ? (ImmutableArray<Key>)[] : [GateKeys.Group],
            .. _alpha is null ? (ImmutableArray<Key>)[Alpha] : [],
            GateKeys.Average,
        ];

    /// <inheritdoc/>
    public override double Largest => double.PositiveInfinity;

    /// <inheritdoc/>
    public override Measurement Measure(GroupTable table, GateRule rule, double confidence, int seed)
    {
        if (table.WhyNot(Rate.Selection) is { } reason)
            return Measurement.NotMeasured(reason);
        var value = Compute(table, rule);
        if (!double.IsFinite(value))
            return Measurement.NotMeasured(
                "a benefit of 0 makes the index infinite for alpha "
                    + $"{Numbers.Chosen(_alpha ?? rule.Get(Alpha))}; use an alpha above 0"
            );
        var interval =
            _part == Part.Between
                ? BetweenGroups(table, _alpha ?? rule.Get(Alpha), confidence, seed)
                : GroupBootstrap.Interval(table, t => Compute(t, rule), confidence, seed);
        return interval is var (lower, upper)
            ? new(value, Math.Max(0, Math.Min(value, lower)), Math.Max(value, upper), table.Rows)
            : Measurement.NotMeasured($"{table.Rows} rows are too few for an interval");
    }

    /// <inheritdoc/>
    protected override double Compute(GroupTable table, GateRule rule)
    {
        var alpha = _alpha ?? rule.Get(Alpha);
        var index = _part switch
        {
            Part.All => Index(Rows(table), alpha),
            Part.Between => Index(Groups(table), alpha),
            _ => Index(Rows(table), alpha) - Index(Groups(table), alpha),
        };
        return OnScale(index);
    }

    private protected override string? WhyNoSlope(GateRule rule) =>
        _part != Part.Between && (_alpha ?? rule.Get(Alpha)) <= 0
            ? "a benefit of 0, which soft predictions always have, makes the index infinite; use an alpha above 0"
            : null;

    private double OnScale(double index) => _deviation ? Deviation(index) : index;

    private static double Deviation(double index) => Math.Sqrt(Math.Max(0, 2 * index));

    // An index goes with the square of how far benefits lie from their mean; errors go with that itself.
    private (double, double)? BetweenGroups(GroupTable table, double alpha, double confidence, int seed)
    {
        double[] counts = [.. table.Cells.Select(c => c.Count)];
        var interval = SizeInterval.Invert(
            table,
            t => [.. Groups(t).Select(g => g.Benefit)],
            (benefits, _) =>
                new ScaledValues(benefits, benefits.Zip(counts, (b, n) => b * n).Sum() / counts.Sum(), values =>
                    Deviation(Index([.. counts.Zip(values)], alpha))
                ),
            confidence,
            seed
        );
        return interval is not var (lower, upper) ? null
            : _deviation ? (lower, upper)
            : (lower * lower / 2, upper * upper / 2);
    }

    private static (double Count, double Benefit)[] Rows(GroupTable table)
    {
        var c = table.Overall.Counts;
        return [(c.FalseNegatives, 0), (c.TruePositives + c.TrueNegatives, 1), (c.FalsePositives, 2)];
    }

    private static (double Count, double Benefit)[] Groups(GroupTable table) =>
        [.. table.Cells.Select(c => (c.Count, (c.TruePositives + c.TrueNegatives + 2 * c.FalsePositives) / c.Count))];

    private static double Index((double Count, double Benefit)[] rows, double alpha)
    {
        var count = rows.Sum(r => r.Count);
        var mean = rows.Sum(r => r.Count * r.Benefit) / count;
        var sum = 0.0;
        foreach (var (n, benefit) in rows.Where(r => r.Count > 0))
        {
            var share = benefit / mean;
            sum +=
                n
                * alpha switch
                {
                    0 => -Math.Log(share),
                    1 => share > 0 ? share * Math.Log(share) : 0,
                    _ => (Math.Pow(share, alpha) - 1) / (alpha * (alpha - 1)),
                };
        }

        return sum / count;
    }
}
