using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public class MedianPerturbationTests
{
    private static readonly InputPolicy Wide = new() { Lower = -100, Upper = 100 };

    // Ranks of the order statistics around a median at 95 %, from 1, as tables of nonparametric statistics give them.
    [Theory]
    [InlineData(5, 1, 5)]
    [InlineData(6, 1, 6)]
    [InlineData(10, 2, 9)]
    [InlineData(20, 6, 15)]
    [InlineData(50, 18, 33)]
    public void Its_interval_lies_between_the_order_statistics_of_the_tables(int count, int lower, int upper) =>
        Assert.Equal((lower - 1, upper - 1), MedianPerturbation.Ranks(count, 0.95));

    // x against 1: the nearest error is |x - 1| away, and a wrong row has none.
    [Fact]
    public void It_is_the_median_distance_of_rows_that_are_right_and_its_curve_counts_all()
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier([1], 2, x => cat([ones_like(x), x], 1), Wide);
        using var data = new EvaluationSet(
            tensor(new float[] { 1.2f, 1.5f, 2, 3, 4, -3 }).unsqueeze(1),
            tensor(new long[] { 1, 1, 1, 1, 1, 1 }),
            ["no", "yes"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        using var evaluation = new Evaluation(model, data);
        GateRule rule = new()
        {
            Metric = Named.Metric("median_perturbation"),
            Attack = new(Named.Attack("deepfool"), Norm.Linf, double.PositiveInfinity),
        };
        var measured = new MedianPerturbation().Measure(new(evaluation, rule, 0.95, 1));
        Assert.Equal(5, measured.Count);
        // DeepFool ends a little beyond the boundary (its overshoot is 2 %).
        Assert.InRange(measured.Value, 1, 1.03);
        Assert.InRange(measured.Lower, 0.2, 0.21);
        Assert.InRange(measured.Upper, 3, 3.1);
        var curve = Assert.Single(measured.Breakdowns).Parts;
        Assert.Equal(5 / 6.0, curve[0].Value);
        Assert.Equal(3 / 6.0, curve[1].Value); // beyond 200 / 255: 1, 2 and 3
        Assert.Equal(2 / 6.0, curve[2].Value);
    }

    [Fact]
    public void An_attack_of_another_norm_is_not_measured()
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier([1], 2, x => cat([ones_like(x), x], 1), Wide);
        using var data = new EvaluationSet(
            tensor(new float[] { 2 }).unsqueeze(1),
            tensor(new long[] { 1 }),
            ["no", "yes"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        using var evaluation = new Evaluation(model, data);
        GateRule rule = new()
        {
            Metric = Named.Metric("median_perturbation"),
            Attack = new(Named.Attack("cw"), Norm.Linf, double.PositiveInfinity),
        };
        Assert.Equal(
            "the attack cw minimizes L2 distances, not Linf",
            new MedianPerturbation().Measure(new(evaluation, rule, 0.95, 1)).Reason
        );
    }
}
