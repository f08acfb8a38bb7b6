using PostTrainGate.Attacks;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using PostTrainGate.Tests.Repairs;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Passes that are cut into parts, and passes in ONNX Runtime, give what whole ones of libtorch give.</summary>
public class PartsTests
{
    [Theory]
    [InlineData("fmnist/cnn.onnx")]
    [InlineData("fmnist/lenet5.onnx")]
    [InlineData("fmnist/cnn_opset9.onnx")]
    public void Gradients_and_logits_in_parts_are_those_of_one_pass(string file)
    {
        using var scope = NewDisposeScope();
        var path = Fixtures.Path(file);
        using var whole = OnnxClassifier.Load(path);
        using var parts = OnnxClassifier.Load(OnnxFile.Read(path), new ModelUse { PassBytes = 1 << 20 });
        Assert.InRange(parts.RowsPerPass(gradients: true), 1, 20);
        var (x, y) = FashionMnist.Test(50);
        var (logits, loss, gradient) = Gradient(whole);
        var (inParts, lossInParts, gradientInParts) = Gradient(parts);
        Close(logits, inParts);
        Close(loss, lossInParts);
        Close(gradient, gradientInParts);
        using (no_grad())
            Close(whole.Logits(x), parts.Logits(x));

        (Tensor Logits, Tensor Loss, Tensor Gradient) Gradient(OnnxClassifier model) =>
            InputGradient.Compute(model, x, (z, of) => Losses.Margin(z, of(y)));
    }

    [Fact]
    public void A_model_is_tuned_in_parts_as_it_is_in_one_pass()
    {
        using var scope = NewDisposeScope();
        var path = Fixtures.Path("fmnist/lenet5.onnx");
        using var rows = FashionMnist.TestSet(64);
        using var whole = Tuned(PassFootprint.BytesWithin());
        using var parts = Tuned(1 << 18);
        Assert.All(whole.Parameters, p => Close(p.Value, parts.Parameters[p.Key]));
        using var source = OnnxClassifier.Load(path);
        Assert.Contains(source.Parameters, p => !p.Value.Same(whole.Parameters[p.Key]));

        OnnxClassifier Tuned(long bytes)
        {
            using var model = OnnxClassifier.Load(OnnxFile.Read(path), new ModelUse { PassBytes = bytes });
            var recipe = new Adversarial { Budgets = [new Budget(Norm.Linf, 0.05, 0, 1)], Schedule = Steps(5) }.Recipe(
                model
            );
            return ModelTransform.Run(recipe, new(model, rows, 1)).Model;
        }
    }

    [Theory]
    [InlineData("robust_accuracy")]
    [InlineData("smoothed_accuracy")]
    [InlineData("corrupted_accuracy")]
    public void A_gate_on_changed_inputs_pushes_the_weights_in_parts_as_in_one_pass(string metric)
    {
        using var scope = NewDisposeScope();
        var path = Fixtures.Path("fmnist/lenet5.onnx");
        using var rows = FashionMnist.TestSet(64);
        var gate = new GateRule { Metric = Catalog.Default.Get<IMetric>(metric), Min = 0.9 };
        if (gate.Metric.RestsOnAttack)
            gate = gate with { Attack = new(Catalog.Default.Get<IAttack>("pgd"), Norm.Linf, 0.05) };
        using var whole = Tuned(PassFootprint.BytesWithin());
        using var parts = Tuned(1 << 18);
        using var source = OnnxClassifier.Load(path);
        Assert.All(whole.Parameters, p => Close(p.Value, parts.Parameters[p.Key]));
        Assert.Contains(source.Parameters, p => !p.Value.Same(whole.Parameters[p.Key]));

        OnnxClassifier Tuned(long bytes)
        {
            using var model = OnnxClassifier.Load(OnnxFile.Read(path), new ModelUse { PassBytes = bytes });
            List<IDisposable> owned = [];
            RepairContext context = new(model, rows, new Even(), 1, 60, [gate], [gate], [], DateTime.MaxValue)
            {
                Owned = owned,
            };
            var recipe = new PolicyTuning
            {
                Gates = [gate],
                Anchor = Anchor.Labels,
                FirstMultiplier = 3,
                Schedule = Steps(5),
            }.Recipe(context);
            var tuned = ModelTransform.Run(recipe, new(model, rows, 1)).Model;
            owned.ForEach(o => o.Dispose());
            return tuned;
        }
    }

    [Theory]
    [InlineData("fmnist/cnn.onnx")]
    [InlineData("fmnist/lenet5.onnx")]
    [InlineData("fmnist/cnn_opset11.onnx")]
    public void A_frozen_model_gives_the_logits_of_the_weights_it_had(string file)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path(file));
        using var changed = model.Clone();
        using (no_grad())
        {
            foreach (var weights in changed.Parameters.Values)
                weights.mul_(1.1);
        }

        var (x, _) = FashionMnist.Test(150);
        using var frozen = changed.Freeze();
        Assert.IsType<FrozenSession>(frozen);
        using var expected = changed.LogitsOfAll(x);
        Close(expected, frozen.Logits(x));
        Assert.False(allclose(expected, model.LogitsOfAll(x), rtol: 1e-2, atol: 1e-2));
    }

    private static TuningSchedule Steps(int count) =>
        new()
        {
            Steps = count,
            BatchSize = 32,
            LearningRate = 0.01,
            Optimizer = () => new Sgd(),
        };

    private static void Close(Tensor expected, Tensor actual) =>
        Assert.True(
            allclose(expected, actual, rtol: 1e-3, atol: 1e-4),
            $"differ by up to {(expected - actual).abs().max().item<float>()}"
        );
}
