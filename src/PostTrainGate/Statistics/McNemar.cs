using MathNet.Numerics.Distributions;

namespace PostTrainGate.Statistics;

/// <summary>
/// McNemar's test, exact: of the rows that one of two models has right and the other wrong, each side is as likely
/// where neither model is better (McNemar 1947; the exact form is a sign test).
/// </summary>
internal static class McNemar
{
    /// <summary>Two-sided p-value; 1 where the models are right and wrong on the same rows.</summary>
    /// <param name="first">Rows that only the first model has right.</param>
    /// <param name="second">Rows that only the second model has right.</param>
    public static double PValue(int first, int second)
    {
        var (fewer, all) = (Math.Min(first, second), first + second);
        return all == 0 ? 1 : Math.Min(1, 2 * Binomial.CDF(0.5, all, fewer));
    }
}
