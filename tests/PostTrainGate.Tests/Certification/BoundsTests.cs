using CsCheck;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Tests.Models;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Certification;

/// <summary>Bounds against sampled outputs of the model itself, and against closed forms.</summary>
public partial class BoundsTests(ITestOutputHelper output)
{
    // Every model in one norm at least, and every norm on images and on tables.
    [Theory]
    [InlineData("cnn", Norm.Linf, 2 / 255.0)]
    [InlineData("lenet5", Norm.L2, 0.03)]
    [InlineData("lenet5", Norm.L1, 0.2)]
    [InlineData("adult", Norm.Linf, 0.02)]
    [InlineData("adult", Norm.L1, 0.1)]
    [InlineData("bank", Norm.L2, 0.05)]
    [InlineData("compas", Norm.Linf, 0.02)]
    [InlineData("german", Norm.L2, 0.05)]
    public void They_contain_two_thousand_sampled_outputs(string name, Norm norm, double epsilon)
    {
        using var scope = NewDisposeScope();
        var rows = name is "cnn" or "lenet5" ? 2 : 5;
        var (model, inputs, labels) = FixtureModels.Load(name, rows);
        using var _ = model;
        AssertContain(model, inputs, labels, new(norm, epsilon, 0, 1), 2_000 / rows);
    }

