using CsCheck;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

// Operators with weights, windows and statistics.
internal static partial class OnnxSamples
{
    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Weighted()
    {
        yield return Of(
            "MatMul",
            from sizes in Gen.Long[1, 4].Array[4]
            from first in Gen.Bool
            select Graph(first ? [sizes[0], sizes[1], sizes[2]] : [2, sizes[2], sizes[1]], w =>
                w.Node(
                    "MatMul",
                    first
                        ? ["input", w.Initializer("w", randn(sizes[2], sizes[3]))]
                        : [w.Initializer("w", randn(sizes[3], sizes[2])), "input"]
                )
            )
        );
        yield return Of(
            "Gemm",
            from sizes in Gen.Long[1, 4].Array[3]
            from a in Gen.Long[0, 1]
            from b in Gen.Long[0, 1]
            from alpha in Gen.Float[0.5f, 2]
            from beta in Gen.Float[0.5f, 2]
            from bias in Gen.OneOf(Gen.Const<long[]>([]), Gen.Const(sizes[2..]), Gen.Const<long[]>([sizes[0], 1]))
            select Graph(a == 0 ? [sizes[0], sizes[1]] : [sizes[1], sizes[0]], w =>
                w.Node(
                    "Gemm",
                    [
                        "input",
                        w.Initializer("w", b == 0 ? randn(sizes[1], sizes[2]) : randn(sizes[2], sizes[1])),
                        w.Initializer("b", randn(bias)),
                    ],
                    ("alpha", alpha),
                    ("beta", beta),
                    ("transA", a),
                    ("transB", b)
                )
            )
        );
        yield return Of(
            "Einsum",
            from equation in One(
                "bij,bjk->bik",
                "bij,bjk",
                "bij,bkj->bk",
                "bii,bii->b",
                "b i j, b j k -> i k b",
                "...ij,...jk->...ik"
            )
            select Graph([2, 3, 3], w =>
                w.Node("Einsum", ["input", w.Initializer("w", randn(2, 3, 3))], ("equation", equation))
            )
        );
        foreach (var pair in Windows().Concat(Normalizations()).Concat(Recurrent()))
            yield return pair;
    }

    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Windows()
    {
        yield return Of(
            "Conv",
            from shape in Image
            from kernel in Gen.Long[1, 3].Array[shape.Length - 2]
            from stride in Gen.Long[1, 2]
            from grouped in Gen.Bool
            let groups = grouped ? shape[1] : 1
            select Graph(shape, w =>
                w.Node(
                    "Conv",
                    [
                        "input",
                        w.Initializer("w", randn([2 * groups, shape[1] / groups, .. kernel])),
                        w.Initializer("b", randn(2 * groups)),
                    ],
                    ("group", groups),
                    ("strides", kernel.Select(_ => stride).ToArray()),
                    ("auto_pad", "SAME_UPPER")
                )
            )
        );
        yield return Of(
            "ConvTranspose",
            from shape in Image
            from kernel in Gen.Long[1, 3].Array[shape.Length - 2]
            from stride in Gen.Long[1, 3]
            from dilation in Gen.Long[1, 2]
            from grouped in Gen.Bool
            from pads in Gen.Long[0, 1].Array[2 * kernel.Length]
            from more in Gen.Long[0, stride - 1]
            let groups = grouped ? shape[1] : 1
            select Graph(shape, w =>
                w.Node(
                    "ConvTranspose",
                    [
                        "input",
                        w.Initializer("w", randn([shape[1], 2, .. kernel])),
                        w.Initializer("b", randn(2 * groups)),
                    ],
                    ("group", groups),
                    ("strides", kernel.Select(_ => stride).ToArray()),
                    ("pads", pads),
                    ("dilations", kernel.Select(_ => dilation).ToArray()),
                    ("output_padding", kernel.Select(_ => more).ToArray())
                )
            )
        );
        foreach (var op in (string[])["MaxPool", "AveragePool", "LpPool"])
        {
            yield return Of(
                op,
                from shape in Image
                from kernel in Gen.Long[2, 3].Array[shape.Length - 2]
                from stride in Gen.Long[1, 2]
                from pad in Gen.Long[0, 1]
                select Graph(shape, w =>
                    w.Then(
                        op,
                        ("kernel_shape", kernel),
                        ("strides", kernel.Select(_ => stride).ToArray()),
                        ("pads", kernel.Concat(kernel).Select(_ => pad).ToArray())
                    )
                ),
                opset: 17
            );
        }
    }

    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Normalizations()
    {
        var epsilon = Gen.Float[1e-3f, 1e-1f];
        yield return Of(
            "BatchNormalization",
            from shape in Image
            from e in epsilon
            select Graph(shape, w =>
                w.Node(
                    "BatchNormalization",
                    [
                        "input",
                        PerChannel(w, "s", shape[1]),
                        PerChannel(w, "b", shape[1]),
                        PerChannel(w, "m", shape[1]),
                        w.Initializer("v", rand(shape[1]) + 0.5),
                    ],
                    ("epsilon", e)
                )
            )
        );
        yield return Of(
            "InstanceNormalization",
            from shape in Image
            from e in epsilon
            select Graph(shape, w =>
                w.Node(
                    "InstanceNormalization",
                    ["input", PerChannel(w, "s", shape[1]), PerChannel(w, "b", shape[1])],
                    ("epsilon", e)
                )
            )
        );
        yield return Of(
            "GroupNormalization",
            from shape in Image
            from groups in Gen.Long[1, 3]
            from each in Gen.Long[1, 2]
            from e in epsilon
            select Graph([2, groups * each, .. shape[2..]], w =>
                w.Node(
                    "GroupNormalization",
                    ["input", PerChannel(w, "s", groups * each), PerChannel(w, "b", groups * each)],
                    ("epsilon", e),
                    ("num_groups", groups)
                )
            ),
            opset: 21
        );
        yield return Of(
            "LayerNormalization",
            from shape in Image
            from axis in Gen.Int[1, shape.Length - 1]
            from e in epsilon
            select Graph(shape, w =>
                w.Node(
                    "LayerNormalization",
                    ["input", w.Initializer("s", randn(shape[axis..])), w.Initializer("b", randn(shape[axis..]))],
                    ("epsilon", e),
                    ("axis", (long)axis)
                )
            )
        );
        yield return Of(
            "RMSNormalization",
            from shape in Image
            from axis in Gen.Int[1, shape.Length - 1]
            from e in epsilon
            select Graph(shape, w =>
                w.Node(
                    "RMSNormalization",
                    ["input", w.Initializer("s", randn(shape[axis..]))],
                    ("epsilon", e),
                    ("axis", (long)axis)
                )
            ),
            opset: 23
        );
    }

