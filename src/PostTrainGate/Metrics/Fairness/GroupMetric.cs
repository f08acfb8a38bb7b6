using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// How far rates lie apart between the levels of a group. Each is a few choices: which rates, on which scale, apart
/// from what, and how several spreads make one figure; value and interval follow from them.
/// </summary>
/// <remarks>
/// With a privileged level, values have AIF360's sign: unprivileged - privileged, and unprivileged / privileged.
/// Between levels side by side they are fairlearn's: maximum - minimum, and minimum / maximum. A level without the rows
/// that a rate needs makes the metric not measured.
/// </remarks>
public sealed class GroupMetric : TableMetric
{
    private const string Between = "unprivileged minus privileged, or maximum minus minimum over levels";

    private readonly Rate[] _rates;
    private readonly Func<double[], double> _combine = s => s[0];
    private readonly bool _ratio; // rates are compared on the logarithmic scale
    private readonly bool _size; // the figure is a size, never negative, whatever the sign of the spreads
    private readonly bool _overall; // levels are compared with all rows together instead of with each other
    private readonly bool _largest; // of several rates the largest spread counts, not the mean

    // No rates: the one that the gate names.
    private GroupMetric(string name, string summary, Rate[] rates, bool ratio = false, bool overall = false)
    {
        (Name, Summary, _rates, _ratio, _overall) = (name, summary, rates, ratio, overall);
        _size = overall;
    }

    private GroupMetric(
        string name,
        string summary,
        Rate[] rates,
        Func<double[], double> combine,
        bool size,
        bool ratio = false,
        bool largest = false
    )
        : this(name, summary, rates, ratio) => (_combine, _size, _largest) = (combine, size, largest);

    /// <summary>Difference of selection rates (Dwork et al. 2012).</summary>
    public static GroupMetric StatisticalParityDifference { get; } =
        new(
            "statistical_parity_difference",
            "Difference in the share of favorable predictions: "
                + $"{Between} (AIF360 statistical_parity_difference, fairlearn demographic_parity_difference).",
            [Rate.Selection]
        );

    /// <summary>Ratio of selection rates (Feldman et al. 2015).</summary>
    public static GroupMetric DisparateImpact { get; } =
        new(
            "disparate_impact",
            "Ratio of the shares of favorable predictions: unprivileged / privileged, or minimum / maximum over levels "
                + "(AIF360 disparate_impact, fairlearn demographic_parity_ratio). The four-fifths rule demands 0.8.",
            [Rate.Selection],
            ratio: true
        );

    /// <summary>Difference of true positive rates (Hardt et al. 2016).</summary>
    public static GroupMetric EqualOpportunityDifference { get; } =
        new(
            "equal_opportunity_difference",
            $"Difference in the true positive rate: {Between} (AIF360 equal_opportunity_difference, "
                + "fairlearn true_positive_rate_difference).",
            [Rate.TruePositive]
        );

    /// <summary>Mean of the differences of false and true positive rates, which may cancel (AIF360).</summary>
    public static GroupMetric AverageOddsDifference { get; } =
        new(
            "average_odds_difference",
            "Mean of the signed differences in false and true positive rate, "
                + "which may cancel out (AIF360 average_odds_difference).",
            [Rate.FalsePositive, Rate.TruePositive],
            s => (s[0] + s[1]) / 2,
            size: false
        );

    /// <summary>Mean of the sizes of both differences (AIF360).</summary>
    public static GroupMetric AverageAbsoluteOddsDifference { get; } =
        new(
            "average_absolute_odds_difference",
            "Mean of the absolute differences in false and true positive rate (AIF360 average_abs_odds_difference).",
            [Rate.FalsePositive, Rate.TruePositive],
            s => (Math.Abs(s[0]) + Math.Abs(s[1])) / 2,
            size: true
        );

    /// <summary>The larger of both differences.</summary>
    public static GroupMetric EqualizedOddsDifference { get; } =
        new(
            "equalized_odds_difference",
            "The larger of the absolute differences in false and true positive rate (Hardt et al. 2016; "
                + "AIF360, fairlearn equalized_odds_difference).",
            [Rate.FalsePositive, Rate.TruePositive],
            s => Math.Max(Math.Abs(s[0]), Math.Abs(s[1])),
            size: true,
            largest: true
        );

