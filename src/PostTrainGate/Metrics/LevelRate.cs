namespace PostTrainGate.Metrics;

/// <summary>The rate of one level, with its interval: Wilson's for a share, a bootstrap's otherwise.</summary>
internal static class LevelRate
{
    /// <summary>The rate of a level.</summary>
    public static Measurement Of(GroupTable table, int level, Rate rate, double confidence, int seed)
    {
        var cells = table.Cells[level];
        if (double.IsNaN(rate.Of(table[level]))) return Measurement.NotMeasured($"level '{table.Levels[level]}' has no {rate.Base}");
        if (rate.Part?.Invoke(cells) is var (hits, total)) return Intervals.Proportion((int)hits, (int)total, confidence);
        if (rate.AllPairsAgree(table[level]))
        {
            var pairs = (int)rate.Pairs!(cells);
            return Intervals.Proportion(rate.Of(table[level]) * pairs, pairs, confidence) with { Count = (int)cells.Count };
        }

        var alone = new GroupTable([table.Levels[level]], [cells],
            HasPrivileged: false) { Scores = table.Scores.IsEmpty ? [] : [table.Scores[level]] };
        var value = rate.Of(alone[0]);
        var interval = rate.Terms is not { } terms ? GroupBootstrap.Interval(alone, t => rate.Of(t[0]), confidence, seed)
            : SizeInterval.Apart.Of(alone, t => terms(t[0].Scores!) is var sum ? [.. sum.Select(e => new[] { e * sum.Length, 0 })] : [],
                confidence, seed);
        return interval is var (lower, upper)
            ? new(value, Math.Min(value, lower), Math.Max(value, upper), (int)cells.Count)
            : Measurement.NotMeasured($"too few rows for an interval; level '{table.Levels[level]}' has {cells.Count} rows");
    }
}
