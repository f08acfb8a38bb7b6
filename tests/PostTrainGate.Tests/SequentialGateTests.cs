using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Statistics;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Gates under attack that stop early, go on after an interruption, and try what earlier runs found.</summary>
[Collection(nameof(Alone))]
public sealed partial class SequentialGateTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_full_run_gives_the_figure_that_foolbox_has()
    {
        using var model = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));
        using var set = FashionMnist.TestSet(1000);
        // reference/attacks.csv: cnn, fgsm_0.1, foolbox, 1000 images
        var full = Measure(model, set, new(Named.Attack("fgsm"), Norm.Linf, 0.1), 0.5, new() { Full = true });
        Assert.Equal(
            Intervals.Proportion(104, 1000, 0.95),
            full with
            {
                Breakdowns = [],
                Fragile = [],
                Attacked = null,
            }
        );
        Assert.Equal(new(1000, 1000, 0), full.Attacked);

        var early = Measure(model, set, new(Named.Attack("fgsm"), Norm.Linf, 0.1), 0.5, new());
        Assert.Equal(new(32, 1000, 0), early.Attacked);
        Assert.Equal(32, early.Count);
        Assert.Equal(32, early.Breakdowns.Single().Parts.Sum(p => p.Count));
        Assert.InRange(full.Lower, early.Lower, 1); // the interval of all rows lies within the one that was told
        Assert.InRange(full.Upper, 0, early.Upper);
        Assert.Equal(Verdict.Fail, Judge.Decide(new() { Metric = Named.Metric("robust_accuracy"), Min = 0.5 }, early));
    }

    [Fact]
    public void A_gate_that_compares_with_a_base_attacks_every_row()
    {
        using var model = Threshold();
        using var set = Set([.. Enumerable.Repeat(0.1f, 300)]);
        Assert.Equal(32, Measure(model, set, Pgd, 0.5, new()).Count);
        var rule = new GateRule
        {
            Metric = Named.Metric("robust_accuracy"),
            Attack = Pgd,
            Min = 0.5,
            Drop = 0.01,
        };
        Assert.Equal(300, Measure(model, set, rule, new()).Count);
    }

    [Fact]
    public void Examples_of_earlier_runs_change_no_figure_but_are_counted_where_they_break_what_survives()
    {
        using var before = Threshold(1);
        using var after = Threshold(0.95f);
        using var set = Set([.. Enumerable.Range(0, 200).Select(i => 1.1f + i * 0.01f)]);
        var plan = new AttackPlan { Full = true, Cache = Cache("cache") };
        Assert.Equal(0, Measure(before, set, Pgd, 0.5, plan).Attacked!.BrokenByKept);
        var alone = Measure(after, set, Pgd, 0.5, plan with { Cache = null });
        var second = Measure(after, set, Pgd, 0.5, plan with { Cache = Cache("cache") }); // a later run
        Assert.Equal(alone.Value, second.Value);
        Assert.Equal(0, second.Attacked!.BrokenByKept); // on a threshold, the attack finds exactly what there is

        // The same model behind flat steps, on which gradients lead nowhere.
        using var masked = new FunctionClassifier(
            [1],
            2,
            x =>
            {
                var z = x.gt(Scalars.Get(0.95f)).to(float32) * 2 - 1 + 0 * x;
                return cat([-z, z], 1);
            },
            Wide
        );
        var third = Measure(masked, set, Pgd, 0.5, plan with { Cache = Cache("cache") });
        Assert.Equal(1, third.Value);
        Assert.InRange(third.Attacked!.BrokenByKept, 20, 200);
        // Within one run as alone: what it finds on one model is not tried on the next.
        var own = new AttackPlan { Full = true, Cache = Cache("own") };
        Measure(before, set, Pgd, 0.5, own);
        Assert.Equal(0, Measure(masked, set, Pgd, 0.5, own).Attacked!.BrokenByKept);
    }

    [Fact]
    public void Memory_does_not_grow_with_the_number_of_inputs()
    {
        // Every tensor that lives while a model is asked, over a tenfold set: the same number, and no larger ones.
        var most = new List<(long Tensors, long Values)>();
        foreach (var rows in new[] { 2_000, 20_000 })
        {
            using var set = Set([.. Enumerable.Range(0, rows).Select(i => i % 50 * 0.02f)]);
            var (tensors, values) = (0L, 0L);
            using var model = new FunctionClassifier(
                [1],
                2,
                x =>
                {
                    (tensors, values) = (Math.Max(tensors, Tensor.TotalCount), Math.Max(values, x.numel()));
                    return cat([-x, x], 1);
                },
                Wide
            );
            var before = Alone.LiveTensors();
            var full = Measure(model, set, Pgd, 0.5, new() { Full = true, Cache = Cache($"cache {rows}") });
            Assert.Equal(rows, full.Count);
            Assert.Equal(before, Tensor.TotalCount);
            most.Add((tensors - before, values));
        }

        Assert.All(most, m => Assert.InRange(m.Values, 1, 250)); // a chunk
        Assert.InRange(most[1].Tensors, 0, most[0].Tensors + 5);
    }

    private static readonly InputPolicy Wide = new() { Lower = -100, Upper = 100 };
    private static readonly AttackSettings Pgd = new(Named.Attack("pgd"), Norm.Linf, 0.5)
    {
        RandomStart = false,
        Steps = 10,
    };

    private RunCache Cache(string name) => new(_folder.Path(name), _folder.Path("key"));

    // Class 1 above the edge, of the sum of all values.
    private static FunctionClassifier Threshold(float edge = 0, int width = 1) =>
        new(
            [width],
            2,
            x =>
            {
                var z = x.sum(1, keepdim: true) - edge;
                return cat([-z, z], 1);
            },
            Wide
        );

    private static EvaluationSet Set(float[] values)
    {
        using var scope = NewDisposeScope();
        return new(
            tensor(values).unsqueeze(1),
            ones(values.Length, dtype: int64),
            ["no", "yes"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
    }

    private static Measurement Measure(
        Classifier model,
        EvaluationSet set,
        AttackSettings attack,
        double min,
        AttackPlan plan
    ) =>
        Measure(
            model,
            set,
            new GateRule
            {
                Metric = Named.Metric("robust_accuracy"),
                Attack = attack,
                Min = min,
            },
            plan
        );

    private static Measurement Measure(Classifier model, EvaluationSet set, GateRule rule, AttackPlan plan)
    {
        using var evaluation = new Evaluation(model, set);
        return new RobustAccuracy().Measure(new(evaluation, rule, 0.95, 1) { RowSeed = 2, Plan = plan });
    }
}
