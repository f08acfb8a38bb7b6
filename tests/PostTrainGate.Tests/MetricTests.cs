using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Statistics;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public class MetricTests
{
    private static readonly InputPolicy Wide = new() { Lower = -100, Upper = 100 };

    private static FunctionClassifier Threshold(float at, bool gradients = true) =>
        new([1], 2, x => cat([zeros_like(x), x - at], 1), Wide, gradients);

    private static EvaluationSet Set(float[] x, params long[] labels) =>
        new(
            tensor(x).unsqueeze(1),
            tensor(labels),
            ["no", "yes"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );

    private static GateRule Rule(string metric, double epsilon) =>
        new() { Metric = Named.Metric(metric), Attack = new(Named.Attack("pgd"), Norm.Linf, epsilon) };

    [Fact]
    public void Accuracy_by_class_is_the_share_of_each_class_with_its_own_interval()
    {
        using var model = Threshold(0);
        using var data = Set([-1, -1, 1, 1, 1], 0, 0, 0, 1, 1);
        using var evaluation = new Evaluation(model, data);
        var measured = new Accuracy().Measure(new(evaluation, new() { Metric = Named.Metric("accuracy") }, 0.95, 1));
        var parts = Assert.Single(measured.Breakdowns).Parts;
        Assert.Equal([("no", 2 / 3.0, 3), ("yes", 1.0, 2)], parts.Select(p => (p.Name, p.Value!.Value, p.Count)));
        Assert.Equal(Intervals.Proportion(2, 3, 0.95).Lower, parts[0].Lower!.Value);
    }

    // Published source metrics of the models (accuracy, and sizes of the group metrics); AIF360's figures for their
    // predictions.
    [Theory]
    [InlineData("adult", "race", 0.851552)]
    [InlineData("adult", "sex", 0.851552)]
    [InlineData("german", "age", 0.77)]
    [InlineData("german", "sex", 0.77)]
    public void Measured_on_the_model_itself_every_metric_is_the_reference(
        string dataset,
        string attribute,
        double accuracy
    )
    {
        using var scope = NewDisposeScope();
        using var reference = JsonDocument.Parse(
            File.ReadAllText(Fixtures.Elsewhere($"reference/fairness/{dataset}_{attribute}.json"))
        );
        using var description = JsonDocument.Parse(File.ReadAllText(Fixtures.Elsewhere($"fairness/{dataset}.json")));
        var column = description
            .RootElement.GetProperty("columns")
            .EnumerateArray()
            .Select(c => c.GetString())
            .ToList()
            .IndexOf(attribute);
        var arrays = NpzFile.Read(Fixtures.Elsewhere($"fairness/{dataset}.npz"));
        var inputs = FairnessArrays.Scaled(arrays, arrays["x_test"]);
        var group = new GroupColumn(
            attribute,
            ["0", "1"],
            [.. arrays["x_test"].select(1, column).contiguous().data<int>()],
            1,
            [attribute]
        );
        var groups = ImmutableDictionary<string, GroupColumn>.Empty.Add(attribute, group);
        using var data = new EvaluationSet(inputs, arrays["y_test"].to(int64), ["0", "1"], groups, null, 1);
        using var model = OnnxClassifier.Load(Fixtures.Elsewhere($"fairness/{dataset}_mlp.onnx"));
        using var evaluation = new Evaluation(model, data);

        double Value(string name) =>
            Named
                .Metric(name)
                .Measure(new(evaluation, new() { Metric = Named.Metric(name), Group = attribute }, 0.95, 1))
                .Value;
        Assert.Equal(accuracy, Value("accuracy"), 1e-6);
        var aif360 = reference.RootElement.GetProperty("aif360_classification");
        foreach (
            var (ours, theirs) in new[]
            {
                ("statistical_parity_difference", "statistical_parity_difference"),
                ("disparate_impact", "disparate_impact"),
                ("equal_opportunity_difference", "equal_opportunity_difference"),
                ("average_odds_difference", "average_odds_difference"),
                ("average_absolute_odds_difference", "average_abs_odds_difference"),
                ("equalized_odds_difference", "equalized_odds_difference"),
            }
        )
        {
            Assert.Equal(aif360.GetProperty(theirs).GetDouble(), Value(ours), 1e-6);
        }
    }

    [Fact]
    public void Robust_accuracy_counts_every_row_and_a_wrong_one_as_a_failure()
    {
        using var model = Threshold(0);
        using var set = Set([2, 0.4f, -3, -0.2f, 5], 1, 1, 0, 0, 0);
        using var evaluation = new Evaluation(model, set);
        var m = new RobustAccuracy().Measure(new(evaluation, Rule("robust_accuracy", 0.5), 0.95, 1));
        Assert.Equal(Intervals.Proportion(2, 5, 0.95), m with { Breakdowns = [] });
        Assert.Equal(
            [("no", 1 / 3.0), ("yes", 0.5)],
            Assert.Single(m.Breakdowns).Parts.Select(p => (p.Name, p.Value!.Value))
        );
    }

    [Fact]
    public void A_sample_is_the_same_rows_for_every_model_and_any_seed_of_the_attack()
    {
        // Every tenth row is robust: which of them are drawn shows in the value.
        using var set = Set(
            [.. Enumerable.Range(0, 500).Select(i => i % 10 == 0 ? 9f : 0.1f)],
            [.. Enumerable.Repeat(1L, 500)]
        );
        double Value(int seed, int rowSeed)
        {
            using var model = Threshold(0);
            using var evaluation = new Evaluation(model, set);
            var rule = Rule("robust_accuracy", 0.5) with { Samples = 100 };
            var m = new RobustAccuracy().Measure(new(evaluation, rule, 0.95, seed) { RowSeed = rowSeed });
            Assert.Equal(100, m.Count);
            return m.Value;
        }

        Assert.Equal(Value(1, 3), Value(2, 3));
        Assert.True(Enumerable.Range(0, 6).Select(r => Value(1, r)).Distinct().Count() > 1);
        Assert.InRange(Value(1, 3), 0.02, 0.25);
    }

    [Fact]
    public void Without_gradients_or_an_attack_nothing_is_measured()
    {
        using var model = Threshold(0, gradients: false);
        using var set = Set([1], 1);
        using var evaluation = new Evaluation(model, set);
        Assert.Equal(
            "the attack pgd needs gradients, which a formula does not provide",
            new RobustAccuracy().Measure(new(evaluation, Rule("robust_accuracy", 0.5), 0.95, 1)).Reason
        );
        Assert.Equal(
            "the gate has no attack",
            new EmpiricalRobustness()
                .Measure(new(evaluation, new() { Metric = Named.Metric("empirical_robustness") }, 0.95, 1))
                .Reason
        );
    }

    [Fact]
    public void Empirical_robustness_is_the_accuracy_on_examples_of_the_model_before_the_repair()
    {
        using var before = Threshold(0);
        using var after = Threshold(-0.3f);
        // Attacked within 0.5, 0.4 and 0.1 go below 0 (to -0.1 and -0.4), 2 stands, and -0.2 and -3 are wrong already.
        using var set = Set([0.4f, 0.1f, 2, -0.2f, -3], 1, 1, 1, 1, 1);
        using var original = new Evaluation(before, set);
        using var repaired = new Evaluation(after, set);
        var metric = new EmpiricalRobustness();
        var own = metric.Measure(new(original, Rule("empirical_robustness", 0.5), 0.95, 1));
        Assert.Equal((0, 4), (own.Value, own.Count));
        // After the repair -0.1 and -0.2 are right again.
        Assert.Equal(
            Intervals.Proportion(2, 4, 0.95),
            metric.Measure(new(repaired, Rule("empirical_robustness", 0.5), 0.95, 1, original))
        );
    }

    [Fact]
    public void Its_examples_are_made_once_and_reach_as_far_as_the_attack_goes()
    {
        using var before = Threshold(0);
        using var after = Threshold(-0.45f);
        using var set = Set([0.1f, 0.1f], 1, 1);
        using var original = new Evaluation(before, set);
        using var repaired = new Evaluation(after, set);
        var metric = new EmpiricalRobustness();
        // Examples lie at -0.4. Such as stop at the first success would lie anywhere below 0.
        Assert.Equal(1, metric.Measure(new(repaired, Rule("empirical_robustness", 0.5), 0.95, 1, original)).Value);
        using var further = Threshold(-0.39f);
        using var other = new Evaluation(further, set);
        var spent = before.Rows;
        Assert.Equal(0, metric.Measure(new(other, Rule("empirical_robustness", 0.5), 0.95, 2, original)).Value);
        Assert.Equal(spent, before.Rows);
    }

    [Fact]
    public void Without_any_adversarial_example_there_is_no_empirical_robustness()
    {
        using var model = Threshold(0);
        using var set = Set([5, 6], 1, 1);
        using var evaluation = new Evaluation(model, set);
        Assert.Equal(
            "the attack found no adversarial example on the model before the repair",
            new EmpiricalRobustness().Measure(new(evaluation, Rule("empirical_robustness", 0.5), 0.95, 1)).Reason
        );
    }
}
