using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>
/// What happens to tables on their way to a model. Severities are our own: there is no published benchmark of them.
/// </summary>
internal static class TableCorruptions
{
    private static readonly double[] Shares = [.05, .1, .2, .3, .5];

    public static Corruption Noise { get; } =
        Corruption.Table(
            "numeric_noise",
            "Gaussian noise on numbers: 5, 10, 20, 30 and 50 % of the column's standard deviation.",
            d =>
            {
                var sizes = Numbers(d) * d.Columns!.Deviation;
                return d.X.Plus(d.Normal(d.X.shape) * sizes.mul(Scalars.Get(d.Level(Shares))));
            }
        );

    public static Corruption Missing { get; } =
        Corruption.Table(
            "missing_values",
            "Missing cells: 5, 10, 20, 30 and 50 % of all. Numbers become the column's mean, "
                + "categories become unknown.",
            d =>
            {
                var x = d.X.clone();
                foreach (var column in d.Columns!.Layout.Columns)
                {
                    using var scope = NewDisposeScope();
                    var lost = rand([d.Count, 1], generator: d.Random).lt(Scalars.Get(d.Level(Shares)));
                    var block = x.narrow(1, column.Start, column.Width);
                    var fill = column.Categories.IsEmpty
                        ? d.Columns.Mean.narrow(0, column.Start, 1).expand_as(block)
                        : zeros_like(block);
                    block.copy_(where(lost, fill, block));
                }

                return x;
            }
        );

    public static Corruption Units { get; } =
        Corruption.Table(
            "shifted_units",
            "Shifted units: one number per row is multiplied by 1.25, 1.5, 2, 5 and 10.",
            d =>
            {
                var columns = d.Columns!.Numeric;
                var x = d.X.clone();
                if (columns.Length == 0)
                    return x;
                var chosen = randint(0, columns.Length, [d.Count], generator: d.Random);
                foreach (var (i, column) in columns.Index())
                {
                    using var scope = NewDisposeScope();
                    // In the model's encoding (v - offset) / divisor.
                    var factor = d.Level([1.25, 1.5, 2, 5, 10]);
                    var value = x.select(1, column.Start);
                    var scaled = value.mul(Scalars.Get(factor)).Plus((factor - 1) * column.Offset / column.Divisor);
                    value.copy_(where(chosen.eq(Scalars.Whole(i)), scaled, value));
                }

                return x;
            }
        );

    public static Corruption Flips { get; } =
        Corruption.Table(
            "category_flips",
            "Wrong categories: 5, 10, 20, 30 and 50 % of all become another category of the column.",
            d =>
            {
                var x = d.X.clone();
                foreach (var column in d.Columns!.Categorical)
                {
                    using var scope = NewDisposeScope();
                    var flips = rand([d.Count, 1], generator: d.Random).lt(Scalars.Get(d.Level(Shares)));
                    var block = x.narrow(1, column.Start, column.Width);
                    Tensor other;
                    if (column.Categories.IsEmpty)
                    {
                        // Two values, whatever they are: the other one.
                        var (low, high) = (x.select(1, column.Start).min(), x.select(1, column.Start).max());
                        other = low.Plus(high) - block;
                    }
                    else
                    {
                        // So many places on, around the block: any other category is as likely.
                        var by = randint(1, Math.Max(2, column.Width), [d.Count, 1], generator: d.Random);
                        var from = (arange(Scalars.Whole(column.Width), dtype: int64).unsqueeze(0) - by).remainder(
                            Scalars.Whole(column.Width)
                        );
                        other = block.gather(1, from);
                    }

                    block.copy_(where(flips, other, block));
                }

                return x;
            }
        );

    // [width], 1 at columns of numbers.
    private static Tensor Numbers(Distortion d)
    {
        var mask = new float[d.X.shape[1]];
        foreach (var column in d.Columns!.Numeric)
            mask[column.Start] = 1;
        return tensor(mask);
    }
}
