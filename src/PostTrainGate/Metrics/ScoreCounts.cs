namespace PostTrainGate.Metrics;

/// <summary>
/// How many rows of each label have each score of the favourable outcome: all that a measure of scores needs to know, and as small as the
/// number of different scores.
/// </summary>
/// <param name="Values">Different scores in [0, 1], ascending.</param>
/// <param name="Favorable">Rows with that score whose label is favourable.</param>
/// <param name="Unfavorable">Rows with that score whose label is not.</param>
public sealed record ScoreCounts(double[] Values, double[] Favorable, double[] Unfavorable)
{
    private const int Bins = 10;

    // Logarithms of scores of exactly 0 and 1 would be infinite; the spacing of doubles at 1, as scikit-learn clips.
    private const double Smallest = 2.220446049250313e-16;

    /// <summary>Counts the scores of a level.</summary>
    /// <param name="rows">Scores, whether the label is favourable, and how many rows have both.</param>
    public static ScoreCounts Of(IEnumerable<(double Score, bool Favorable, int Count)> rows)
    {
        var sorted = rows.GroupBy(r => r.Score).OrderBy(g => g.Key).ToArray();
        double[] Rows(bool favorable) => [.. sorted.Select(g => (double)g.Sum(r => r.Favorable == favorable ? r.Count : 0))];
        return new([.. sorted.Select(g => g.Key)], Rows(true), Rows(false));
    }

    /// <summary>The rows of several levels together.</summary>
    public static ScoreCounts Together(IReadOnlyList<ScoreCounts> levels)
    {
        var all = levels.SelectMany(l => l.Values.Select((v, i) => (Value: v, Favorable: l.Favorable[i], Unfavorable: l.Unfavorable[i])))
            .GroupBy(s => s.Value).OrderBy(g => g.Key).ToArray();
        return new([.. all.Select(g => g.Key)], [.. all.Select(g => g.Sum(s => s.Favorable))], [.. all.Select(g => g.Sum(s => s.Unfavorable))]);
    }

    /// <summary>Share of pairs of a favourable and another row in which the favourable one scores higher; ties count half.</summary>
    public double Auc
    {
        get
        {
            var (below, pairs) = (0.0, 0.0);
            for (var i = 0; i < Values.Length; i++)
            {
                pairs += Favorable[i] * (below + Unfavorable[i] / 2);
                below += Unfavorable[i];
            }

            return pairs / (Favorable.Sum() * below);
        }
    }

    /// <summary>Mean cross-entropy, in nats.</summary>
    public double LogLoss
    {
        get
        {
            var (sum, count) = (0.0, 0.0);
            for (var i = 0; i < Values.Length; i++)
            {
                var score = Math.Clamp(Values[i], Smallest, 1 - Smallest);
                sum -= Favorable[i] * Math.Log(score) + Unfavorable[i] * Math.Log(1 - score);
                count += Favorable[i] + Unfavorable[i];
            }

            return sum / count;
        }
    }

    /// <summary>Distance of mean score and share of favourable labels, averaged over the rows of ten bins of equal width.</summary>
    public double CalibrationError
    {
        get
        {
            var (excess, count) = (new double[Bins], 0.0);
            for (var i = 0; i < Values.Length; i++)
            {
                var rows = Favorable[i] + Unfavorable[i];
                // A score on the border of two bins belongs to the lower one.
                excess[Math.Clamp((int)Math.Ceiling(Values[i] * Bins) - 1, 0, Bins - 1)] += Values[i] * rows - Favorable[i];
                count += rows;
            }

            return excess.Sum(Math.Abs) / count;
        }
    }

    /// <summary>Mean score of the rows whose label is favourable.</summary>
    public double MeanFavorable => Mean(Favorable);

    /// <summary>Mean score of the rows whose label is not favourable.</summary>
    public double MeanUnfavorable => Mean(Unfavorable);

    private double Mean(double[] rows)
    {
        var (sum, count) = (0.0, 0.0);
        for (var i = 0; i < rows.Length; i++) (sum, count) = (sum + rows[i] * Values[i], count + rows[i]);
        return sum / count;
    }
}
