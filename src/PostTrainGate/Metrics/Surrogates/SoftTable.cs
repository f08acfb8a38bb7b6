using PostTrainGate.Data;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>Numbers with gradients that a table of a group is made of.</summary>
/// <param name="Values">[numbers], float64, with gradients.</param>
/// <param name="Least">Smallest value of each number.</param>
/// <param name="Most">Largest value of each number.</param>
/// <param name="Table">The table of some values of these numbers.</param>
internal sealed record SoftTable(Tensor Values, double[] Least, double[] Most, Func<double[], GroupTable> Table)
{
    // How far counts stay from none and all, where logarithms and shares have no slope.
    private const double Margin = 1e-9;

    /// <summary>
    /// Stands for a rate whose value of each level is in <see cref="Scored"/> tables: of one level among the true
    /// positives, of all together among the true negatives, with a false positive for each level.
    /// </summary>
    public static Rate Given { get; } =
        new("given", "A value that is known.", "rows", rows =>
            rows.Counts.FalsePositives > 1
                ? rows.Counts.TrueNegatives / rows.Counts.FalsePositives
                : rows.Counts.TruePositives
        );

    /// <summary>
    /// Soft counts: a row is predicted favorable by sigmoid(margin / temperature), where the margin is the favorable
    /// logit less the largest other one. The numbers are the rows predicted favorable of each level and label.
    /// </summary>
    /// <param name="logits">[rows, classes], float64.</param>
    /// <param name="rows">Labels and levels.</param>
    /// <param name="favorable">The class that counts as favorable.</param>
    /// <param name="temperature">Of the soft predictions.</param>
    public static SoftTable Counted(Tensor logits, PredictedRows rows, int favorable, double temperature)
    {
        var hard = GroupTable.Count(rows, favorable);
        double[] most = [.. hard.Cells.SelectMany(c => (double[])[c.Favorable, c.Unfavorable])];
        var (places, cells) = (new List<long>(), new List<long>());
        for (var row = 0; row < rows.Labels.Length; row++)
        {
            if (GroupColumn.CountedLevel(rows.Group, row) is not (>= 0 and var level))
                continue;
            places.Add(row);
            cells.Add(2 * level + (rows.Labels[row] == favorable ? 0 : 1));
        }

        var others = logits.masked_fill(Only(logits, favorable), Scalars.Get(double.NegativeInfinity)).amax([1]);
        var selected = (logits.select(1, favorable) - others).div(Scalars.Get(temperature)).sigmoid();
        var sums = zeros(most.Length, dtype: float64)
            .index_add(
                0,
                tensor(cells.ToArray()),
                selected.index_select(0, tensor(places.ToArray())),
                Scalars.Whole(1)
            );
        return new(
            sums,
            [.. most.Select(m => Math.Min(Margin, m))],
            [.. most.Select(m => Math.Max(0, m - Margin))],
            x => hard with { Cells = [.. hard.Cells.Select((c, l) => Cell(x[2 * l], x[2 * l + 1], c))] }
        );

        static Confusion Cell(double right, double wrong, Confusion of) =>
            new(right, wrong, of.Favorable - right, of.Unfavorable - wrong);
    }

    /// <summary>
    /// Values of a rate of scores for each level, and of all levels together. Scores are softmax probabilities,
    /// whatever the temperature.
    /// </summary>
    /// <param name="logits">[rows, classes], float64.</param>
    /// <param name="rows">Labels and levels.</param>
    /// <param name="favorable">The class that counts as favorable.</param>
    /// <param name="temperature">Of soft comparisons.</param>
    /// <param name="rate">The rate.</param>
    public static SoftTable Scored(Tensor logits, PredictedRows rows, int favorable, double temperature, SoftRate rate)
    {
        var levels = GroupTable.Count(rows, favorable);
        var others = logits.masked_fill(Only(logits, favorable), Scalars.Get(double.NegativeInfinity)).logsumexp(1);
        var odds = logits.select(1, favorable) - others;
        var label = tensor(rows.Labels.Select(y => y == favorable ? 1.0 : 0).ToArray());
        var levelOf = Enumerable.Range(0, rows.Labels.Length).Select(i => GroupColumn.CountedLevel(rows.Group, i));
        var counted = levelOf.Index().Where(r => r.Item >= 0).ToLookup(r => r.Item, r => (long)r.Index);
        var count = levels.Cells.Length;
        var values = stack([
            .. Enumerable.Range(0, count).Select(l => Value(counted[l])),
            Value(counted.SelectMany(r => r)),
        ]);
        return new(
            values,
            [.. Enumerable.Repeat(double.NegativeInfinity, count + 1)],
            [.. Enumerable.Repeat(double.PositiveInfinity, count + 1)],
            x => levels with { Cells = [.. x[..^1].Select(v => new Confusion(v, 1, 0, x[^1]))] }
        );

        Tensor Value(IEnumerable<long> of)
        {
            var index = tensor(of.ToArray());
            return rate(odds.index_select(0, index), label.index_select(0, index), temperature);
        }
    }

    // [classes], true at one.
    private static Tensor Only(Tensor logits, int favorable) =>
        arange(Scalars.Whole(logits.shape[1]), dtype: int64).eq(Scalars.Whole(favorable));
}
