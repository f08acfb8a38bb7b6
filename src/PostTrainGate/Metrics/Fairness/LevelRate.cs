using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>The rate of one level, with its interval: Wilson's for a share, a bootstrap's otherwise.</summary>
internal static class LevelRate
{
    /// <summary>The rate of a level.</summary>
    public static Measurement Measure(GroupTable table, int level, Rate rate, double confidence, int seed)
    {
        var m = Unbiased(table, level, rate, confidence, seed);
        if (!m.IsMeasured || rate.Sizes is not { } sizes)
            return m;
        var lower = DebiasedAbsoluteSum.AreNotAllZero(sizes(table[level].Scores!), confidence)
            ? Math.Max(0, m.Lower)
            : 0;
        // Terms that all came out near 0 do not make it certain that they are.
        var error = (m.Upper - m.Value) / Estimate.Errors(confidence);
        return m with { Value = Math.Max(0, m.Value), Lower = lower, Upper = Math.Max(error, m.Upper) };
    }

    /// <summary>
    /// The same to take differences of, in which what is wrong on either side cancels: of a size an estimate that may
    /// be negative.
    /// </summary>
    public static Measurement Unbiased(GroupTable table, int level, Rate rate, double confidence, int seed)
    {
        var cells = table.Cells[level];
        if (double.IsNaN(rate.Compute(table[level])))
            return Measurement.NotMeasured($"level '{table.Levels[level]}' has no {rate.Base}");
        if (rate.Part?.Invoke(cells) is var (hits, total))
            return Intervals.Proportion((int)hits, (int)total, confidence);
        if (rate.AllPairsAgree(table[level]))
        {
            var pairs = (int)rate.Pairs!(cells);
            return new Measurement(Intervals.Proportion(rate.Compute(table[level]) * pairs, pairs, confidence))
            {
                Count = (int)cells.Count,
            };
        }

        if (rate.Sizes is { } sizes)
        {
            var (size, down, up) = DebiasedAbsoluteSum.Compute(sizes(table[level].Scores!));
            var errors = Estimate.Errors(confidence);
            return new(size, size - errors * down, size + errors * up, (int)cells.Count);
        }

        var alone = new GroupTable([table.Levels[level]], [cells], HasPrivileged: false)
        {
            Scores = table.Scores.IsEmpty ? [] : [table.Scores[level]],
        };
        var value = rate.Compute(alone[0]);
        return GroupBootstrap.Interval(alone, t => rate.Compute(t[0]), confidence, seed) is var (lower, upper)
            ? new(value, Math.Min(value, lower), Math.Max(value, upper), (int)cells.Count)
            : Measurement.NotMeasured(
                $"too few rows for an interval; level '{table.Levels[level]}' has {cells.Count} rows"
            );
    }
}
