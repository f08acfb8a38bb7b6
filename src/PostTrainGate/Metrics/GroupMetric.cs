namespace PostTrainGate.Metrics;

/// <summary>
/// How far rates of the favourable outcome lie apart between the levels of a group. Each is three choices: which rates, on which scale,
/// and how several spreads make one figure; value and interval follow from them.
/// </summary>
/// <remarks>
/// With a privileged level, values have AIF360's sign: unprivileged - privileged, and unprivileged / privileged. Between levels side by
/// side they are fairlearn's: maximum - minimum, and minimum / maximum. More than two classes: favourable against all others.
/// A level without the rows that a rate needs makes the metric not measured.
/// </remarks>
public sealed class GroupMetric : IMetric
{
    private readonly Rate[] _rates;
    private readonly Func<double[], double> _combine;
    private readonly bool _ratio;
    private readonly bool _size;

    // size: the figure is a size, never negative, whatever the sign of the spreads; ratio: rates are compared on the logarithmic scale
    private GroupMetric(string name, string summary, Rate[] rates, Func<double[], double> combine, bool size = false, bool ratio = false)
    {
        (Name, Summary, Better) = (name, summary, ratio ? Better.NearOne : Better.NearZero);
        (_rates, _combine, _ratio, _size) = (rates, combine, ratio, size);
    }

    /// <summary>Difference of selection rates (Dwork et al. 2012).</summary>
    public static GroupMetric StatisticalParityDifference { get; } = new("statistical_parity_difference",
        "Difference of the share predicted favourable: unprivileged - privileged, or maximum - minimum over levels (AIF360, fairlearn).",
        [Rate.Selection], s => s[0]);

    /// <summary>Ratio of selection rates (Feldman et al. 2015).</summary>
    public static GroupMetric DisparateImpact { get; } = new("disparate_impact",
        "Ratio of the share predicted favourable: unprivileged / privileged, or minimum / maximum over levels; 0.8 is the four-fifths rule.",
        [Rate.Selection], s => s[0], ratio: true);

    /// <summary>Difference of true positive rates (Hardt et al. 2016).</summary>
    public static GroupMetric EqualOpportunityDifference { get; } = new("equal_opportunity_difference",
        "Difference of the true positive rate: unprivileged - privileged, or maximum - minimum over levels.",
        [Rate.TruePositive], s => s[0]);

    /// <summary>Mean of the differences of false and true positive rates, which may cancel (AIF360).</summary>
    public static GroupMetric AverageOddsDifference { get; } = new("average_odds_difference",
        "Mean of the differences of false and true positive rate, signed, so that they may cancel (AIF360).",
        [Rate.FalsePositive, Rate.TruePositive], s => (s[0] + s[1]) / 2);

    /// <summary>Mean of the sizes of both differences (AIF360).</summary>
    public static GroupMetric AverageAbsoluteOddsDifference { get; } = new("average_absolute_odds_difference",
        "Mean of the sizes of the differences of false and true positive rate (AIF360's average_abs_odds_difference).",
        [Rate.FalsePositive, Rate.TruePositive], s => (Math.Abs(s[0]) + Math.Abs(s[1])) / 2, size: true);

    /// <summary>The larger of both differences (fairlearn).</summary>
    public static GroupMetric EqualizedOddsDifference { get; } = new("equalized_odds_difference",
        "The larger of the sizes of the differences of false and true positive rate (Hardt et al. 2016; fairlearn, AIF360).",
        [Rate.FalsePositive, Rate.TruePositive], s => Math.Max(Math.Abs(s[0]), Math.Abs(s[1])), size: true);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Summary { get; }

    /// <inheritdoc/>
    public Better Better { get; }

    /// <inheritdoc/>
    public MetricNeeds Needs => MetricNeeds.Group;

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var data = context.Evaluation.Data;
        if (context.Rule.Group is not { } name || !data.Groups.TryGetValue(name, out var group))
        {
            return Measurement.NotMeasured($"the data has no group '{context.Rule.Group}'");
        }

