namespace PostTrainGate.Metrics;

/// <summary>The rate of one level, with its interval: Wilson's for a share, a bootstrap's otherwise.</summary>
internal static class LevelRate
{
    /// <summary>The rate of a level.</summary>
    public static Measurement Of(GroupTable table, int level, Rate rate, double confidence, int seed)
    {
        var m = Unbiased(table, level, rate, confidence, seed);
        if (!m.IsMeasured || rate.Sizes is null) return m;
        var value = rate.Of(table[level]);
        return m with { Value = value, Lower = Math.Clamp(m.Lower, 0, value), Upper = Math.Max(value, m.Upper) };
    }

    /// <summary>
    /// The same to compare levels by: where noise alone makes a rate larger, an estimate without that, negative where there was more of it
    /// than usual.
    /// </summary>
    public static Measurement Unbiased(GroupTable table, int level, Rate rate, double confidence, int seed)
    {
        var cells = table.Cells[level];
        if (double.IsNaN(rate.Of(table[level]))) return Measurement.NotMeasured($"level '{table.Levels[level]}' has no {rate.Base}");
        if (rate.Part?.Invoke(cells) is var (hits, total)) return Intervals.Proportion((int)hits, (int)total, confidence);
        if (rate.AllPairsAgree(table[level]))
        {
            var pairs = (int)rate.Pairs!(cells);
            return Intervals.Proportion(rate.Of(table[level]) * pairs, pairs, confidence) with { Count = (int)cells.Count };
        }

        if (rate.Sizes is { } sizes)
        {
            var (size, error) = SumOfSizes.Estimate(sizes(table[level].Scores!));
            var half = error * Estimate.Errors(confidence);
            return new(size, size - half, size + half, (int)cells.Count);
        }

        var alone = new GroupTable([table.Levels[level]], [cells],
            HasPrivileged: false) { Scores = table.Scores.IsEmpty ? [] : [table.Scores[level]] };
        var value = rate.Of(alone[0]);
        return GroupBootstrap.Interval(alone, t => rate.Of(t[0]), confidence, seed) is var (lower, upper)
            ? new(value, Math.Min(value, lower), Math.Max(value, upper), (int)cells.Count)
            : Measurement.NotMeasured($"too few rows for an interval; level '{table.Levels[level]}' has {cells.Count} rows");
    }
}
