using System.Text.Json;
using CsCheck;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Attacks on rows of tables: nothing illegal, and nothing that a sure method finds is missed by much.</summary>
public class TableAttackTests(ITestOutputHelper output)
{
    // Columns of every kind, rows of them (some beyond what was seen), a budget, and any perturbation.
    private static readonly Gen<(
        FeatureLayout Layout,
        float[][] Rows,
        Norm Norm,
        double Epsilon,
        int Categories,
        int Seed
    )> Cases =
        from kinds in Gen.Int[0, 3].Array[1, 6]
        from scales in Gen.Select(Gen.Double[-50, 50], Gen.Double[0.5, 40], Gen.Int[2, 5], Gen.Int[0, 5]).Array[6]
        from norm in Gen.Enum<Norm>()
        from epsilon in Gen.Double[0.01, 1.5]
        from categories in Gen.Int[0, 3]
        from seed in Gen.Int[0, 10_000]
        select Make(kinds, scales, norm, epsilon, categories, seed);

    [Fact]
    public void Whatever_is_projected_is_a_row_that_the_table_could_hold() =>
        Cases.Sample(
            c =>
            {
                using var scope = NewDisposeScope();
                using var form = new TableForm(c.Layout, c.Categories, new());
                var budget = new Budget(c.Norm, c.Epsilon, 0, 1) { Form = form };
                using var random = new Generator((ulong)c.Seed, CPU);
                var clean = Rows(c.Rows);
                var any = clean.Plus(randn(clean.shape, generator: random));
                any[0, 0] = float.NaN;
                AssertLegal(c.Layout, budget, clean, budget.Project(clean, any), c.Categories);
                AssertLegal(c.Layout, budget, clean, budget.RandomPoint(clean, random), c.Categories);
                Assert.Equal(clean.data<float>().ToArray(), budget.Project(clean, clean).data<float>().ToArray());
                var legal = budget.Project(clean, any);
                Assert.Equal(legal.data<float>().ToArray(), budget.Project(clean, legal).data<float>().ToArray(), Near);
            },
            iter: 300
        );

    [Theory]
    [InlineData("table-pgd")]
    [InlineData("table-search")]
    public void Every_adversarial_row_is_a_row_that_the_table_could_hold(string attack) =>
        Cases.Sample(
            c =>
            {
                using var scope = NewDisposeScope();
                using var random = new Generator((ulong)c.Seed, CPU);
                var clean = Rows(c.Rows);
                var weights = randn([clean.shape[1], 3], generator: random);
                using var model = new FunctionClassifier([clean.shape[1]], 3, x => x.matmul(weights));
                using var _ = no_grad();
                var labels = model.Logits(clean).argmax(1);
                using var form = new TableForm(c.Layout, c.Categories, new());
                var settings = new AttackSettings(attack, c.Norm, c.Epsilon)
                {
                    Categories = c.Categories,
                    Restarts = 2,
                    Steps = 8,
                };
                foreach (var stop in new[] { true, false })
                {
                    using var outcome = AttackHarness.Run(
                        model,
                        clean,
                        labels,
                        new(settings, c.Seed)
                        {
                            Layout = c.Layout,
                            KeepExamples = true,
                            StopAtSuccess = stop,
                        }
                    );
                    AssertLegal(
                        c.Layout,
                        new Budget(c.Norm, c.Epsilon, 0, 1) { Form = form },
                        clean,
                        outcome.Examples!,
                        c.Categories
                    );
                }
            },
            iter: 60
        );

    // z = (0, w x): in Linf each number goes to the end of its room, and the columns that gain most take their best category.
    [Theory]
    [InlineData("table-pgd")]
    [InlineData("table-search")]
    public void On_a_linear_classifier_it_finds_an_error_exactly_where_there_is_one(string attack)
    {
        var (broken, robust) = (0, 0);
        Cases.Sample(
            c =>
            {
                using var scope = NewDisposeScope();
                using var random = new Generator((ulong)c.Seed, CPU);
                var clean = Rows(c.Rows);
                var w = randn(clean.shape[1], generator: random);
                var least = clean.matmul(w).Plus(Optimum(c.Layout, clean, w, c.Epsilon, c.Categories));
                // The margin lies so that half of the optima cross it, none so near that rounding decides.
                var shift = (least.min().item<float>() + least.max().item<float>()) / 2;
                using var model = new FunctionClassifier([clean.shape[1]], 2, x =>
                    stack([zeros(x.shape[0]), x.matmul(w) - shift], 1)
                );
                var z = clean.matmul(w) - shift;
                var (labels, values) = ((z > 0).to(int64), (least - shift).data<float>().ToArray());
                using var outcome = AttackHarness.Run(
                    model,
                    clean,
                    labels,
                    new(new(attack, Norm.Linf, c.Epsilon) { Categories = c.Categories }, 1) { Layout = c.Layout }
                );
                foreach (var (row, robustRow) in outcome.Robust.Index())
                {
                    if (z[row].item<float>() <= 0 || Math.Abs(values[row]) < 1e-3)
                        continue;
                    Assert.Equal(values[row] > 0, robustRow);
                    if (robustRow)
                        Interlocked.Increment(ref robust);
                    else
                        Interlocked.Increment(ref broken);
                }
            },
            iter: 60,
            threads: 1
        );
        output.WriteLine($"{broken} rows broken, {robust} robust");
        Assert.True(broken > 30 && robust > 30);
    }

