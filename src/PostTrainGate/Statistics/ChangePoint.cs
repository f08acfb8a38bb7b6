using MathNet.Numerics.Distributions;
using PostTrainGate.Foundation;

namespace PostTrainGate.Statistics;

/// <summary>A level that holds from a value on.</summary>
/// <param name="At">Index of its first value.</param>
/// <param name="Before">Mean of the level before, precise values weighing more.</param>
/// <param name="After">Mean from there on.</param>
internal readonly record struct LevelShift(int At, double Before, double After);

/// <summary>
/// Where the level of a sequence of measurements shifted last: binary segmentation (Scott and Knott 1974; Vostrikova
/// 1981) by the weighted CUSUM statistic, which is the likelihood ratio of two levels against one.
/// </summary>
/// <remarks>
/// A split counts when either of two tests rejects one common level, each at <see cref="Level"/>. The first takes the
/// measurements' own errors, so that it can speak from the second value on; the bound over all places is Bonferroni's.
/// The second permutes the values, so that it finds smaller shifts where runs scatter less than their errors allow:
/// measurements on the same rows do.
/// </remarks>
internal static class ChangePoint
{
    private const double Level = 0.01;
    private const int Draws = 1999;

    /// <summary>The latest shift; null where one level explains all values.</summary>
    /// <param name="values">Values in the order of time; an error that is not known is 0 or NaN.</param>
    public static LevelShift? Latest(ReadOnlySpan<NoisyTerm> values)
    {
        LevelShift? latest = null;
        for (var from = 0; Split(values[from..]) is var at and > 0; )
        {
            latest = new(from + at, Mean(values[from..(from + at)]), Mean(values[(from + at)..]));
            from += at;
        }

        return latest;
    }

    // Where two levels begin to explain the values better than one does; 0 where they do not.
    private static int Split(ReadOnlySpan<NoisyTerm> values)
    {
        var (at, gain) = Best(values);
        if (at == 0)
            return 0;
        // The gain is the square of a standard normal number only where the errors are known.
        var byErrors = HasErrors(values) && (values.Length - 1) * 2 * Normal.CDF(0, 1, -Math.Sqrt(gain)) <= Level;
        return byErrors || IsRare(values, gain) ? at : 0;
    }

    // The place of the largest CUSUM statistic, and twice the log-likelihood ratio there.
    private static (int At, double Gain) Best(ReadOnlySpan<NoisyTerm> values)
    {
        var hasErrors = HasErrors(values);
        var mean = Mean(values); // near 0, sums lose nothing
        var (total, sum) = (0.0, 0.0);
        foreach (var value in values)
            total += Weight(value, hasErrors);
        var (weight, at, gain) = (0.0, 0, 0.0);
        for (var i = 1; i < values.Length; i++)
        {
            var w = Weight(values[i - 1], hasErrors);
            (weight, sum) = (weight + w, sum + w * (values[i - 1].Value - mean));
            var here = sum * sum * total / (weight * (total - weight));
            if (here > gain * (1 + 1e-9) && Math.Abs(sum / weight) > 1e-12)
                (at, gain) = (i, here);
        }

        return (at, gain);
    }

    // Whether hardly any order of the same values has as large a statistic. The orders are the same in every run.
    private static bool IsRare(ReadOnlySpan<NoisyTerm> values, double gain)
    {
        var shuffled = values.ToArray();
        var keys = new ulong[shuffled.Length];
        var (most, reached) = ((int)(Level * (Draws + 1)) - 1, 0);
        for (var draw = 0; draw < Draws && reached <= most; draw++)
        {
            for (var i = 0; i < keys.Length; i++)
                keys[i] = Seeds.Key((ulong)draw, (ulong)i);
            Array.Sort(keys, shuffled);
            if (Best(shuffled).Gain >= gain * (1 - 1e-9))
                reached++;
        }

        return reached <= most;
    }

    private static double Mean(ReadOnlySpan<NoisyTerm> values)
    {
        var hasErrors = HasErrors(values);
        var (sum, total) = (0.0, 0.0);
        foreach (var value in values)
        {
            var weight = Weight(value, hasErrors);
            (sum, total) = (sum + weight * value.Value, total + weight);
        }

        return sum / total;
    }

    private static double Weight(NoisyTerm value, bool hasErrors) => hasErrors ? 1 / (value.Error * value.Error) : 1;

    private static bool HasErrors(ReadOnlySpan<NoisyTerm> values)
    {
        foreach (var value in values)
            if (!(value.Error > 0 && double.IsFinite(value.Error)))
                return false;
        return true;
    }
}
