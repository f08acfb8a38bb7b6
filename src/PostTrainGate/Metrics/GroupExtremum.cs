using PostTrainGate.Policy;

namespace PostTrainGate.Metrics;

/// <summary>The lowest or the highest value of a rate among the levels of a group: how the group that fares worst fares.</summary>
public sealed class GroupExtremum : TableMetric
{
    private readonly bool _highest;

    private GroupExtremum(string name, string summary, bool highest) => (Name, Summary, _highest) = (name, summary, highest);

    /// <summary>For rates that should be high.</summary>
    public static GroupExtremum Minimum { get; } = new("rate_minimum",
        "Lowest value of any rate over the levels of a group (fairlearn METRIC_group_min).", highest: false);

    /// <summary>For rates that should be low.</summary>
    public static GroupExtremum Maximum { get; } = new("rate_maximum",
        "Highest value of any rate over the levels of a group (fairlearn METRIC_group_max).", highest: true);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Summary { get; }

    /// <inheritdoc/>
    public override Better Better => _highest ? Better.Lower : Better.Higher;

    /// <inheritdoc/>
    public override MetricNeeds Needs => MetricNeeds.Group | MetricNeeds.Rate;

    /// <inheritdoc/>
    protected override double Of(GroupTable table, GateRule rule)
    {
        var byLevel = Enumerable.Range(0, table.Cells.Length).Select(l => RateOf(rule.Rate!).Of(table[l])).ToArray();
        return _highest ? byLevel.Max() : byLevel.Min();
    }

    /// <inheritdoc/>
    public override Measurement Measure(GroupTable table, GateRule rule, double confidence, int seed)
    {
        var rate = RateOf(rule.Rate!);
        if (table.WhyNot(rate) is { } reason) return Measurement.NotMeasured(reason);
        var levels = Enumerable.Range(0, table.Cells.Length).ToArray();
        // The end on the far side is that of any one level, so that it holds as often as that level's. The end on the near side fails as
        // soon as one strays of the levels that noise cannot tell from the extreme, so that their number counts (Bonferroni). The latter
        // alone can miss where all levels are equal, so that it has the larger part of what may be missed.
        var missed = 1 - confidence;
        var far = levels.Select(l => LevelRate.Of(table, l, rate, 1 - 2 * missed * (1 - SizeInterval.Competing), seed)).ToArray();
        var near = levels.Select(l => LevelRate.Of(table, l, rate, 1 - 2 * missed * SizeInterval.Competing / Math.Max(1, Competing(far)), seed)).ToArray();
        if (far.Concat(near).FirstOrDefault(m => !m.IsMeasured) is { Reason: { } missing }) return Measurement.NotMeasured(missing);
        return _highest
            ? new(far.Max(m => m.Value), near.Max(m => m.Lower), far.Max(m => m.Upper), table.Rows)
            : new(far.Min(m => m.Value), far.Min(m => m.Lower), near.Min(m => m.Upper), table.Rows);
    }

    // Levels whose interval reaches as far as the extreme's own.
    private int Competing(Measurement[] levels) => _highest
        ? levels.MaxBy(m => m.Value) is var top ? levels.Count(m => m.Upper >= top.Lower) : 0
        : levels.MinBy(m => m.Value) is var bottom ? levels.Count(m => m.Lower <= bottom.Upper) : 0;
}