    [Theory]
    [InlineData("ResNet")]
    [InlineData("MobileNetV2")]
    [InlineData("DenseNet")]
    public void They_contain_sampled_outputs_of_the_usual_families(string name)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        Architectures.All[name]().Save(folder.Path("model.onnx"), "logits", Architectures.Classes);
        using var model = OnnxClassifier.Load(
            folder.Path("model.onnx"),
            new() { Mean = [0.5, 0.4, 0.3], Std = [0.2, 0.3, 0.25] }
        );
        using var random = new Generator(3, CPU);
        var x = rand([2, .. model.InputShape], generator: random);
        AssertContain(model, x, zeros(2, dtype: int64), new(Norm.Linf, 0.002, 0, 1), 1000);
        AssertContain(model, x, zeros(2, dtype: int64), new(Norm.L2, 0.01, 0, 1), 1000);
    }

    // z = (0, w x + b): within the ball the margin falls by epsilon times the dual norm, exactly.
    [Theory]
    [InlineData(Norm.Linf)]
    [InlineData(Norm.L2)]
    [InlineData(Norm.L1)]
    public void Of_a_linear_model_they_are_exact(Norm norm)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        manual_seed(1);
        var (w, b) = (randn(3, 6), randn(3));
        var writer = new OnnxWriter([6]);
        writer.Gemm(w, b);
        writer.Save(folder.Path("model.onnx"), "logits", 3);
        using var model = OnnxClassifier.Load(
            folder.Path("model.onnx"),
            new()
            {
                Lower = -100,
                Upper = 100,
                Mean = [0.5],
                Std = [0.25],
            }
        );
        using var graph = BoundGraph.TryBuild(model, [6], out var reason);
        Assert.Null(reason);
        var (x, y) = (randn(20, 6), arange(20) % 3);
        using var bounds = new Bounds(graph!, x, new(norm, 0.3, -100, 100), refine: true);
        var logits = model.Logits(x).to(float64);
        for (var row = 0; row < 20; row++)
        {
            var label = row % 3;
            double[] expected =
            [
                .. Enumerable
                    .Range(0, 3)
                    .Where(j => j != label)
                    .Select(j =>
                    {
                        var change = (w[label] - w[j]) / 0.25;
                        var dual = norm switch
                        {
                            Norm.Linf => change.abs().sum(),
                            Norm.L2 => change.norm(),
                            _ => change.abs().max(),
                        };
                        return (logits[row][label] - logits[row][j]).item<double>() - 0.3 * dual.item<float>();
                    }),
            ];
            var found = bounds.Margins(y, backward: true)[row].data<double>().ToArray();
            Assert.All(expected.Zip(found), p => Assert.Equal(p.First, p.Second, 1e-4));
        }
    }

    [Theory]
    [InlineData("ViT", "LayerNormalization")]
    [InlineData("LSTM", "LSTM")]
    public void Operators_without_a_bound_are_named(string name, string op)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        Architectures.All[name]().Save(folder.Path("model.onnx"), "logits", Architectures.Classes);
        using var model = OnnxClassifier.Load(folder.Path("model.onnx"));
        using var graph = BoundGraph.TryBuild(model, [.. model.InputShape], out var reason);
        Assert.Null(graph);
        output.WriteLine(reason!);
        Assert.Contains(op, reason, StringComparison.Ordinal);
    }

    private void AssertContain(OnnxClassifier model, Tensor inputs, Tensor labels, Budget budget, int samples)
    {
        using var graph = BoundGraph.TryBuild(model, inputs.shape[1..], out var reason);
        Assert.True(graph is not null, reason);
        using var intervals = new Bounds(graph, inputs, budget, refine: false);
        using var refined = new Bounds(graph, inputs, budget, refine: true);
        var (ibp, cheap, crown) = (
            intervals.Margins(labels, false),
            intervals.Margins(labels, true),
            refined.Margins(labels, true)
        );
        Assert.True(
            cheap.ge(ibp).all().item<bool>() && crown.ge(refined.Margins(labels, false)).all().item<bool>(),
            "looser than intervals"
        );
        var (wide, tight) = (intervals.Get(graph.Logits), refined.Logits());
        using var random = new Generator(7, CPU);
        var width = (tight.Upper - tight.Lower).clamp_min(1e-9);
        var reached = zeros_like(width);
        for (var row = 0; row < inputs.shape[0]; row++)
        {
            using var batch = NewDisposeScope();
            var clean = inputs.narrow(0, row, 1).expand([samples, .. inputs.shape[1..]]).contiguous();
            // Corners of the box (or far beyond a ball, then back onto it), points inside, and corners along the
            // gradients.
            var half = samples / 2;
            var corners = clean.Plus(randn(clean.shape, generator: random).sign().mul(budget.Epsilon));
            var x = cat([
                budget.Project(clean, corners).narrow(0, 0, half),
                budget.RandomPoint(clean, random).narrow(0, half, samples - half),
            ]);
            var most = model.Classes;
            for (var c = 0; c < most; c++)
                x[c % samples]
                    .copy_(
                        budget.Project(inputs.narrow(0, row, 1), Along(model, inputs.narrow(0, row, 1), c, budget))[0]
                    );
            var logits = model.LogitsOfAll(x).to(float64);
            var slack = 1e-4 * logits.abs().max().clamp_min(1).item<double>();
            Assert.True(
                logits.ge(tight.Lower[row] - slack).all().item<bool>()
                    && logits.le(tight.Upper[row] + slack).all().item<bool>(),
                "outside of CROWN"
            );
            var head = graph.ToLogits(wide.Lower[row].unsqueeze(0));
            if (head.shape[1] == model.Classes && model.Head != OutputHead.Sigmoid)
            {
                Assert.True(logits.ge(head - slack).all().item<bool>(), "outside of IBP");
                Assert.True(
                    logits.le(graph.ToLogits(wide.Upper[row].unsqueeze(0)) + slack).all().item<bool>(),
                    "outside of IBP"
                );
            }

            var label = labels[row].item<long>();
            var others = Enumerable.Range(0, model.Classes).Where(c => c != label).Select(c => (long)c).ToArray();
            var margins = logits.narrow(1, label, 1) - logits.index_select(1, tensor(others));
            Assert.True(margins.ge(crown[row] - slack).all().item<bool>(), "a margin below its bound");
            reached[row].copy_((logits.amax([0]) - logits.amin([0])) / width[row]);
        }

        output.WriteLine(
            $"margins: IBP {ibp.mean().item<double>():G3}, CROWN {cheap.mean().item<double>():G3}, "
                + $"refined {crown.mean().item<double>():G3}; "
                + $"samples fill {reached.mean().item<double>():P0} of the refined bounds"
        );
    }

    private static Tensor Along(OnnxClassifier model, Tensor x, int @class, Budget budget)
    {
        using var scope = NewDisposeScope();
        using var _ = enable_grad();
        var leaf = x.detach().clone().requires_grad_();
        var gradient = autograd.grad([model.Logits(leaf).select(1, @class).sum()], [leaf])[0];
        return x.Plus(budget.Direction(gradient).mul(budget.Epsilon)).detach().MoveToOuterDisposeScope();
    }
}
