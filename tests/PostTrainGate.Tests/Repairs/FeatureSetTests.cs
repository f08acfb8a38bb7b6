using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using PostTrainGate.Tests.Metrics;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>Tuning and judging a last layer from features that are computed once.</summary>
public class FeatureSetTests
{
    [Theory]
    [InlineData("fmnist/cnn.onnx")]
    [InlineData("fmnist/cnn_opset11.onnx")]
    public void Logits_from_features_are_those_of_the_whole_model(string file)
    {
        using var source = OnnxClassifier.Load(Fixtures.Path(file));
        using var rows = FashionMnist.TestSet(300);
        using var features = FeatureSet.Of(source, rows)!;
        using var model = source.Clone();
        using (no_grad())
            model.Parameters[source.Layers[^1].Weight].mul_(0.5);
        foreach (var each in new[] { source, model })
        {
            using var expected = each.LogitsOfAll(rows.Inputs);
            using var found = features.LogitsOf(each)!;
            Assert.True(allclose(expected, found, rtol: 1e-4, atol: 1e-4));
        }
    }

    [Fact]
    public void A_model_that_differs_elsewhere_has_other_features()
    {
        using var source = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));
        using var rows = FashionMnist.TestSet(20);
        using var features = FeatureSet.Of(source, rows)!;
        using var model = source.Clone();
        Assert.True(features.Fits(model));
        using (no_grad())
            model.Parameters[source.Layers[0].Bias!].add_(1e-6);
        Assert.False(features.Fits(model));
        Assert.Null(features.LogitsOf(model));
        using var other = OnnxClassifier.Load(Fixtures.Path("fmnist/lenet5.onnx"));
        Assert.False(features.Fits(other));
    }

    [Fact]
    public void Small_models_and_values_that_others_lead_around_have_none()
    {
        using var toy = new SurrogateToy(2);
        Assert.Null(FeatureSet.Of(toy.Source, toy.Data));

        // The logits are those of the last layer and the sums of the channels, which do not pass it.
        using var scope = NewDisposeScope();
        OnnxWriter w = new([1, 28, 28]);
        w.Conv(randn(10, 1, 13, 13), zeros(10), padding: 6).Then("GlobalAveragePool").Flatten();
        var sums = w.Last;
        w.Gemm(randn(10, 10), zeros(10));
        w.Node("Add", [w.Last, sums]);
        var around = Loaded(w);
        using var rows = FashionMnist.TestSet(20);
        Assert.NotNull(FeatureSet.Of(around, rows)); // both begin at what the last layer reads

        w = new([1, 28, 28]);
        w.Conv(randn(10, 1, 13, 13), zeros(10), padding: 6).Then("GlobalAveragePool").Flatten();
        var before = w.Last;
        w.Relu().Gemm(randn(10, 10), zeros(10));
        w.Node("Add", [w.Last, before]);
        Assert.Null(FeatureSet.Of(Loaded(w), rows));

        // Tuning the last layer would change the one before it too.
        w = new([1, 28, 28]);
        w.Conv(randn(10, 1, 13, 13), zeros(10), padding: 6).Then("GlobalAveragePool").Flatten();
        string[] shared = [w.Initializer("weight", randn(10, 10)), w.Initializer("bias", zeros(10))];
        w.Node("Gemm", [w.Last, .. shared]);
        w.Relu().Node("Gemm", [w.Last, .. shared]);
        Assert.Null(FeatureSet.Of(Loaded(w), rows));

        static OnnxClassifier Loaded(OnnxWriter w)
        {
            var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.onnx");
            try
            {
                w.Save(path, "logits", 10);
                return OnnxClassifier.Load(path);
            }
            finally
            {
                File.Delete(path);
            }
        }
    }

    [Fact]
    public void A_last_layer_is_tuned_from_features_as_in_the_whole_model()
    {
        using var source = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));
        using var rows = WithGroups(FashionMnist.TestSet(256));
        List<IDisposable> owned = [];
        RepairContext context = new(source, rows, new Even(), 1, 60, [], [], [], DateTime.MaxValue) { Owned = owned };
        var recipe = LastLayer.Recipe(rows.Groups["parity"]);
        recipe = recipe with { Schedule = recipe.Schedule with { Steps = 4, Optimizer = () => new Sgd() } };
        var fromFeatures = RecipePlan.Fixed(recipe, context);
        var fromInputs = RecipePlan.Fixed(recipe with { OfLastLayer = false }, context);
        Assert.InRange(fromFeatures.Seconds, 0, fromInputs.Seconds / 5);
        var (fast, plain) = (fromFeatures.Run(context, 1), fromInputs.Run(context, 1));
        using (fast.Model)
        using (plain.Model)
        {
            Assert.All(plain.Model.Parameters, p =>
                Assert.True(allclose(p.Value, fast.Model.Parameters[p.Key], rtol: 1e-4, atol: 1e-5), p.Key)
            );
            Assert.Equal(
                new[] { source.Layers[^1].Weight, source.Layers[^1].Bias! }.Order(),
                source.Parameters.Where(p => !p.Value.Same(fast.Model.Parameters[p.Key])).Select(p => p.Key).Order()
            );
            Assert.Equal(plain.Details["weights_changed"], fast.Details["weights_changed"]);
        }

        Assert.Single(owned);
        owned.ForEach(o => o.Dispose());
    }

    private static EvaluationSet WithGroups(EvaluationSet rows)
    {
        var group = new GroupColumn("parity", ["even", "odd"], [.. rows.LabelValues.Select(y => y % 2)], 1, ["y"]);
        return new(
            rows.Inputs,
            rows.Labels,
            rows.ClassNames,
            ImmutableDictionary<string, GroupColumn>.Empty.Add("parity", group),
            rows.Layout,
            rows.Favorable
        );
    }
}
