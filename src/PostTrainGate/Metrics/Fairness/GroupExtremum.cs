using System.Collections.Immutable;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// The lowest or the highest value of a rate among the levels of a group: how the group that fares worst fares.
/// </summary>
public sealed class GroupExtremum : TableMetric
{
    private readonly bool _highest;

    private GroupExtremum(string name, string summary, bool highest) =>
        (Name, Summary, _highest) = (name, summary, highest);

    /// <summary>For rates that should be high.</summary>
    public static GroupExtremum Minimum { get; } =
        new(
            "rate_minimum",
            "Lowest value of a rate over the levels of a group (fairlearn METRIC_group_min).",
            highest: false
        );

    /// <summary>For rates that should be low.</summary>
    public static GroupExtremum Maximum { get; } =
        new(
            "rate_maximum",
            "Highest value of a rate over the levels of a group (fairlearn METRIC_group_max).",
            highest: true
        );

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Summary { get; }

    /// <inheritdoc/>
    public override Better Better => _highest ? Better.Lower : Better.Higher;

    /// <inheritdoc/>
    public override ImmutableArray<Key> Keys => [GateKeys.Group, GateKeys.Rate, GateKeys.Average];

    /// <inheritdoc/>
    protected override double Compute(GroupTable table, GateRule rule)
    {
        var byLevel = Enumerable.Range(0, table.Cells.Length).Select(l => rule.Rate!.Compute(table[l])).ToArray();
        return _highest ? byLevel.Max() : byLevel.Min();
    }

    /// <inheritdoc/>
    public override Measurement Measure(GroupTable table, GateRule rule, double confidence, int seed)
    {
        var rate = rule.Rate!;
        if (table.WhyNot(rate) is { } reason)
            return Measurement.NotMeasured(reason);
        Measurement[] levels = [.. table.Cells.Select((_, l) => LevelRate.Measure(table, l, rate, confidence, seed))];
        if (levels.FirstOrDefault(m => !m.IsMeasured) is { Reason: { } missing })
            return Measurement.NotMeasured(missing);
        var value = Compute(table, rule);
        // That a size may be 0 says nothing of how far it may lie below its estimate.
        if (rate.Sizes is not null)
            levels = [.. levels.Select(m => m.Lower > 0 ? m : m with { Lower = double.NegativeInfinity })];
        Measurement Lowest(IEnumerable<Measurement> of) =>
            ExtremumInterval.Lowest([.. of.Select(m => m.Estimate)], table.Rows, confidence);
        var m = _highest ? Mirrored(Lowest(levels.Select(Mirrored))) : Lowest(levels);
        m = m with { Value = value, Lower = Math.Min(value, m.Lower), Upper = Math.Max(value, m.Upper) };
        return rate.Largest > 1 ? m : m with { Lower = Math.Max(0, m.Lower), Upper = Math.Min(1, m.Upper) };
    }

    private static Measurement Mirrored(Measurement m) =>
        m with
        {
            Value = -m.Value,
            Lower = -m.Upper,
            Upper = -m.Lower,
        };
}
