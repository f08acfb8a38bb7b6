using CsCheck;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public partial class TableAttackTests
{
    // What the least of w x is below its clean value: column by column.
    private static Tensor Optimum(FeatureLayout layout, Tensor clean, Tensor w, double epsilon, int categories)
    {
        var fall = zeros(clean.shape[0]);
        List<Tensor> falls = [];
        foreach (var column in layout.Columns.Where(c => !c.Immutable))
        {
            var (block, weights) = (
                clean.narrow(1, column.Start, column.Width),
                w.narrow(0, column.Start, column.Width)
            );
            var now = block.matmul(weights);
            if (!column.Categories.IsEmpty)
            {
                falls.Add((weights.min() - now).clamp_max(0));
            }
            else if (column.Numbers == ColumnNumbers.Two)
            {
                var ends = tensor([column.Encode(column.Lowest), column.Encode(column.Highest)]) * weights;
                falls.Add((ends.min() - now).clamp_max(0));
            }
            else
            {
                var best = block
                    .squeeze(1)
                    .data<float>()
                    .Select(x =>
                    {
                        var slope = weights.item<float>();
                        var end =
                            slope > 0
                                ? Math.Max(Math.Min(x, column.Encode(column.Lowest)), x - epsilon)
                                : Math.Min(Math.Max(x, column.Encode(column.Highest)), x + epsilon);
                        if (column.Numbers == ColumnNumbers.Whole)
                        {
                            var (from, to) = (x * column.Divisor + column.Offset, end * column.Divisor + column.Offset);
                            var whole = to > from ? Math.Floor(to + 1e-4) : Math.Ceiling(to - 1e-4);
                            end =
                                Math.Abs(whole - Math.Round(from)) < 0.5 ? x : (whole - column.Offset) / column.Divisor;
                        }

                        return (float)((end - x) * slope);
                    })
                    .ToArray();
                fall = fall.Plus(tensor(best));
            }
        }

        if (falls.Count == 0 || categories == 0)
            return fall;
        var sorted = stack(falls, 1).sort(1).Values;
        return fall.Plus(sorted.narrow(1, 0, Math.Min(categories, falls.Count)).sum(1));
    }

    // Column by column and number by number, in another way than the engine does it.
    private static void AssertLegal(FeatureLayout layout, Budget budget, Tensor clean, Tensor perturbed, int categories)
    {
        var (from, to) = (clean.contiguous().data<float>().ToArray(), perturbed.contiguous().data<float>().ToArray());
        var width = layout.Width;
        for (var row = 0; row < clean.shape[0]; row++)
        {
            var (changed, sizes) = (0, new List<double>());
            foreach (var column in layout.Columns)
            {
                var a = from.AsSpan(row * width + column.Start, column.Width);
                var b = to.AsSpan(row * width + column.Start, column.Width);
                if (a.SequenceEqual(b))
                    continue;
                Assert.False(column.Immutable, $"{column.Name} changed");
                if (!column.Categories.IsEmpty)
                {
                    changed++;
                    Assert.Equal(1, b.ToArray().Count(v => v == 1));
                    Assert.Equal(column.Width - 1, b.ToArray().Count(v => v == 0));
                    continue;
                }

                var (x, y) = (a[0], b[0]);
                if (column.Numbers == ColumnNumbers.Two)
                {
                    changed++;
                    Assert.Contains(y, new[] { column.Encode(column.Lowest), column.Encode(column.Highest) });
                    continue;
                }

                sizes.Add(Math.Abs((double)y - x));
                Assert.InRange(
                    y,
                    Math.Min(x, column.Encode(column.Lowest)),
                    Math.Max(x, column.Encode(column.Highest))
                );
                if (column.Numbers == ColumnNumbers.Whole)
                    Assert.Equal(column.Encode(Math.Round(column.Decode(y))), y);
            }

            var size =
                sizes.Count == 0
                    ? 0
                    : budget.Norm switch
                    {
                        Norm.Linf => sizes.Max(),
                        Norm.L2 => Math.Sqrt(sizes.Sum(s => s * s)),
                        _ => sizes.Sum(),
                    };
            Assert.InRange(size, 0, budget.Epsilon * (1 + 1e-4) + 1e-4);
            Assert.InRange(changed, 0, categories);
        }
    }

    private static (FeatureLayout, float[][], Norm, double, int, int) Make(
        int[] kinds,
        (double Low, double Range, int Values, int Chance)[] scales,
        Norm norm,
        double epsilon,
        int categories,
        int seed
    )
    {
        var random = new Random(seed);
        List<FeatureColumn> columns = [];
        foreach (var (kind, (low, range, values, chance)) in kinds.Zip(scales))
        {
            var start = columns.Sum(c => c.Width);
            string[] texts = kind == 3 ? [.. Enumerable.Range(0, values).Select(v => $"v{v}")] : [];
            var column = new FeatureColumn($"c{columns.Count}", start, [.. texts], low, range)
            {
                Immutable = chance == 0,
            };
            var (first, last) = (Math.Floor(low), Math.Floor(low) + Math.Ceiling(range) + 1);
            columns.Add(
                kind switch
                {
                    0 => column.Seen([low, low + range / 3, low + range]),
                    1 => (column with { Offset = first, Divisor = last - first }).Seen([first, first + 1, last]),
                    2 => column.Seen([low, low + range, low]),
                    _ => column,
                }
            );
        }

        var layout = new FeatureLayout([.. columns]);
        return (layout, [.. Enumerable.Range(0, 6).Select(_ => Row())], norm, epsilon, categories, seed);

        float[] Row()
        {
            var row = new float[layout.Width];
            foreach (var column in columns)
            {
                var beyond = random.Next(8) == 0 ? 0.3 : 0; // a row that the column was not fitted on
                if (!column.Categories.IsEmpty)
                {
                    if (beyond == 0)
                        row[column.Start + random.Next(column.Width)] = 1; // else a category that was never seen
                }
                else if (column.Numbers == ColumnNumbers.Two)
                {
                    row[column.Start] = column.Encode(random.Next(2) == 0 ? column.Lowest : column.Highest);
                }
                else
                {
                    var number =
                        column.Lowest
                        + (random.NextDouble() * (1 + 2 * beyond) - beyond) * (column.Highest - column.Lowest);
                    row[column.Start] = column.Encode(
                        column.Numbers == ColumnNumbers.Whole ? Math.Round(number) : number
                    );
                }
            }

            return row;
        }
    }
}
