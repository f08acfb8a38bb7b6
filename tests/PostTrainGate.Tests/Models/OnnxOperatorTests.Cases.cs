using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

public partial class OnnxOperatorTests
{
    private static readonly (string Name, long Opset, long[] Input, Action<OnnxWriter> Build)[] Cases =
    [
        ("Abs", 13, [3, 4], w => w.Then("Abs")),
        ("Add, parameter first", 13, [3, 4], w => w.Node("Add", [w.Initializer("b", Draw(4)), "input"])),
        ("Add, scalar", 9, [3, 4], w => w.Node("Add", ["input", w.Initializer("b", Draw())])),
        ("Sub, broadcast both ways", 13, [3, 1, 4], w => w.Node("Sub", ["input", w.Initializer("b", Draw(5, 1))])),
        ("Mul", 7, [3, 4], w => w.Node("Mul", ["input", w.Initializer("b", Draw(4))])),
        ("Div", 14, [3, 4], w => w.Node("Div", ["input", w.Initializer("b", Draw(4) + 3)])),
        ("BatchNormalization 9, 4 axes", 9, [3, 4, 5, 5], w => Norm(w, ("epsilon", 1e-3f), ("momentum", 0.8f))),
        ("BatchNormalization 7, spatial", 7, [3, 4, 5], w => Norm(w, ("spatial", 1L))),
        ("BatchNormalization 15, 2 axes", 15, [3, 4], w => Norm(w, ("training_mode", 0L))),
        ("Cast to double and back", 13, [3, 4], w => w.Then("Cast", ("to", 11L)).Then("Cast", ("to", 1L))),
        ("Clip 7, attributes", 7, [3, 4], w => w.Then("Clip", ("min", -0.5f), ("max", 0.5f))),
        ("Clip 10, one attribute", 10, [3, 4], w => w.Then("Clip", ("max", 0.25f))),
        ("Clip 11, inputs", 11, [3, 4], w =>
            w.Node("Clip", ["input", w.Initializer("low", tensor(-0.5f)), w.Initializer("high", tensor(0.5f))])
        ),
        ("Clip 13, upper only", 13, [3, 4], w => w.Node("Clip", ["input", "", w.Initializer("high", tensor(0.5f))])),
        ("Clip 13, neither", 13, [3, 4], w => w.Then("Clip")),
        ("Concat with itself and a parameter", 13, [3, 4], w =>
            w.Node("Concat", ["input", w.Initializer("b", Draw(3, 2)), "input"], ("axis", -1L))
        ),
        ("Constant node as weight", 13, [3, 4], w => w.Node("MatMul", ["input", Weight(w, Draw(4, 5))])),
        ("Conv with bias", 11, [3, 4, 7, 6], w => w.Conv(Draw(5, 4, 3, 3), Draw(5), padding: 1, stride: 2)),
        ("Conv, grouped, dilated, uneven", 11, [3, 4, 9, 8], w =>
            w.Node(
                "Conv",
                ["input", w.Initializer("w", Draw(6, 2, 3, 2))],
                ("group", 2L),
                ("dilations", new long[] { 2, 1 }),
                ("pads", new long[] { 1, 0, 2, 1 }),
                ("strides", new long[] { 1, 2 })
            )
        ),
        ("Conv, depthwise, SAME_UPPER", 13, [3, 4, 7, 6], w =>
            w.Node(
                "Conv",
                ["input", w.Initializer("w", Draw(4, 1, 3, 3))],
                ("group", 4L),
                ("auto_pad", "SAME_UPPER"),
                ("strides", new long[] { 2, 2 })
            )
        ),
        ("Conv, SAME_LOWER", 13, [3, 2, 8, 5], w =>
            w.Node("Conv", ["input", w.Initializer("w", Draw(3, 2, 2, 4))], ("auto_pad", "SAME_LOWER"))
        ),
        ("Conv, VALID, one axis", 11, [3, 2, 9], w =>
            w.Node(
                "Conv",
                ["input", w.Initializer("w", Draw(3, 2, 4)), w.Initializer("b", Draw(3))],
                ("auto_pad", "VALID")
            )
        ),
        ("Conv, three axes", 11, [2, 2, 4, 5, 4], w => w.Conv(Draw(3, 2, 2, 3, 2), Draw(3), padding: 1)),
        ("Dropout 7", 7, [3, 4], w => w.Then("Dropout", ("ratio", 0.3f))),
        ("Dropout of nothing in training mode", 13, [3, 4], w =>
            w.Node("Dropout", ["input", w.Initializer("ratio", tensor(0f)), w.Initializer("training", tensor(true))])
        ),
        ("Dropout 12", 12, [3, 4], w =>
            w.Node("Dropout", ["input", w.Initializer("ratio", tensor(0.3f)), w.Initializer("training", tensor(false))])
        ),
        ("Elu", 13, [3, 4], w => w.Then("Elu", ("alpha", 0.7f))),
        ("Erf", 13, [3, 4], w => w.Then("Erf")),
        ("Exp and Log", 13, [3, 4], w => w.Then("Exp").Then("Log")),
        ("Expand", 13, [3, 1, 4], w =>
            w.Node("Expand", ["input", w.Initializer("shape", tensor(new long[] { 2, 1 }))])
        ),
        ("Flatten 9", 9, [3, 2, 4], w => w.Flatten()),
        ("Flatten 13, from the end", 13, [3, 2, 4], w => w.Then("Flatten", ("axis", -1L))),
        ("Flatten, all", 13, [3, 2, 4], w => w.Then("Flatten", ("axis", 0L))),
        ("Gather, one", 13, [3, 5], w => w.Node("Gather", ["input", w.Initializer("at", tensor(-2L))], ("axis", 1L))),
        ("Gather, a matrix", 9, [3, 5, 2], w => w.Node(
                "Gather",
                [
                    "input",
                    w.Initializer(
                        "at",
                        tensor(
                            new long[,]
                            {
                                { 0, 4 },
                                { 2, 2 },
                            }
                        )
                    ),
                ],
                ("axis", 1L)
            )),
        ("Gather, 32-bit", 13, [3, 5], w => w.Node("Gather", ["input", w.Initializer("at", tensor(new[] { 2, 0 }))])),
        ("Gelu", 20, [3, 4], w => w.Then("Gelu")),
        ("Gelu, tanh", 20, [3, 4], w => w.Then("Gelu", ("approximate", "tanh"))),
        ("Gemm", 13, [3, 4], w => w.Gemm(Draw(5, 4), Draw(5))),
        ("Gemm 9, all attributes", 9, [4, 3], w =>
            w.Node(
                "Gemm",
                ["input", w.Initializer("w", Draw(4, 5)), w.Initializer("b", Draw(1, 5))],
                ("alpha", 0.5f),
                ("beta", 2f),
                ("transA", 1L)
            )
        ),
        ("Gemm 11, no bias", 11, [3, 4], w =>
            w.Node("Gemm", ["input", w.Initializer("w", Draw(4, 5))], ("alpha", 3f), ("transB", 0L))
        ),
        ("GlobalAveragePool", 9, [3, 4, 5, 6], w => w.Then("GlobalAveragePool")),
        ("GlobalMaxPool", 9, [3, 4, 5], w => w.Then("GlobalMaxPool")),
        ("HardSigmoid", 13, [3, 4], w => w.Then("HardSigmoid", ("alpha", 0.3f))),
        ("HardSwish", 14, [3, 4], w => w.Then("HardSwish")),
        ("Identity", 13, [3, 4], w => w.Then("Identity")),
        ("LayerNormalization", 17, [3, 4, 5], w =>
            w.Node(
                "LayerNormalization",
                ["input", w.Initializer("s", Draw(4, 5)), w.Initializer("b", Draw(4, 5))],
                ("axis", 1L)
            )
        ),
        ("LeakyRelu", 9, [3, 4], w => w.Then("LeakyRelu")),
        ("LeakyRelu, alpha", 16, [3, 4], w => w.Then("LeakyRelu", ("alpha", 0.3f))),
        ("LogSoftmax 9", 9, [3, 2, 4], w => w.Then("LogSoftmax")),
        ("LogSoftmax 13", 13, [3, 2, 4], w => w.Then("LogSoftmax")),
        ("LogSoftmax 13, axis", 13, [3, 2, 4], w => w.Then("LogSoftmax", ("axis", 1L))),
        ("MatMul, weight first", 13, [4, 3], w => w.Node("MatMul", [w.Initializer("w", Draw(5, 4)), "input"])),
        ("MatMul, batched", 9, [3, 2, 4], w => w.Node("MatMul", ["input", w.Initializer("w", Draw(4, 5))])),
        ("MatMul, a vector", 13, [3, 4], w => w.Node("MatMul", ["input", w.Initializer("w", Draw(4))])),
        ("Max and Min", 13, [3, 4], w =>
            w.Node(
                "Min",
                [
                    w.Node("Max", ["input", w.Initializer("a", Draw(4)), w.Initializer("b", Draw())]),
                    w.Initializer("c", Draw(3, 1)),
                ]
            )
        ),
        ("MaxPool 8", 8, [3, 2, 6, 6], w => w.MaxPool(2)),
        ("Mish", 18, [3, 4], w => w.Then("Mish")),
        ("Neg", 13, [3, 4], w => w.Then("Neg")),
        ("Pad 2, attributes", 9, [3, 2, 4], w =>
            w.Then("Pad", ("pads", new long[] { 0, 1, 2, 0, 0, 1 }), ("value", 0.5f))
        ),
        ("Pad 11, inputs", 11, [3, 2, 4], w =>
            w.Node(
                "Pad",
                ["input", w.Initializer("p", tensor(new long[] { 0, 0, 2, 0, 0, 1 })), w.Initializer("v", tensor(0.5f))]
            )
        ),
        ("Pad 11, cropping", 11, [3, 2, 4], w =>
            w.Node("Pad", ["input", w.Initializer("p", tensor(new long[] { 0, 0, -1, 0, 0, 2 }))])
        ),
        ("Pad 13, reflect", 13, [3, 2, 4], w =>
            w.Node("Pad", ["input", w.Initializer("p", tensor(new long[] { 0, 0, 2, 0, 0, 1 }))], ("mode", "reflect"))
        ),
        ("Pad 13, edge", 13, [3, 2, 4, 4], w =>
            w.Node(
                "Pad",
                ["input", w.Initializer("p", tensor(new long[] { 0, 0, 1, 2, 0, 0, 0, 1 }))],
                ("mode", "edge")
            )
        ),
        ("Pad 18, axes", 18, [3, 2, 4], w =>
            w.Node(
                "Pad",
                [
                    "input",
                    w.Initializer("p", tensor(new long[] { 1, 2 })),
                    "",
                    w.Initializer("a", tensor(new long[] { -1 })),
                ]
            )
        ),
        ("Pow", 13, [3, 4], w => w.Node("Pow", ["input", w.Initializer("p", tensor(3f))])),
        ("PRelu", 9, [3, 4, 2], w => w.Node("PRelu", ["input", w.Initializer("s", Draw(4, 1))])),
        ("ReduceMean 9", 9, [3, 4, 5], w => w.Then("ReduceMean", ("axes", new long[] { 1, -1 }), ("keepdims", 0L))),
        ("ReduceMean 18", 18, [3, 4, 5], w =>
            w.Node("ReduceMean", ["input", w.Initializer("a", tensor(new long[] { 2 }))])
        ),
        ("ReduceMax 13", 13, [3, 4, 5], w => w.Then("ReduceMax", ("axes", new long[] { 1 }))),
        ("ReduceSum 13, all", 13, [3, 4], w => w.Then("ReduceSum")),
        ("ReduceSum 13, noop", 13, [3, 4], w => w.Then("ReduceSum", ("noop_with_empty_axes", 1L))),
        ("Reciprocal and Sqrt", 13, [3, 4], w => w.Then("Exp").Then("Sqrt").Then("Reciprocal")),
        ("Relu", 9, [3, 4], w => w.Relu()),
        ("Reshape, 0 and -1", 9, [3, 2, 6], w =>
            w.Node("Reshape", ["input", w.Initializer("s", tensor(new long[] { 0, -1, 3 }))])
        ),
        ("Reshape 14, allowzero", 14, [3, 2, 6], w =>
            w.Node("Reshape", ["input", w.Initializer("s", tensor(new long[] { 4, -1 }))], ("allowzero", 1L))
        ),
        ("Selu", 13, [3, 4], w => w.Then("Selu")),
        ("Shape arithmetic", 13, [3, 2, 4], Rows),
        ("Shape 15, slice", 15, [3, 2, 4], w =>
            w.Node("Reshape", ["input", w.Node("Shape", ["input"], ("start", -3L), ("end", 3L))])
        ),
        ("Sigmoid and Tanh", 9, [3, 4], w => w.Then("Sigmoid").Then("Tanh")),
        ("Slice 9, attributes", 9, [3, 6], w =>
            w.Then("Slice", ("starts", new long[] { 1 }), ("ends", new long[] { -1 }), ("axes", new long[] { 1 }))
        ),
        ("Slice 11, steps", 11, [3, 6, 2], w =>
            w.Node(
                "Slice",
                [
                    "input",
                    w.Initializer("s", tensor(new long[] { 9, 0 })),
                    w.Initializer("e", tensor(new long[] { -9, 9 })),
                    w.Initializer("a", tensor(new long[] { 1, 0 })),
                    w.Initializer("by", tensor(new long[] { -2, 2 })),
                ]
            )
        ),
        ("Softmax 9, as a matrix", 9, [3, 2, 4], w => w.Then("Softmax")),
        ("Softmax 11, axis 2", 11, [3, 2, 4], w => w.Then("Softmax", ("axis", 2L))),
        ("Softmax 13, last", 13, [3, 2, 4], w => w.Then("Softmax")),
        ("Softmax 13, axis 1", 13, [3, 2, 4], w => w.Then("Softmax", ("axis", 1L))),
        ("Softplus and Softsign", 13, [3, 4], w => w.Then("Softplus").Then("Softsign")),
        ("Split 13", 13, [3, 6], w => Split(w, w.Initializer("sizes", tensor(new long[] { 1, 5 })))),
        ("Split 9", 9, [3, 6], w => Split(w, null, ("split", new long[] { 2, 4 }))),
        ("Squeeze 9", 9, [3, 1, 4, 1], w => w.Then("Squeeze", ("axes", new long[] { 1 }))),
        ("Squeeze 13", 13, [3, 1, 4, 1], w =>
            w.Node("Squeeze", ["input", w.Initializer("a", tensor(new long[] { -1 }))])
        ),
        ("Squeeze 13, all", 13, [3, 1, 4, 1], w => w.Then("Squeeze")),
        ("Sum", 13, [3, 4], w => w.Node("Sum", ["input", w.Initializer("a", Draw(4)), "input"])),
        ("Transpose", 9, [3, 2, 4], w => w.Then("Transpose", ("perm", new long[] { 0, 2, 1 }))),
        ("Transpose, default", 13, [3, 2, 4], w => w.Then("Transpose")),
        ("Unsqueeze 9", 9, [3, 4], w => w.Then("Unsqueeze", ("axes", new long[] { 3, 1 }))),
        ("Unsqueeze 13", 13, [3, 4], w =>
            w.Node("Unsqueeze", ["input", w.Initializer("a", tensor(new long[] { 0, -1 }))])
        ),
    ];

