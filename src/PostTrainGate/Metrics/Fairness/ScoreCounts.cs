using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// How many rows of each label have each score of the favorable outcome: all that a measure of scores needs to know,
/// and as small as the number of different scores.
/// </summary>
/// <param name="Values">
/// Different scores in [0, 1], ascending; scores that are taken together as one that lies among them.
/// </param>
/// <param name="Favorable">Rows with that score whose label is favorable.</param>
/// <param name="Unfavorable">Rows with that score whose label is not.</param>
public sealed record ScoreCounts(double[] Values, double[] Favorable, double[] Unfavorable)
{
    internal const int Bins = 10;
    private const double Little = 0.25; // of a row

    // Logarithms of scores of exactly 0 and 1 would be infinite; the spacing of doubles at 1, as scikit-learn clips.
    private const double Smallest = 2.220446049250313e-16;

    /// <summary>Mean score of the favorable rows that were taken together; the value itself where none were.</summary>
    public double[] FavorableScores { get; init; } = Values;

    /// <summary>Mean score of the other rows that were taken together.</summary>
    public double[] UnfavorableScores { get; init; } = Values;

    /// <summary>Counts the scores of a level.</summary>
    /// <param name="rows">
    /// What scores are taken together by, the score, whether the label is favorable, and how many rows have all three.
    /// </param>
    public static ScoreCounts Count(IEnumerable<(double Step, double Score, bool Favorable, double Count)> rows)
    {
        // Replicates of a bootstrap come here by the thousand: sorted in place, and met once.
        var sorted = rows.ToArray();
        Array.Sort(Array.ConvertAll(sorted, r => r.Step), sorted);
        var steps = 0;
        for (var i = 0; i < sorted.Length; i++)
            if (i == 0 || !sorted[i].Step.Equals(sorted[i - 1].Step))
                steps++;
        var counts = new ScoreCounts(new double[steps], new double[steps], new double[steps])
        {
            FavorableScores = new double[steps],
            UnfavorableScores = new double[steps],
        };
        for (int i = 0, step = 0; i < sorted.Length; step++)
        {
            var first = i;
            var (least, most) = (sorted[i].Score, sorted[i].Score);
            for (; i < sorted.Length && sorted[i].Step.Equals(sorted[first].Step); i++)
            {
                var (_, score, favorable, count) = sorted[i];
                (least, most) = (Math.Min(least, score), Math.Max(most, score));
                var (of, sums) = favorable
                    ? (counts.Favorable, counts.FavorableScores)
                    : (counts.Unfavorable, counts.UnfavorableScores);
                (of[step], sums[step]) = (of[step] + count, sums[step] + count * score);
            }

            counts.Values[step] = sorted[first].Step;
            counts.FavorableScores[step] = Mean(counts.FavorableScores[step], counts.Favorable[step]);
            counts.UnfavorableScores[step] = Mean(counts.UnfavorableScores[step], counts.Unfavorable[step]);

            double Mean(double sum, double count) => least == most || count == 0 ? least : sum / count;
        }

        return counts;
    }

    /// <summary>The rows of several levels together.</summary>
    public static ScoreCounts Together(IReadOnlyList<ScoreCounts> levels)
    {
        List<(double, double, bool, double)> rows = new(levels.Sum(l => 2 * l.Values.Length));
        foreach (var level in levels)
        {
            for (var i = 0; i < level.Values.Length; i++)
            {
                if (level.Favorable[i] > 0)
                    rows.Add((level.Values[i], level.FavorableScores[i], true, level.Favorable[i]));
                if (level.Unfavorable[i] > 0)
                    rows.Add((level.Values[i], level.UnfavorableScores[i], false, level.Unfavorable[i]));
            }
        }

        return Count(rows);
    }

    /// <summary>
    /// Share of pairs of a favorable and another row in which the favorable one scores higher; ties count half.
    /// </summary>
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
                sum -=
                    Favorable[i] * Math.Log(Math.Clamp(FavorableScores[i], Smallest, 1 - Smallest))
                    + Unfavorable[i] * Math.Log(1 - Math.Clamp(UnfavorableScores[i], Smallest, 1 - Smallest));
                count += Favorable[i] + Unfavorable[i];
            }

            return sum / count;
        }
    }

    /// <summary>
    /// Distance of mean score and share of favorable labels, averaged over the rows of ten bins of equal width; as
    /// measured, with what noise adds to it.
    /// </summary>
    public double CalibrationError => DebiasedAbsoluteSum.AsMeasured(Excess);

    /// <summary>By how much the scores of each bin are too high, as a share of all rows.</summary>
    internal NoisyTerm[] Excess
    {
        get
        {
            var (excess, squares, rows, scores) = (
                new double[Bins],
                new double[Bins],
                new double[Bins],
                new double[Bins]
            );
            for (var i = 0; i < Values.Length; i++)
            {
                // A score on the border of two bins belongs to the lower one.
                var bin = Math.Clamp((int)Math.Ceiling(FavorableScores[i] * Bins) - 1, 0, Bins - 1);
                Add(bin, Favorable[i], FavorableScores[i], FavorableScores[i] - 1);
                Add(bin, Unfavorable[i], UnfavorableScores[i], UnfavorableScores[i]);
            }

            var count = rows.Sum();
            return
            [
                .. Enumerable
                    .Range(0, Bins)
                    .Select(b => new NoisyTerm(excess[b] / count, rows[b] == 0 ? 0 : Error(b) / count)),
            ];

            void Add(int bin, double more, double score, double over)
            {
                (rows[bin], scores[bin]) = (rows[bin] + more, scores[bin] + more * score);
                (excess[bin], squares[bin]) = (excess[bin] + more * over, squares[bin] + more * over * over);
            }

            // With a little more of a row of either label: few rows that all are as their score says are not certain to
            // be so for ever.
            double Error(int bin)
            {
                var mean = scores[bin] / rows[bin];
                return Math.Sqrt(
                    (squares[bin] + Little * (mean * mean + (1 - mean) * (1 - mean)))
                        * rows[bin]
                        / (rows[bin] + 2 * Little)
                );
            }
        }
    }

    /// <summary>Mean score of the rows whose label is favorable.</summary>
    public double MeanFavorable => Mean(Favorable, FavorableScores);

    /// <summary>Mean score of the rows whose label is not favorable.</summary>
    public double MeanUnfavorable => Mean(Unfavorable, UnfavorableScores);

    private static double Mean(double[] rows, double[] scores)
    {
        var (sum, count) = (0.0, 0.0);
        for (var i = 0; i < rows.Length; i++)
            (sum, count) = (sum + rows[i] * scores[i], count + rows[i]);
        return sum / count;
    }
}
