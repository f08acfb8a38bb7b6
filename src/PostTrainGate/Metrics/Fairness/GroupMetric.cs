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
public sealed partial class GroupMetric : TableMetric
{
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

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Summary { get; }

    /// <inheritdoc/>
    public override Better Better => _ratio ? Better.NearOne : Better.NearZero;

    /// <inheritdoc/>
    public override ImmutableArray<Key> Keys =>
        _rates.Length == 0 ? [GateKeys.Group, GateKeys.Rate, GateKeys.Average] : [GateKeys.Group, GateKeys.Average];

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