    private static string Weight(OnnxWriter w, Tensor value)
    {
        var proto = new TensorProto { DataType = (int)TensorProto.Types.DataType.Float, Name = "unused" };
        proto.Dims.AddRange(value.shape);
        proto.FloatData.AddRange(value.data<float>());
        return w.Node("Constant", [], ("value", proto));
    }

    private static void Norm(OnnxWriter w, params ReadOnlySpan<(string, object)> attributes) =>
        w.Node(
            "BatchNormalization",
            [
                "input",
                w.Initializer("scale", Draw(4)),
                w.Initializer("bias", Draw(4)),
                w.Initializer("mean", Draw(4)),
                w.Initializer("variance", Draw(4).square() + 0.5),
            ],
            attributes
        );

    // What PyTorch writes for x.view(x.size(0), -1): the size is computed in each pass.
    private static void Rows(OnnxWriter w)
    {
        var rows = w.Node("Gather", [w.Node("Shape", ["input"]), w.Node("Constant", [], ("value_int", 0L))]);
        var one = w.Node("Unsqueeze", [rows, w.Initializer("axes", tensor(new long[] { 0 }))]);
        w.Node(
            "Reshape",
            ["input", w.Node("Concat", [one, w.Node("Constant", [], ("value_ints", new long[] { -1 }))], ("axis", 0L))]
        );
    }

    private static void Split(OnnxWriter w, string? sizes, params ReadOnlySpan<(string, object)> attributes)
    {
        var first = w.Node("Split", sizes is null ? ["input"] : ["input", sizes], [("axis", 1L), .. attributes]);
        w.Node("Mul", [w.Also("second"), w.Node("ReduceSum", [first])]);
    }
}