    /// <summary>The smaller of both ratios.</summary>
    public static GroupMetric EqualizedOddsRatio { get; } =
        new(
            "equalized_odds_ratio",
            "Ratio (smaller / larger) of the false or the true positive rates, "
                + "whichever is further from 1 (fairlearn equalized_odds_ratio).",
            [Rate.FalsePositive, Rate.TruePositive],
            s => Math.Max(Math.Abs(s[0]), Math.Abs(s[1])),
            size: true,
            largest: true,
            ratio: true
        );

    /// <summary>Difference of precisions (Chouldechova 2017).</summary>
    public static GroupMetric PredictiveParityDifference { get; } =
        new(
            "predictive_parity_difference",
            $"Difference in the positive predictive value: {Between} (Chouldechova 2017; "
                + "the negative of AIF360 false_discovery_rate_difference).",
            [Rate.PositivePredictive]
        );

    /// <summary>Mean of the differences of precision and false omission rate (AIF360).</summary>
    public static GroupMetric AveragePredictiveValueDifference { get; } =
        new(
            "average_predictive_value_difference",
            "Mean of the signed differences in positive predictive value and false omission rate "
                + "(AIF360 average_predictive_value_difference).",
            [Rate.PositivePredictive, Rate.FalseOmission],
            s => (s[0] + s[1]) / 2,
            size: false
        );

    /// <summary>Difference of any rate.</summary>
    public static GroupMetric RateDifference { get; } =
        new(
            "rate_difference",
            $"Difference in any rate: {Between} (AIF360 RATE_difference, fairlearn RATE_difference).",
            []
        );

    /// <summary>Ratio of any rate.</summary>
    public static GroupMetric RateRatio { get; } =
        new(
            "rate_ratio",
            "Ratio of any rate: unprivileged / privileged, or minimum / maximum over levels (AIF360 RATE_ratio, "
                + "fairlearn RATE_ratio).",
            [],
            ratio: true
        );

    /// <summary>Largest distance of a level's rate from that of all rows.</summary>
    public static GroupMetric RateDifferenceToOverall { get; } =
        new(
            "rate_difference_to_overall",
            "Largest difference between the rate of a level and the rate of all rows "
                + "(fairlearn difference(method='to_overall')).",
            [],
            overall: true
        );

    /// <summary>Smallest ratio of a level's rate and that of all rows.</summary>
    public static GroupMetric RateRatioToOverall { get; } =
        new(
            "rate_ratio_to_overall",
            "Ratio (smaller / larger) of a level's rate and that of all rows, "
                + "for the level furthest from 1 (fairlearn ratio(method='to_overall')).",
            [],
            ratio: true,
            overall: true
        );

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Summary { get; }

    /// <inheritdoc/>
    public override Better Better => _ratio ? Better.NearOne : Better.NearZero;

    /// <inheritdoc/>
    public override ImmutableArray<Key> Keys =>
        _rates.Length == 0 ? [GateKeys.Group, GateKeys.Rate, GateKeys.Classes] : [GateKeys.Group, GateKeys.Classes];

    /// <inheritdoc/>
    public override Measurement Measure(GroupTable table, GateRule rule, double confidence, int seed)
    {
        var rates = Rates(rule);
        if (WhyNot(table, rates) is { } reason)
            return Measurement.NotMeasured(reason);
        var value = Spread(OnScale(table, rates), table);
        if (Interval(table, rates, confidence, seed) is not var (lower, upper))
        {
            var (least, cells) = table.Cells.Index().MinBy(c => c.Item.Count);
            return Measurement.NotMeasured(
                $"too few rows for an interval; the smallest level, '{table.Levels[least]}', has {cells.Count} rows"
            );
        }

        if (!_ratio && rates.Max(r => r.Largest) is var most)
            (lower, upper) = (Math.Max(lower, -most), Math.Min(upper, most));
        var (a, b) = (OffScale(Math.Min(value, lower), table), OffScale(Math.Max(value, upper), table));
        return new(OffScale(value, table), Math.Min(a, b), Math.Max(a, b), table.Rows);
    }

    /// <inheritdoc/>
    protected override double Compute(GroupTable table, GateRule rule)
    {
        var rates = Rates(rule);
        return OffScale(Spread(OnScale(table, rates), table), table);
    }

    /// <inheritdoc/>
    public override ComparedRows Compares(GateRule rule) =>
        Rates(rule).Select(r => r.Compares).Distinct().ToArray() is [var one] ? one : ComparedRows.EachLabel;

    /// <inheritdoc/>
    protected override Rate[] Rates(GateRule rule) => _rates.Length == 0 ? [rule.Rate!] : _rates;

