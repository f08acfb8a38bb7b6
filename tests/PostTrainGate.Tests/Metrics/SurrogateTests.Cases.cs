using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Tests.Certification;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Metrics;

/// <summary>What single surrogates have to bear.</summary>
public sealed partial class SurrogateTests
{
    [Theory]
    [InlineData("statistical_parity_difference", ClassView.Macro)]
    [InlineData("statistical_parity_difference", ClassView.Worst)]
    [InlineData("disparate_impact", ClassView.Worst)]
    [InlineData("theil_index", ClassView.Macro)]
    public void Of_several_classes_the_mean_and_the_worst_have_one(string metric, ClassView view)
    {
        using var toy = new SurrogateToy(classes: 3);
        var rule = Gate(metric, null) with { Average = view };
        var value = toy.Measure(rule, toy.Source);
        rule = SurrogateToy.Ask(rule, value, 0.05);
        using var surrogate = toy.Surrogate(rule);
        var before = toy.Violation(surrogate, toy.Source);
        Assert.Equal(0.05, before, 6);
        using var tuned = toy.Tune(surrogate, steps: 60, rate: 0.02, temperature: 0.3);
        Assert.True(toy.Violation(surrogate, tuned) < before);
    }

    [Theory]
    [InlineData("statistical_parity_difference", null)]
    [InlineData("rate_ratio", "true_positive_rate")]
    [InlineData("rate_difference", "auc")]
    [InlineData("rate_minimum", "generalized_true_positive_rate")]
    public void A_batch_without_a_level_says_nothing(string metric, string? rate)
    {
        var (_, rule, _) = Failing(metric, rate);
        using var surrogate = _toy.Surrogate(rule);
        using var scope = NewDisposeScope();
        using var model = _toy.Source.Clone();
        foreach (var weight in model.Parameters.Values.Where(is_floating_point))
            weight.requires_grad_();
        long[] women =
        [
            .. Enumerable.Range(0, 400).Where(i => _toy.Data.Groups["sex"].LevelOf[i] == 0).Select(i => (long)i),
        ];
        var batch = _toy.Batch(model, rows: women);
        var loss = surrogate.Loss(batch);
        Assert.Equal(0, loss.item<float>());
        Assert.Equal(0, autograd.grad([loss], [batch.Logits])[0].abs().sum().item<float>());
        Assert.Equal(0, surrogate.Violation(batch));
    }

    [Fact]
    public void Counts_that_miss_a_threshold_which_soft_ones_meet_still_have_a_gradient()
    {
        var rule = Gate("statistical_parity_difference", null);
        var value = _toy.Measure(rule, _toy.Source);
        using var surrogate = _toy.Surrogate(rule with { Max = 0.98 * value });
        using var met = _toy.Surrogate(rule with { Max = 1.02 * value });
        using var scope = NewDisposeScope();
        var logits = _toy.Source.Logits(_toy.Data.Inputs).detach().requires_grad_();
        // Soft to a degree that hardly leaves a difference.
        var batch = _toy.Batch(_toy.Source, temperature: 100) with { Logits = logits };
        Assert.True(autograd.grad([surrogate.Loss(batch)], [logits])[0].abs().sum().item<float>() > 0);
        Assert.Equal(0, met.Loss(batch).item<float>());
    }

