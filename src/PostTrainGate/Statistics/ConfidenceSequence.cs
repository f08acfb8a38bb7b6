using MathNet.Numerics;

namespace PostTrainGate.Statistics;

/// <summary>
/// How many of all rows hold, from some that were drawn in random order without replacement, at whatever moment one
/// looks: a confidence sequence (Waudby-Smith and Ramdas, "Confidence sequences for sampling without replacement",
/// NeurIPS 2020, section 2).
/// </summary>
/// <remarks>
/// For every candidate K the ratio of its prior to its posterior probability is a martingale that starts at 1 where K
/// is the truth, so that it ever reaches 1 / alpha with probability alpha at most (Ville 1939). Under the uniform
/// prior, which takes no K for likelier than another, the ratio after s of t rows is 1 / ((t + 1) P(s of t | K of N)),
/// P being the hypergeometric probability.
/// </remarks>
internal static class ConfidenceSequence
{
    /// <summary>
    /// The numbers that are still possible; with probability <paramref name="confidence"/> the truth is among them at
    /// every moment.
    /// </summary>
    /// <param name="hits">Rows that hold among those drawn.</param>
    /// <param name="drawn">Rows drawn.</param>
    /// <param name="total">All rows.</param>
    /// <param name="confidence">Level, in (0, 1).</param>
    public static (int Least, int Most) Possible(int hits, int drawn, int total, double confidence)
    {
        var known = Choose(total, drawn);
        var bar = Math.Log(1 - confidence) - Math.Log(drawn + 1.0);
        // Log-concave in K, with its mode here: what is possible is a stretch around it.
        var mode = drawn == 0 ? hits : Math.Clamp((int)((total + 1L) * hits / drawn), hits, total - drawn + hits);
        return (First(hits, mode, IsPossible), total - First(drawn - hits, total - mode, k => IsPossible(total - k)));

        bool IsPossible(int k) => Choose(k, hits) + Choose(total - k, drawn - hits) - known > bar;
    }

    /// <summary>
    /// The measurement that stands for all rows: its interval holds every interval that all rows could still give, and
    /// is that of all rows once all are drawn.
    /// </summary>
    public static IntervalEstimate Measure(int hits, int drawn, int total, double confidence)
    {
        var (least, most) = Possible(hits, drawn, total, confidence);
        var (lower, upper) = (
            Intervals.Proportion(least, total, confidence).Lower,
            Intervals.Proportion(most, total, confidence).Upper
        );
        return new(hits / (double)drawn, lower, upper, drawn);
    }

    private static double Choose(int n, int k) => SpecialFunctions.BinomialLn(n, k);

    // The first number from which on the property holds; it holds for the last.
    private static int First(int low, int high, Func<int, bool> holds)
    {
        while (low < high)
        {
            var middle = low + (high - low) / 2;
            if (holds(middle))
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }
}