    // On the scale that levels are compared on.
    private (double, double)? Interval(GroupTable table, Rate[] rates, double confidence, int seed)
    {
        if (_overall)
            return SizeInterval.Invert(
                table,
                t => OnScale(t, rates)[0] is var v ? [.. v[..^1].Select(level => level - v[^1])] : [],
                (values, errors) => new FarthestValue(values, errors),
                confidence,
                seed
            );
        if (_size || !table.HasPrivileged)
            return ApartOnScale(table, rates, confidence, seed)?.Ends();
        if (rates is [var rate] && Enumerable.Range(0, table.Cells.Length).Any(l => rate.LeavesBootstrap(table[l])))
            return ApartByLevels(table, rate, confidence, seed);
        return GroupBootstrap.Interval(
            table,
            t => Spread(OnScale(t, rates), table) is var v && double.IsFinite(OffScale(v, table)) ? v : double.NaN,
            confidence,
            seed
        );
    }

    private RangeInterval? ApartOnScale(GroupTable table, Rate[] rates, double confidence, int seed)
    {
        var rows = new Estimate[rates.Length][];
        for (var r = 0; r < rates.Length; r++)
        {
            rows[r] = new Estimate[table.Cells.Length];
            for (var l = 0; l < rows[r].Length; l++)
            {
                if (OnScale(table, l, rates[r], confidence, seed) is not { } estimate)
                    return null;
                rows[r][l] = estimate;
            }
        }

        return new(rows, _largest || rates.Length == 1, confidence);
    }

    private Estimate? OnScale(GroupTable table, int level, Rate rate, double confidence, int seed)
    {
        var m = LevelRate.Unbiased(table, level, rate, confidence, seed);
        if (!m.IsMeasured || (_ratio && m.Upper <= 0))
            return null;
        return _ratio ? Estimate.FromLogarithm(m.Estimate, confidence) : Estimate.FromInterval(m.Estimate, confidence);
    }

    // The levels' own errors add up as errors do (method of variance estimates recovery, Zou and Donner 2008).
    private (double, double)? ApartByLevels(GroupTable table, Rate rate, double confidence, int seed)
    {
        if (
            OnScale(table, 0, rate, confidence, seed) is not { } a
            || OnScale(table, 1, rate, confidence, seed) is not { } b
        )
            return null;
        var (value, errors) = (a.Value - b.Value, Estimate.Errors(confidence));
        return (
            value - errors * Math.Sqrt(a.Down * a.Down + b.Up * b.Up),
            value + errors * Math.Sqrt(a.Up * a.Up + b.Down * b.Down)
        );
    }

    private string? WhyNot(GroupTable table, Rate[] rates)
    {
        if (table.Cells.Length < 2)
            return "the group has a single level, so there is nothing to compare";
        if (rates.Select(table.WhyNot).FirstOrDefault(r => r is not null) is { } reason)
            return reason;
        if (!_ratio)
            return null;
        foreach (var rate in rates)
        {
            var divisor =
                _overall ? rate.Compute(table.Overall)
                : table.HasPrivileged ? rate.Compute(table[1])
                : Enumerable.Range(0, table.Cells.Length).Max(l => rate.Compute(table[l]));
            if (divisor > 0)
                continue;
            var whose = _overall || !table.HasPrivileged ? "all rows" : $"level '{table.Levels[1]}'";
            return $"the {rate.Name.Replace('_', ' ')} of {whose} is {Numbers.Chosen(divisor)}, "
                + "so the ratio is undefined";
        }

        return null;
    }

    // [rate][level, and all rows together at the end where levels are compared with them]
    private double[][] OnScale(GroupTable table, Rate[] rates)
    {
        var values = new double[rates.Length][];
        for (var r = 0; r < rates.Length; r++)
        {
            var byLevel = values[r] = new double[table.Cells.Length + (_overall ? 1 : 0)];
            for (var l = 0; l < byLevel.Length; l++)
            {
                var rate = rates[r].Compute(l < table.Cells.Length ? table[l] : table.Overall);
                byLevel[l] = _ratio ? Math.Log(rate) : rate;
            }
        }

        return values;
    }

    private double Spread(double[][] values, GroupTable table) => _combine([.. values.Select(v => Spread(v, table))]);

    private double Spread(double[] byLevel, GroupTable table) =>
        _overall ? byLevel[..^1].Max(v => Math.Abs(v - byLevel[^1])) : table.Spread(byLevel);

    private double OffScale(double spread, GroupTable table) =>
        !_ratio ? spread : Math.Exp(!_size && table.HasPrivileged ? spread : -spread);
}