    // With ten restarts the gradient attack breaks at least what these do; the
    // search comes near it without gradients.
    [Theory]
    [InlineData("german", 0.1, 1)]
    [InlineData("german", 0.2, 2)]
    [InlineData("adult", 0.05, 1)]
    public void On_real_models_it_beats_random_rows(string dataset, double epsilon, int categories)
    {
        using var scope = NewDisposeScope();
        const int count = 100;
        var (model, layout, inputs, labels) = Load(dataset, count);
        using var _ = model;
        AttackOutcome Attack(string name, IAttack? attack = null, int restarts = 1)
        {
            var settings = new AttackSettings(name, Norm.Linf, epsilon)
            {
                Categories = categories,
                Restarts = restarts,
            };
            return AttackHarness.Run(
                model,
                inputs,
                labels,
                new(settings, 1)
                {
                    Layout = layout,
                    Attack = attack,
                    KeepExamples = true,
                }
            );
        }

        using var drawn = Attack("random", new RandomRows(), restarts: 300);
        using var gradient = Attack("table-pgd", restarts: 10);
        using var search = Attack("table-search");
        output.WriteLine(
            $"{dataset} {epsilon} {categories}: clean {drawn.CleanAccuracy}, random {drawn.RobustAccuracy}, "
                + $"table-pgd {gradient.RobustAccuracy}, table-search {search.RobustAccuracy}"
        );
        Assert.True(drawn.RobustAccuracy < drawn.CleanAccuracy);
        Assert.InRange(gradient.RobustAccuracy, 0, drawn.RobustAccuracy);
        Assert.InRange(search.RobustAccuracy, 0, gradient.RobustAccuracy + 0.02);
        using var form = new TableForm(layout, categories, model.Input);
        foreach (var outcome in new[] { gradient, search })
            AssertLegal(
                layout,
                new Budget(Norm.Linf, epsilon, 0, 1) { Form = form },
                inputs,
                outcome.Examples!,
                categories
            );
    }

    [Fact]
    public void Without_columns_there_is_nothing_to_keep()
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier([1], 2, x => cat([zeros_like(x), x], 1));
        var run = new AttackRun(new("table-search", Norm.Linf, 1), 1);
        Assert.Throws<InvalidOperationException>(() =>
            AttackHarness.Run(model, ones(1, 1), ones(1, dtype: int64), run)
        );
    }

    /// <summary>Draws legal rows, the weakest attack there is.</summary>
    private sealed class RandomRows : IAttack
    {
        public string Name => "random";

        public string Summary => "";

        public bool NeedsGradients => false;

        public bool KeepsForm => true;

        public Tensor Perturb(AttackContext context, Tensor inputs, Tensor labels) =>
            context.Budget.RandomPoint(inputs, context.Random);
    }

    private static (OnnxClassifier Model, FeatureLayout Layout, Tensor Inputs, Tensor Labels) Load(
        string dataset,
        int rows
    )
    {
        using var description = JsonDocument.Parse(File.ReadAllText(Fixtures.Elsewhere($"fairness/{dataset}.json")));
        var arrays = NpzFile.Read(Fixtures.Elsewhere($"fairness/{dataset}.npz"));
        var names = description.RootElement.GetProperty("columns").EnumerateArray().Select(c => c.GetString()!);
        var plain = FeatureLayout.FromNames([.. names]);
        var lowest = arrays["scaler_min"].to(float64).data<double>().ToArray();
        var highest = arrays["scaler_max"].to(float64).data<double>().ToArray();
        var layout = new FeatureLayout([
            .. plain.Columns.Select(column =>
            {
                if (!column.Categories.IsEmpty)
                    return column;
                var (at, range) = (column.Start, highest[column.Start] - lowest[column.Start]);
                using var seen = arrays["x_train"].select(1, at).to(float64);
                return (column with { Offset = lowest[at], Divisor = range == 0 ? 1 : range }).Seen(
                    seen.data<double>()
                );
            }),
        ]);
        var inputs = FairnessArrays.Scaled(arrays, arrays["x_test"].narrow(0, 0, rows));
        var labels = arrays["y_test"].narrow(0, 0, rows).to(int64);
        return (OnnxClassifier.Load(Fixtures.Elsewhere($"fairness/{dataset}_mlp.onnx")), layout, inputs, labels);
    }

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

    private static readonly IEqualityComparer<float> Near = EqualityComparer<float>.Create(
        (a, b) => Math.Abs(a - b) < 1e-5,
        _ => 0
    );

    private static Tensor Rows(float[][] rows) => stack([.. rows.Select(r => tensor(r))], 0);
}
