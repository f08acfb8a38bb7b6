using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Certification;

/// <summary>Certificates on real models against the strongest attack there is.</summary>
public class CertifiedAccuracyTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("lenet5", Norm.Linf, 1 / 255.0)]
    [InlineData("adult", Norm.Linf, 0.01)]
    [InlineData("compas", Norm.Linf, 0.01)]
    [InlineData("german", Norm.L2, 0.1)]
    [InlineData("german", Norm.L1, 0.1)]
    public void No_row_is_certified_that_AutoAttack_breaks(string name, Norm norm, double epsilon)
    {
        using var scope = NewDisposeScope();
        var rows = name is "cnn" or "lenet5" ? 4 : 40; // AutoAttack takes its time
        var (model, inputs, labels) = FixtureModels.Load(name, rows);
        using var _ = model;
        using var graph = BoundGraph.TryBuild(model, inputs.shape[1..], out var reason);
        Assert.Null(reason);
        var ibp = Certifier.Run(
            graph!,
            model,
            inputs,
            labels,
            new(norm, epsilon, BoundMethod.Ibp),
            1,
            null,
            TestContext.Current.CancellationToken
        );
        var crown = Certifier.Run(
            graph!,
            model,
            inputs,
            labels,
            new(norm, epsilon, BoundMethod.Crown),
            1,
            null,
            TestContext.Current.CancellationToken
        );
        Assert.All(ibp.Certified.Zip(crown.Certified), c =>
            Assert.True(!c.First || c.Second, "IBP certifies what CROWN does not")
        );
        // Rows that are not certified may do as they like: AutoAttack, which takes its time, is run on those that are.
        var certified = tensor(crown.Certified.ToArray()).nonzero().flatten();
        Assert.NotEqual(0, certified.shape[0]);
        using var attacked = AttackHarness.Run(
            model,
            inputs.index_select(0, certified),
            labels.index_select(0, certified),
            new(new(Named.Attack("autoattack"), norm, epsilon), 1)
        );
        output.WriteLine($"{name} {norm} {epsilon:G3}: IBP {Share(ibp)}, CROWN {Share(crown)} of {rows}");
        Assert.All(attacked.Robust, stands => Assert.True(stands, "a certified row is broken"));
    }

    [Fact]
    public void What_is_not_known_counts_as_not_certified_and_what_has_no_bound_is_not_measured()
    {
        using var scope = NewDisposeScope();
        var (model, inputs, labels) = FixtureModels.Load("german", 60);
        using var _ = model;
        using var data = new EvaluationSet(
            inputs,
            labels,
            ["0", "1"],
            ImmutableDictionary<string, GroupColumn>.Empty,
            null,
            1
        );
        using var evaluation = new Evaluation(model, data);
        GateRule rule = new()
        {
            Metric = new CertifiedAccuracy(),
            Settings = SettingValues.None.With(AttackKeys.Epsilon, 0.01),
        };
        var measured = new CertifiedAccuracy().Measure(new(evaluation, rule, 0.95, 1));
        using var graph = BoundGraph.TryBuild(model, inputs.shape[1..], out string? reason);
        var found = Certifier.Run(
            graph!,
            model,
            inputs,
            labels,
            new(Norm.Linf, 0.01, BoundMethod.Crown),
            1,
            null,
            TestContext.Current.CancellationToken
        );
        Assert.Equal(Intervals.Proportion(found.Certified.Count(c => c), 60, 0.95).Upper, measured.Upper);
        Assert.InRange(measured.Value, 0.01, new Accuracy().Measure(new(evaluation, rule, 0.95, 1)).Value);

        using var formula = new FunctionClassifier([inputs.shape[1]], 2, x => x.narrow(1, 0, 2), hasGradients: false);
        using var other = new Evaluation(formula, data);
        var refused = new CertifiedAccuracy().Measure(new(other, rule, 0.95, 1));
        Assert.False(refused.IsMeasured);
        Assert.Contains("graph", refused.Reason, StringComparison.Ordinal);
    }

    private static double Share(Certificates found) => found.Certified.Count(c => c) / (double)found.Certified.Length;
}
