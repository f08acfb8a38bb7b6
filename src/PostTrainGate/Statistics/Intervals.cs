using MathNet.Numerics.Distributions;

namespace PostTrainGate.Statistics;

/// <summary>Confidence intervals that several metrics share.</summary>
internal static class Intervals
{
    /// <summary>
    /// A proportion with Wilson's score interval (Wilson 1927), which keeps its level for small counts and for
    /// proportions near 0 and 1.
    /// </summary>
    /// <param name="hits">How many, or the sum of so many shares.</param>
    /// <param name="count">Of how many, at least 1.</param>
    /// <param name="confidence">Level, in (0, 1).</param>
    public static IntervalEstimate Proportion(double hits, int count, double confidence)
    {
        var z = Normal.InvCDF(0, 1, (1 + confidence) / 2);
        var (p, n, z2) = (hits / count, (double)count, z * z);
        var center = (p + z2 / (2 * n)) / (1 + z2 / n);
        var half = z / (1 + z2 / n) * Math.Sqrt(p * (1 - p) / n + z2 / (4 * n * n));
        // Exact at the ends, where rounding would leave the value outside of its interval.
        return new(
            p,
            hits == 0 ? 0 : Math.Max(0, center - half),
            hits == count ? 1 : Math.Min(1, center + half),
            count
        );
    }

    /// <summary>The smallest value with at least a share <paramref name="q"/> of them at or below it.</summary>
    /// <param name="sorted">Ascending, at least one.</param>
    /// <param name="q">In [0, 1].</param>
    public static double Quantile(double[] sorted, double q) =>
        sorted[Math.Clamp((int)Math.Ceiling(q * sorted.Length) - 1, 0, sorted.Length - 1)];
}
