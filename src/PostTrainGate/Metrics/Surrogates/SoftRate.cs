using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>A rate of scores as a function with gradients; NaN where it lacks the rows.</summary>
/// <param name="odds">
/// [rows], float64: logarithm of the odds of the favorable class, whose sigmoid is the score.
/// </param>
/// <param name="label">[rows], float64: 1 where the label is favorable, otherwise 0.</param>
/// <param name="temperature">Of soft comparisons.</param>
/// <returns>A scalar.</returns>
internal delegate Tensor SoftRate(Tensor odds, Tensor label, double temperature);

/// <summary>The rates of scores with gradients.</summary>
internal static class SoftRates
{
    private const long Pairs = 300; // rows of either label that are compared with those of the other
    private const double Largest = 36.04365338911715; // log loss of a score that is clipped 2.2e-16 away from 0

    /// <summary>
    /// Share of pairs in which the favorable row scores higher, a pair counting by the sigmoid of how much (Yan et al.
    /// 2003).
    /// </summary>
    public static Tensor Auc(Tensor odds, Tensor label, double temperature)
    {
        var (high, low) = (Of(odds, label, 1), Of(odds, label, 0));
        var (a, b) = (First(high).unsqueeze(1), First(low).unsqueeze(0));
        return (a - b).div(Scalars.Get(temperature)).sigmoid().mean();

        static Tensor First(Tensor rows) => rows.narrow(0, 0, Math.Min(Pairs, rows.shape[0]));
    }

    /// <summary>Mean cross-entropy in nats.</summary>
    public static Tensor LogLoss(Tensor odds, Tensor label, double temperature) =>
        nn
            .functional.softplus(odds * (ones_like(label) - label * Scalars.Get(2)))
            .clamp_max(Scalars.Get(Largest))
            .mean();

    /// <summary>
    /// Distance of mean score and share of favorable labels over ten bins of equal width, as it is measured; rows stay
    /// in the bins that they are in.
    /// </summary>
    public static Tensor CalibrationError(Tensor odds, Tensor label, double temperature)
    {
        var score = odds.sigmoid();
        var bin = score
            .detach()
            .mul(Scalars.Get(ScoreCounts.Bins))
            .ceil()
            .sub(Scalars.Get(1))
            .clamp(Scalars.Get(0), Scalars.Get(ScoreCounts.Bins - 1))
            .to(int64);
        return zeros(ScoreCounts.Bins, dtype: float64)
            .index_add(0, bin, score - label, Scalars.Whole(1))
            .abs()
            .sum()
            .div(Scalars.Get(odds.shape[0]));
    }

    /// <summary>Mean score of rows with a favorable label.</summary>
    public static Tensor MeanFavorable(Tensor odds, Tensor label, double temperature) =>
        Of(odds, label, 1).sigmoid().mean();

    /// <summary>Mean score of rows with another label.</summary>
    public static Tensor MeanUnfavorable(Tensor odds, Tensor label, double temperature) =>
        Of(odds, label, 0).sigmoid().mean();

    private static Tensor Of(Tensor odds, Tensor label, double which) =>
        odds.masked_select(label.eq(Scalars.Get(which)));
}