    [Theory]
    [InlineData("accuracy", null, 0.1, null, "neither 'min' nor 'max'")]
    [InlineData("statistical_parity_difference", null, 0.1, null, "neither 'min' nor 'max'")]
    [InlineData("robust_accuracy", null, null, 0.5, "only from the side that is worse")]
    [InlineData("rate_minimum", "base_rate", null, 0.5, "depends on labels alone")]
    public void A_gate_that_gives_no_target_has_none(string metric, string? rate, double? drop, double? max, string why)
    {
        var rule = Gate(metric, rate) with { Drop = drop, Max = max };
        var surrogate = ((IDifferentiableMetric)rule.Metric).Surrogate(
            new(_toy.Source, _toy.Data, rule, 1),
            out var whyNot
        );
        Assert.Null(surrogate);
        Assert.Contains(why, whyNot, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("consistency")]
    [InlineData("situation_testing")]
    [InlineData("robust_accuracy")]
    public void Rows_that_lack_a_value_are_left_out(string metric)
    {
        using var scope = NewDisposeScope();
        var inputs = _toy.Data.Inputs.clone();
        inputs.narrow(0, 0, 40).select(1, 2).fill_(float.NaN);
        using var data = new EvaluationSet(
            inputs,
            _toy.Data.Labels.clone(),
            _toy.Data.ClassNames,
            _toy.Data.Groups,
            _toy.Data.Layout,
            1
        );
        using var complete = data.Complete()!;
        var rule = Gate(metric, null);
        rule = SurrogateToy.Ask(rule, rule.Metric.Better == Better.Lower ? 0 : 1, 0);
        var metricOf = (IDifferentiableMetric)rule.Metric;
        using var ofAll = metricOf.Surrogate(new(_toy.Source, data, rule, 1), out _)!;
        using var ofComplete = metricOf.Surrogate(new(_toy.Source, complete, rule, 1), out _)!;
        var (all, some) = (Batch(data), Batch(complete));
        Assert.Equal(ofComplete.Violation(some), ofAll.Violation(all), 9);
        Assert.Equal(ofComplete.Loss(some).item<float>(), ofAll.Loss(all).item<float>(), 1e-5f);

        SurrogateBatch Batch(EvaluationSet of) =>
            new(_toy.Source, arange(of.Count, dtype: int64), of.Inputs, of.Labels, _toy.Source.Logits(of.Inputs));
    }

    [Theory]
    [InlineData(Norm.Linf)]
    [InlineData(Norm.L2)]
    [InlineData(Norm.L1)]
    public void Interval_bounds_of_a_convolution_have_gradients_and_fall_with_them(Norm norm)
    {
        using var scope = NewDisposeScope();
        var (source, inputs, labels) = FixtureModels.Load("lenet5", 40);
        using var _ = source;
        var rule = Gate("certified_accuracy", null).With(AttackKeys.Norm, norm) with { Min = 1 };
        using var data = new EvaluationSet(
            inputs,
            labels,
            [.. Enumerable.Range(0, 10).Select(c => $"{c}")],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            0
        );
        using var surrogate = ((IDifferentiableMetric)rule.Metric).Surrogate(
            new(source, data, rule, 1),
            out var whyNot
        )!;
        Assert.Null(whyNot);
        using var model = source.Clone();
        Tensor[] weights = [.. model.Parameters.Values.Where(is_floating_point)];
        foreach (var weight in weights)
            weight.requires_grad_();
        double[] losses = [.. Enumerable.Range(0, 6).Select(_ => Descend())];
        output.WriteLine(string.Join(", ", losses));
        Assert.True(losses[^1] < losses[0]);

        double Descend()
        {
            using var step = NewDisposeScope();
            var batch = new SurrogateBatch(model, arange(40, dtype: int64), inputs, labels, model.Logits(inputs));
            var loss = surrogate.Loss(batch);
            var gradients = autograd.grad([loss], weights);
            using var off = no_grad();
            Assert.All(gradients, g => Assert.True(g.isfinite().all().item<bool>()));
            var length = Math.Sqrt(gradients.Sum(g => g.square().sum().item<float>()));
            foreach (var (weight, gradient) in weights.Zip(gradients))
                weight.add_(gradient, -0.02 / length);
            return loss.item<float>();
        }
    }

    [Theory]
    [InlineData("corrupted_accuracy")]
    [InlineData("robust_accuracy")]
    public void Images_are_corrupted_and_attacked_as_the_metric_does_it(string metric)
    {
        using var scope = NewDisposeScope();
        var (source, inputs, labels) = FixtureModels.Load("lenet5", 100);
        using var _ = source;
        using var data = new EvaluationSet(
            inputs,
            labels,
            [.. Enumerable.Range(0, 10).Select(c => $"{c}")],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            0
        );
        var rule = Gate(metric, null) with { Min = 1 };
        if (metric == "robust_accuracy")
            rule = rule with { Attack = new(GradientAttack.Pgd, Norm.Linf, 0.02) };
        using var evaluation = new Evaluation(source, data);
        var measured = rule.Metric.Measure(new(evaluation, rule, 0.95, 1)).Value;
        using var surrogate = ((IDifferentiableMetric)rule.Metric).Surrogate(new(source, data, rule, 1), out var __)!;
        var batch = new SurrogateBatch(source, arange(100, dtype: int64), inputs, labels, source.Logits(inputs));
        Assert.Equal(1 - measured, surrogate.Violation(batch), 0.06);
        Assert.True(surrogate.Loss(batch).item<float>() > 0);
    }
}
