using CsCheck;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Models;
using PostTrainGate.Tests.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Certification;

/// <summary>Bounds against sampled outputs of the model itself, and against closed forms.</summary>
public class BoundsTests(ITestOutputHelper output)
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

    private static Gen<string> OneOf(params string[] names) => Gen.Int[0, names.Length - 1].Select(i => names[i]);

    private static readonly Gen<string> Layer = OneOf(
        "Relu",
        "LeakyRelu",
        "PRelu",
        "Sigmoid",
        "Tanh",
        "Softsign",
        "Atan",
        "Erf",
        "Exp",
        "Softplus",
        "Elu",
        "Clip",
        "HardSigmoid",
        "Abs",
        "Neg",
        "Conv",
        "Grouped",
        "ConvTranspose",
        "MaxPool",
        "MaxPoolCeil",
        "AveragePool",
        "BatchNormalization",
        "Add",
        "Sub",
        "Mul",
        "MulConstant",
        "DivConstant",
        "Max",
        "Concat",
        "Transpose",
        "Pad",
        "Slice",
        "Expand"
    );

    [Fact]
    public void They_contain_sampled_outputs_of_any_small_graph() =>
        (
            from layers in Layer.Array[1, 5]
            from global in Gen.Bool
            from seed in Gen.Int[1, 100_000]
            from epsilon in Gen.Double[0.001, 0.2]
            from norm in Gen.Int[0, 2].Select(i => (Norm)i)
            select (layers, global, seed, epsilon, norm)
        ).Sample(
            drawn =>
            {
                using var scope = NewDisposeScope();
                using var folder = new TemporaryFolder();
                manual_seed(drawn.seed);
                Graph(drawn.layers, drawn.global).Save(folder.Path("model.onnx"), "logits", 3);
                using var model = OnnxClassifier.Load(folder.Path("model.onnx"));
                AssertContain(
                    model,
                    rand([2, .. model.InputShape]),
                    tensor(new long[] { 0, 2 }),
                    new(drawn.norm, drawn.epsilon, 0, 1),
                    200
                );
            },
            iter: 60,
            threads: 1,
            print: d => $"{string.Join(" ", d.layers)} {d.global} {d.seed} {d.epsilon} {d.norm}"
        );

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
        using var graph = BoundGraph.Of(model, [6], out var reason);
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
        using var graph = BoundGraph.Of(model, [.. model.InputShape], out var reason);
        Assert.Null(graph);
        output.WriteLine(reason!);
        Assert.Contains(op, reason, StringComparison.Ordinal);
    }

    private void AssertContain(OnnxClassifier model, Tensor inputs, Tensor labels, Budget budget, int samples)
    {
        using var graph = BoundGraph.Of(model, inputs.shape[1..], out var reason);
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
        var (wide, tight) = (intervals.Of(graph.Logits), refined.Logits());
        using var random = new Generator(7, CPU);
        var width = (tight.Upper - tight.Lower).clamp_min(1e-9);
        var reached = zeros_like(width);
        for (var row = 0; row < inputs.shape[0]; row++)
        {
            using var batch = NewDisposeScope();
            var clean = inputs.narrow(0, row, 1).expand([samples, .. inputs.shape[1..]]).contiguous();
            // Corners of the box (or far beyond a ball, then back onto it), points inside, and corners along the gradients.
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

    // A stem, drawn layers on [batch, channels, height, width], and a dense end.
    private static OnnxWriter Graph(string[] layers, bool global)
    {
        OnnxWriter w = new([2, 6, 6], opset: 13);
        long c = 3,
            h = 6,
            n = 0;
        w.Conv(randn(3, 2, 3, 3) * 0.4, randn(3) * 0.2, padding: 1);
        foreach (var layer in layers)
        {
            var (last, name) = (w.Last, $"{layer}{n++}");
            string Constant(string what, params long[] shape) => w.Initializer($"{name}.{what}", randn(shape) * 0.6);
            string Numbers(string what, params long[] values) => w.Initializer($"{name}.{what}", tensor(values));
            switch (layer)
            {
                case "LeakyRelu":
                    w.Then(layer, ("alpha", 0.3f));
                    break;
                case "PRelu":
                    w.Node(layer, [last, Constant("slope", c, 1, 1)]);
                    break;
                case "Clip":
                    w.Node(
                        layer,
                        [last, w.Initializer($"{name}.low", tensor(-0.3f)), w.Initializer($"{name}.high", tensor(0.5f))]
                    );
                    break;
                case "Conv":
                    w.Conv(randn(4, c, 3, 3) * 0.4, randn(4) * 0.2, padding: 1);
                    c = 4;
                    break;
                case "Grouped":
                    w.Node(
                        "Conv",
                        [last, Constant("weight", c, 1, 3, 3)],
                        ("kernel_shape", (long[])[3, 3]),
                        ("pads", (long[])[1, 1, 1, 1]),
                        ("group", c)
                    );
                    break;
                case "ConvTranspose":
                    w.Node(
                        layer,
                        [last, Constant("weight", c, 2, 3, 3), Constant("bias", 2)],
                        ("pads", (long[])[1, 1, 1, 1])
                    );
                    c = 2;
                    break;
                case "MaxPool":
                    w.Then(
                        layer,
                        ("kernel_shape", (long[])[3, 3]),
                        ("strides", (long[])[1, 1]),
                        ("pads", (long[])[1, 1, 1, 1])
                    );
                    break;
                case "MaxPoolCeil" when h > 3:
                    w.Then("MaxPool", ("kernel_shape", (long[])[2, 2]), ("strides", (long[])[2, 2]), ("ceil_mode", 1L));
                    h = (h + 1) / 2;
                    break;
                case "MaxPoolCeil":
                    break;
                case "AveragePool":
                    w.Then(
                        layer,
                        ("kernel_shape", (long[])[3, 3]),
                        ("strides", (long[])[1, 1]),
                        ("pads", (long[])[1, 1, 1, 1])
                    );
                    break;
                case "BatchNormalization":
                    w.Node(
                        layer,
                        [
                            last,
                            Constant("scale", c),
                            Constant("bias", c),
                            Constant("mean", c),
                            w.Initializer($"{name}.var", rand(c) + 0.3),
                        ]
                    );
                    break;
                case "Add" or "Sub" or "Mul" or "Max":
                    var side = w.Node("Tanh", [last]);
                    w.Node(layer, [last, side]);
                    break;
                case "MulConstant":
                    w.Node("Mul", [Constant("factor", c, 1, 1), last]);
                    break;
                case "DivConstant":
                    w.Node("Div", [last, w.Initializer($"{name}.divisor", -rand(1, c, 1, 1) - 0.5)]);
                    break;
                case "Concat":
                    w.Node(layer, [last, last], ("axis", 1L));
                    c *= 2;
                    break;
                case "Transpose":
                    w.Then(layer, ("perm", (long[])[0, 1, 3, 2]));
                    break;
                case "Pad" when h < 8:
                    w.Node(
                        layer,
                        [last, Numbers("pads", 0, 0, 1, 1, 0, 0, 0, 0), w.Initializer($"{name}.value", tensor(0.7f))]
                    );
                    h++;
                    break;
                case "Slice" when h > 3:
                    w.Node(layer, [last, Numbers("from", 1, 1), Numbers("to", 100, 100), Numbers("axes", 2, 3)]);
                    h--;
                    break;
                case "Pad" or "Slice":
                    break;
                case "Expand":
                    w.Node("GlobalAveragePool", [last]);
                    w.Node(layer, [w.Last, Numbers("shape", 1, 1, h, h)]);
                    break;
                default:
                    w.Then(layer);
                    break;
            }
        }

        if (global)
            w.Then("GlobalMaxPool");
        w.Flatten();
        w.Gemm(randn(3, global ? c : c * h * h) * 0.5, randn(3));
        return w;
    }
}
