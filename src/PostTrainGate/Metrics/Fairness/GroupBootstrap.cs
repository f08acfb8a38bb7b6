using MathNet.Numerics.Distributions;
using PostTrainGate.Statistics;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Bootstrap of a group table, stratified by level. Counts are drawn, not rows, so that its cost does not grow with the
/// rows.
/// </summary>
internal static class GroupBootstrap
{
    // Ten replicates beyond either end of the interval at the least, within reason.
    private const int Fewest = 2000,
        Most = 20000,
        Tail = 10;

    /// <summary>Replicates drawn for a level of confidence.</summary>
    public static int Replicates(double confidence) => (int)Math.Clamp(2 * Tail / (1 - confidence), Fewest, Most);

    /// <summary>
    /// The same for a table: half of them where each takes a draw for every score instead of every cell.
    /// </summary>
    public static int Replicates(GroupTable table, double confidence) =>
        Replicates(confidence) / (table.Scores.IsEmpty ? 1 : 2);

    // Half a row in each cell: a level whose few rows all agree is not certain to agree for ever (Jeffreys' prior does
    // the same for one proportion). Without it its interval would be a point.
    private const double Half = 0.5;

    private const double Step = 1e-4; // of a derivative, in parts of a level's rows
    private const int MostScores = 2000;

    /// <summary>The table that replicates are drawn from: the one that was counted, smoothed.</summary>
    public static GroupTable Center(GroupTable table) =>
        table with
        {
            Cells =
            [
                .. table.Cells.Select(c => new Confusion(
                    c.TruePositives + Half,
                    c.FalsePositives + Half,
                    c.FalseNegatives + Half,
                    c.TrueNegatives + Half
                )),
            ],
        };

    /// <summary>
    /// Tables as other samples of the same size would give them; each is to be used before the next. To draw rows of a
    /// level with replacement is to draw its four cells from a multinomial distribution, here by binomials one after
    /// the other.
    /// </summary>
    public static IEnumerable<GroupTable> Draw(GroupTable table, int seed, int replicates) =>
        !table.Scores.IsEmpty
            ? DrawScores(table, seed, replicates)
            : DrawCells([.. table.Cells.Select(Counts)], seed, replicates)
                .Select(drawn => table with { Cells = [.. drawn.Select(c => new Confusion(c[0], c[1], c[2], c[3]))] });

    /// <summary>
    /// BCa interval of a smooth function of a table (Efron 1987): corrected for the bias and the skewness of the
    /// replicates.
    /// </summary>
    /// <returns>Null when so many replicates lack a value that their tails are not known.</returns>
    public static (double Lower, double Upper)? Interval(
        GroupTable table,
        Func<GroupTable, double> of,
        double confidence,
        int seed
    )
    {
        double[] values =
        [
            .. Draw(table, seed, Replicates(table, confidence)).Select(of).Where(v => !double.IsNaN(v)).Order(),
        ];
        return values.Length < Replicates(table, confidence) * (1 + confidence) / 2
            ? null
            : Bca(values, table, of, confidence);
    }

    /// <summary>The same from replicates drawn before.</summary>
    /// <param name="sorted">Values of the replicates, ascending.</param>
    /// <param name="table">The table that was counted.</param>
    /// <param name="of">The function.</param>
    /// <param name="confidence">Level, in (0, 1).</param>
    public static (double Lower, double Upper) Bca(
        double[] sorted,
        GroupTable table,
        Func<GroupTable, double> of,
        double confidence
    )
    {
        var center = Center(table);
        var middle = of(center);
        // Ties with the middle count half, for functions of few values.
        var below = (sorted.Count(v => v < middle) + sorted.Count(v => v == middle) / 2.0) / sorted.Length;
        var bias = Normal.InvCDF(0, 1, Math.Clamp(below, 0.01, 0.99));
        var skew = Acceleration(center, middle, of);
        return (At((1 - confidence) / 2), At((1 + confidence) / 2));

        double At(double q)
        {
            var z = bias + Normal.InvCDF(0, 1, q);
            return Intervals.Quantile(sorted, Normal.CDF(0, 1, bias + z / Math.Max(0.1, 1 - skew * z)));
        }
    }

    // A sixth of the skewness of the function's influence, summed over the rows of every level, one kind of row after
    // the other. It goes down with the root of the rows, so that of very many different scores nothing is left to
    // correct.
    private static double Acceleration(GroupTable center, double middle, Func<GroupTable, double> of)
    {
        if (center.Scores.Sum(s => s.Values.Length) > MostScores)
            return 0;
        var (cubes, squares) = (0.0, 0.0);
        foreach (
            var (count, rows, nearby) in center.Scores.IsEmpty ? WithMoreOfACell(center) : WithMoreOfAScore(center)
        )
        {
            var influence = (of(nearby) - middle) / Step / rows;
            cubes += count * Math.Pow(influence, 3);
            squares += count * influence * influence;
        }

        var skew = cubes / (6 * Math.Pow(squares, 1.5));
        return double.IsFinite(skew) ? skew : 0;
    }

