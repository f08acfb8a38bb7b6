using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace PostTrainGate.Statistics;

/// <summary>
/// The rank-sum test of Mann and Whitney (1947): whether values of one sample are smaller than those of another more
/// often than chance lets them. Normal approximation with corrections for ties and continuity.
/// </summary>
internal static class MannWhitney
{
    /// <summary>How often values of the first sample are smaller, and the one-sided p-value of it.</summary>
    /// <param name="first">At least one value, no NaN.</param>
    /// <param name="second">The same.</param>
    /// <returns>Share of pairs, ties counted half; p-value.</returns>
    public static (double Share, double PValue) Smaller(double[] first, double[] second)
    {
        double[] all = [.. first, .. second];
        var ranks = all.Ranks(RankDefinition.Average);
        double n = first.Length,
            m = second.Length,
            pairs = n * m;
        var larger = ranks.Take(first.Length).Sum() - n * (n + 1) / 2; // pairs in which the first is larger
        var ties = all.CountBy(v => v).Sum(v => Math.Pow(v.Value, 3) - v.Value);
        var variance = pairs / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)));
        var smaller = pairs - larger;
        return (
            smaller / pairs,
            variance <= 0 ? 1 : 1 - Normal.CDF(0, 1, (smaller - pairs / 2 - 0.5) / Math.Sqrt(variance))
        );
    }
}