    private static string PerChannel(OnnxWriter w, string name, long channels) => w.Initializer(name, randn(channels));

    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Recurrent()
    {
        foreach (
            var (op, gates, functions) in ((string, int, string[])[])
                [
                    ("LSTM", 4, ["Sigmoid", "Tanh", "Softsign"]),
                    ("GRU", 3, ["Sigmoid", "Tanh"]),
                    ("RNN", 1, ["Softsign"]),
                ]
        )
        {
            yield return Of(
                op,
                from direction in One("forward", "reverse", "bidirectional")
                from output in Gen.Int[0, op == "LSTM" ? 2 : 1]
                from time in Gen.Long[1, 4]
                from batch in Gen.Long[1, 3]
                from inputs in Gen.Long[1, 3]
                from hidden in Gen.Long[1, 3]
                from more in Gen.Bool.Array[4]
                from linear in Gen.Long[0, 1]
                from lengths in Gen.Int[1, (int)time].Array[(int)batch]
                select Graph([time, batch, inputs], w =>
                {
                    var ways = direction == "bidirectional" ? 2 : 1;
                    List<string> parts =
                    [
                        "input",
                        w.Initializer("w", randn(ways, gates * hidden, inputs)),
                        w.Initializer("r", randn(ways, gates * hidden, hidden)),
                        more[0] ? w.Initializer("b", randn(ways, 2 * gates * hidden)) : "",
                        more[1] ? w.Initializer("n", tensor(lengths)) : "",
                        more[2] ? w.Initializer("h", randn(ways, batch, hidden)) : "",
                    ];
                    if (op == "LSTM")
                        parts.AddRange([
                            more[2] ? w.Initializer("c", randn(ways, batch, hidden)) : "",
                            more[3] ? w.Initializer("p", randn(ways, 3 * hidden)) : "",
                        ]);
                    List<(string, object)> attributes =
                    [
                        ("hidden_size", hidden),
                        ("direction", direction),
                        ("activations", Enumerable.Repeat(functions, ways).SelectMany(f => f).ToArray()),
                    ];
                    if (op == "GRU")
                        attributes.Add(("linear_before_reset", linear));
                    string[] outputs =
                    [
                        w.Node(op, parts, [.. attributes]),
                        w.Also("last"),
                        .. op == "LSTM" ? [w.Also("cell")] : Array.Empty<string>(),
                    ];
                    w.Node("Identity", [outputs[output]]);
                }),
                opset: 14
            );
        }
    }
}
