using PostTrainGate.Evaluations;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// A metric that can tell how much worse one model is than another on the same rows, with an interval of that
/// difference.
/// </summary>
/// <remarks>
/// What two models have in common cancels, so that it is far narrower than the intervals of the two values let expect.
/// </remarks>
internal interface IPairedMetric
{
    /// <summary>
    /// How much worse the evaluated model is than the other, in the metric's own units; negative when it is better.
    /// </summary>
    Measurement Loss(MetricContext context, Evaluation other);
}

/// <summary>Rows of each level by label and by the predictions of two models, eight cells a level.</summary>
/// <param name="Table">
/// The first model's table, which has the levels and the scale; its cells are made of those here.
/// </param>
/// <param name="Cells">
/// [level][cell]; a cell is the sum of 4 where the label is not favorable, 2 where the first model does not favor it,
/// and 1 where the second does not.
/// </param>
internal sealed record PairedCounts(GroupTable Table, double[][] Cells)
{
    /// <summary>Counts the rows that two models predicted.</summary>
    public static PairedCounts Count(
        GroupTable table,
        int rows,
        Func<int, int> levelOf,
        Func<int, bool> label,
        Func<int, bool> first,
        Func<int, bool> second
    )
    {
        double[][] cells = [.. table.Cells.Select(_ => new double[8])];
        for (var row = 0; row < rows; row++)
        {
            if (levelOf(row) is >= 0 and var level)
                cells[level][(label(row) ? 0 : 4) + (first(row) ? 0 : 2) + (second(row) ? 0 : 1)]++;
        }

        return new(table, cells);
    }

    /// <summary>How much worse the first model is, by a stratified bootstrap of the rows of both.</summary>
    /// <param name="of">The figure of a table.</param>
    /// <param name="better">Which way it gets better.</param>
    /// <param name="confidence">Level of the interval, in (0, 1).</param>
    /// <param name="seed">Seed of the bootstrap.</param>
    public Measurement Loss(Func<GroupTable, double> of, Better better, double confidence, int seed)
    {
        // Models that agree on every row are equally good, whatever rows there are.
        if (Cells.All(c => c[1] + c[2] + c[5] + c[6] == 0))
            return new(0, 0, 0, Table.Rows);
        var value = Difference(Cells);
        if (double.IsNaN(value))
            return Measurement.NotMeasured("the metric has no value for one of the two models");
        double[] losses =
        [
            .. GroupBootstrap
                .DrawCells(Cells, seed, GroupBootstrap.Replicates(confidence))
                .Select(Difference)
                .Where(v => !double.IsNaN(v))
                .Order(),
        ];
        if (losses.Length < GroupBootstrap.Replicates(confidence) * (1 + confidence) / 2)
            return Measurement.NotMeasured("too few rows for an interval");
        var (lower, upper) = (
            Intervals.Quantile(losses, (1 - confidence) / 2),
            Intervals.Quantile(losses, (1 + confidence) / 2)
        );
        return new(value, Math.Min(value, lower), Math.Max(value, upper), Table.Rows);

        double Difference(double[][] cells)
        {
            var (first, second) = (Judged(Model(cells, 2)), Judged(Model(cells, 1)));
            return better is Better.NearZero or Better.Lower ? first - second : second - first;
        }

        double Judged(GroupTable table) =>
            of(table) is var v && double.IsNaN(v) ? v : Judge.Judged(better, new(v, v, v, 0)).Value;
    }

    // The table of the model whose prediction a bit of the cell's number tells.
    private GroupTable Model(double[][] cells, int bit) =>
        Table with
        {
            Cells =
            [
                .. cells.Select(c =>
                {
                    var counts = new double[4];
                    for (var cell = 0; cell < c.Length; cell++)
                        counts[(cell & 4) / 4 + ((cell & bit) == 0 ? 0 : 2)] += c[cell];
                    return new Confusion(counts[0], counts[1], counts[2], counts[3]);
                }),
            ],
        };
}