        var table = GroupTable.Count(data.LabelValues, context.Evaluation.Predictions, group, data.Favorable);
        return Measure(table, context.Confidence, context.Seed);
    }

    /// <summary>The metric and its interval from counts alone.</summary>
    /// <param name="table">Counts per level.</param>
    /// <param name="confidence">Level of the interval, in (0, 1).</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    public Measurement Measure(GroupTable table, double confidence, int seed)
    {
        if (WhyNot(table) is { } reason) return Measurement.NotMeasured(reason);
        var spread = Spread(table, table.Cells.AsSpan(), []);
        var (center, replicates) = GroupBootstrap.Draw(table, seed);
        // Replicates whose table lacks the rows that a rate needs have no value.
        var spreads = Sorted(replicates.Select(cells => Spread(table, cells, [])));
        if (replicates.Length - spreads.Length > (1 - confidence) / 2 * replicates.Length)
        {
            var (least, cells) = table.Cells.Index().MinBy(c => c.Item.Count);
            return Measurement.NotMeasured($"too few rows for an interval; the smallest level '{table.Levels[least]}' has {cells.Count} rows");
        }

        var (lower, upper) = (Intervals.Quantile(spreads, (1 - confidence) / 2), Intervals.Quantile(spreads, (1 + confidence) / 2));
        if (_size || !table.HasPrivileged)
        {
            // A size is a norm of the rates. Resampling adds to a small one, so that a percentile of it is too high for a lower end (never too
            // low for an upper one). But by the triangle inequality it is off by no more than the size of the rates' errors.
            var error = Intervals.Quantile(Sorted(replicates.Select(cells => Spread(table, cells, center))), confidence);
            (lower, upper) = double.IsFinite(error) ? (Math.Max(0, spread - error), Math.Min(upper, spread + error)) : (0, upper);
        }

        var (a, b) = (OffScale(Math.Min(spread, lower), table), OffScale(Math.Max(spread, upper), table));
        return new(OffScale(spread, table), Math.Min(a, b), Math.Max(a, b), table.Rows);

        double[] Sorted(IEnumerable<double> values) => [.. values.Where(v => !double.IsNaN(v) && double.IsFinite(OffScale(v, table))).Order()];
    }

    private string? WhyNot(GroupTable table)
    {
        if (table.Cells.Length < 2) return "the group has a single level, so that there is nothing to compare";
        foreach (var rate in _rates)
        {
            foreach (var (level, cells) in table.Levels.Zip(table.Cells))
            {
                if (rate.Total(cells) == 0) return $"level '{level}' has no {rate.Base}";
            }
        }

        if (!_ratio) return null;
        var divisor = table.HasPrivileged ? _rates[0].Hits(table.Cells[1]) : table.Cells.Max(_rates[0].Hits);
        if (divisor > 0) return null;
        var whose = table.HasPrivileged ? $"no row of level '{table.Levels[1]}'" : "no row";
        return $"{whose} is predicted favourable, so that there is no ratio";
    }

    // The spreads of all rates over the levels, combined; of the rates' deviations where a center is given.
    private double Spread(GroupTable table, ReadOnlySpan<Confusion> cells, ReadOnlySpan<Confusion> center)
    {
        var spreads = new double[_rates.Length];
        var byLevel = new double[cells.Length];
        for (var r = 0; r < spreads.Length; r++)
        {
            for (var l = 0; l < byLevel.Length; l++)
            {
                byLevel[l] = OnScale(_rates[r].Of(cells[l])) - (center.IsEmpty ? 0 : OnScale(_rates[r].Of(center[l])));
            }

            spreads[r] = table.Spread(byLevel);
        }

        return _combine(spreads);
    }

    private double OnScale(double rate) => _ratio ? Math.Log(rate) : rate;

    private double OffScale(double spread, GroupTable table) => !_ratio ? spread : Math.Exp(table.HasPrivileged ? spread : -spread);
}
