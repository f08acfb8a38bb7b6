using static TorchSharp.torch;

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
        var value = Value(table, Spreads(table, table.Cells, null));
        using var scope = NewDisposeScope();
        var (center, replicates) = GroupBootstrap.Draw(table, seed);
        var folded = _size || !table.HasPrivileged;
        // Replicates whose table lacks the rows that a rate needs have no value.
        var values = replicates
            .Select(cells => folded ? _combine(Spreads(table, cells, center)) : Value(table, Spreads(table, cells, null)))
            .Where(double.IsFinite).Order().ToArray();
        if (replicates.Length - values.Length > (1 - confidence) / 2 * replicates.Length)
        {
            var least = table.Cells.Select(c => c.Count).Index().MinBy(c => c.Item).Index;
            return Measurement.NotMeasured($"too few rows for an interval; the smallest level '{table.Levels[least]}' has {table.Cells[least].Count}");
        }

        if (!folded)
        {
            return new(value, Math.Min(value, Intervals.Quantile(values, (1 - confidence) / 2)),
                Math.Max(value, Intervals.Quantile(values, (1 + confidence) / 2)), table.Rows);
        }

        // A size of spreads is a norm of the rates. Resampling can only add to small ones, so that percentiles would lie above the
        // truth; but by the triangle inequality the size is off by no more than the size of the error.
        var error = Intervals.Quantile(values, confidence);
        return _ratio
            ? new(value, value * Math.Exp(-error), Math.Min(1, value * Math.Exp(error)), table.Rows)
            : new(value, Math.Max(0, value - error), Math.Min(1, value + error), table.Rows);
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
        return table.HasPrivileged ? $"no row of level '{table.Levels[1]}' is predicted favourable, so that there is no ratio" : "no row is predicted favourable, so that there is no ratio";
    }

    // Spread of each rate over the levels; with a center, spread of the rates' deviations from it.
    private double[] Spreads(GroupTable table, IReadOnlyList<Confusion> cells, IReadOnlyList<Confusion>? center) =>
        [.. _rates.Select(rate => table.Spread([.. cells.Select((c, l) => OnScale(rate.Of(c)) - (center is null ? 0 : OnScale(rate.Of(center[l]))))]))];

    private double OnScale(double rate) => _ratio ? Math.Log(rate) : rate;

    private double Value(GroupTable table, double[] spreads)
    {
        var combined = _combine(spreads);
        return _ratio ? Math.Exp(table.HasPrivileged ? combined : -combined) : combined;
    }
}