    // A kind of row, how many there are of it and of all in its level, and the table with a little more of it.
    private static IEnumerable<(double Count, double Rows, GroupTable Nearby)> WithMoreOfACell(GroupTable center)
    {
        for (var level = 0; level < center.Cells.Length; level++)
        {
            var (cells, counts) = (center.Cells[level], Counts(center.Cells[level]));
            for (var cell = 0; cell < counts.Length; cell++)
            {
                var moved = More(counts, cells.Count, cell);
                yield return (
                    counts[cell],
                    cells.Count,
                    center with
                    {
                        Cells = center.Cells.SetItem(level, new(moved[0], moved[1], moved[2], moved[3])),
                    }
                );
            }
        }
    }

    private static IEnumerable<(double Count, double Rows, GroupTable Nearby)> WithMoreOfAScore(GroupTable center)
    {
        for (var level = 0; level < center.Scores.Length; level++)
        {
            var scores = center.Scores[level];
            double[] counts = [.. scores.Favorable, .. scores.Unfavorable];
            var rows = counts.Sum();
            for (var kind = 0; kind < counts.Length; kind++)
            {
                if (counts[kind] == 0)
                    continue;
                var moved = More(counts, rows, kind);
                var nearby = scores with
                {
                    Favorable = moved[..scores.Values.Length],
                    Unfavorable = moved[scores.Values.Length..],
                };
                yield return (counts[kind], rows, center with { Scores = center.Scores.SetItem(level, nearby) });
            }
        }
    }

    private static double[] More(double[] counts, double rows, int kind)
    {
        var moved = new double[counts.Length];
        for (var i = 0; i < moved.Length; i++)
            moved[i] = (1 - Step) * counts[i];
        moved[kind] += Step * rows;
        return moved;
    }

    private static double[] Counts(Confusion c) =>
        [c.TruePositives, c.FalsePositives, c.FalseNegatives, c.TrueNegatives];

    /// <summary>Counts of any cells as other samples would give them, smoothed as <see cref="Center"/> is.</summary>
    /// <param name="counts">[level][cell].</param>
    /// <param name="seed">Seed.</param>
    /// <param name="replicates">How many to draw.</param>
    /// <returns>[level][cell], one a replicate.</returns>
    public static IEnumerable<double[][]> DrawCells(double[][] counts, int seed, int replicates)
    {
        var (levels, cells) = (counts.Length, counts[0].Length);
        var drawn = DrawColumns(counts, seed, replicates);
        for (var r = 0; r < replicates; r++)
        {
            var table = new double[levels][];
            for (var l = 0; l < levels; l++)
            {
                var row = table[l] = new double[cells];
                for (var c = 0; c < cells; c++)
                    row[c] = drawn[c][r * levels + l];
            }

            yield return table;
        }
    }

    // [cell][replicate, level]
    private static double[][] DrawColumns(double[][] counts, int seed, int replicates)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator((ulong)(uint)seed, CPU);
        var (levels, cells) = (counts.Length, counts[0].Length);
        var smooth = 4 * Half / cells; // as many rows in all, however many cells
        var (left, rest) = (
            tensor(counts.Select(c => c.Sum()).ToArray()).expand(replicates, levels),
            counts.Select(c => c.Sum() + cells * smooth).ToArray()
        );
        var columns = new double[cells][];
        for (var cell = 0; cell < cells - 1; cell++)
        {
            var share = tensor(counts.Select((c, l) => Math.Min(1, (c[cell] + smooth) / rest[l])).ToArray())
                .expand(replicates, levels);
            var drawn = binomial(left, share.contiguous(), random); // [replicates, levels]
            left = left - drawn;
            columns[cell] = drawn.data<double>().ToArray();
            for (var l = 0; l < levels; l++)
                rest[l] -= counts[l][cell] + smooth;
        }

        columns[^1] = left.contiguous().data<double>().ToArray();
        return columns;
    }

    // Every score's rows are drawn by Poisson's distribution, which the multinomial one comes to for many scores, in
    // one call a replicate.
    private static IEnumerable<GroupTable> DrawScores(GroupTable table, int seed, int replicates)
    {
        using var random = new Generator((ulong)(uint)seed, CPU);
        var all = tensor(table.Scores.SelectMany(s => s.Favorable.Concat(s.Unfavorable)).ToArray());
        try
        {
            for (var r = 0; r < replicates; r++)
            {
                using var drawn = poisson(all, random);
                var counts = drawn.data<double>().ToArray();
                var at = 0;
                double[] Next(int length) => counts[at..(at += length)];
                yield return table with
                {
                    Scores =
                    [
                        .. table.Scores.Select(s =>
                            s with
                            {
                                Favorable = Next(s.Values.Length),
                                Unfavorable = Next(s.Values.Length),
                            }
                        ),
                    ],
                };
            }
        }
        finally
        {
            all.Dispose();
        }
    }
}
