using CsCheck;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Certification;

public partial class BoundsTests
{
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
