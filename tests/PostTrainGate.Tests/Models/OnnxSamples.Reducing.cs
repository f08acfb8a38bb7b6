using CsCheck;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

internal static partial class OnnxSamples
{
    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Reducing()
    {
        foreach (
            var op in (string[])
                [
                    "ReduceL1",
                    "ReduceL2",
                    "ReduceLogSumExp",
                    "ReduceMax",
                    "ReduceMean",
                    "ReduceMin",
                    "ReduceProd",
                    "ReduceSum",
                    "ReduceSumSquare",
                ]
        )
            yield return Reduce(op);
        yield return Reduce("ReduceLogSum", 0.2);
        foreach (var op in (string[])["Softmax", "LogSoftmax"])
            yield return Of(
                op,
                from shape in AnyShape
                from axis in Gen.Long[-shape.Length, shape.Length - 1]
                select Graph(shape, w => w.Then(op, ("axis", axis)))
            );
        yield return Of(
            "CumSum",
            from shape in AnyShape
            from axis in Gen.Long[-shape.Length, shape.Length - 1]
            from exclusive in Gen.Long[0, 1]
            from reverse in Gen.Long[0, 1]
            select Graph(shape, w =>
                w.Node(
                    "CumSum",
                    ["input", w.Initializer("axis", tensor(axis))],
                    ("exclusive", exclusive),
                    ("reverse", reverse)
                )
            )
        );
        yield return Of(
            "TopK",
            from shape in AnyShape
            from axis in Gen.Int[-shape.Length, shape.Length - 1]
            from k in Gen.Long[1, shape[axis < 0 ? axis + shape.Length : axis]]
            from largest in Gen.Long[0, 1]
            select Graph(shape, w =>
            {
                var values = w.Node(
                    "TopK",
                    ["input", w.Initializer("k", tensor(new[] { k }))],
                    ("axis", (long)axis),
                    ("largest", largest)
                );
                w.Also("places");
                w.Node("Identity", [values]);
            })
        );
        yield return Of("Det", from n in Gen.Long[1, 4] select Graph([2, n, n], w => w.Then("Det")));
        yield return Of(
            "MeanVarianceNormalization",
            from shape in Image
            where shape.Length == 4
            select Graph(shape, w => w.Then("MeanVarianceNormalization"))
        );
        yield return Of(
            "LpNormalization",
            from shape in AnyShape
            from axis in Gen.Long[-shape.Length, shape.Length - 1]
            from p in Gen.Long[1, 2]
            select Graph(shape, w => w.Then("LpNormalization", ("axis", axis), ("p", p))),
            low: 0.1
        );
        yield return Of(
            "LRN",
            from c in Gen.Long[1, 6]
            from size in Gen.Long[1, 2].Select(s => 2 * s - 1)
            from alpha in Gen.Float[0.1f, 1]
            from beta in Gen.Float[0.3f, 1]
            from bias in Gen.Float[0.5f, 2]
            select Graph([2, c, 3, 4], w =>
                w.Then("LRN", ("size", size), ("alpha", alpha), ("beta", beta), ("bias", bias))
            )
        );
        foreach (var op in (string[])["GlobalAveragePool", "GlobalMaxPool"])
            yield return Of(op, from shape in Image select Graph(shape, w => w.Then(op)));
        yield return Of(
            "GlobalLpPool",
            from shape in Image
            from p in Gen.Long[1, 3]
            select Graph(shape, w => w.Then("GlobalLpPool", ("p", p)))
        );
    }

    private static (string Op, Gen<OnnxSample> Gen) Reduce(string op, double low = -2) =>
        Of(
            op,
            from shape in AnyShape
            from over in Gen.Bool.Array[shape.Length]
            from fromEnd in Gen.Bool
            from keep in Gen.Long[0, 1]
            let axes = (long[])
                [
                    .. Enumerable
                        .Range(0, shape.Length)
                        .Where(i => over[i])
                        .Select(i => (long)(fromEnd ? i - shape.Length : i)),
                ]
            select Graph(shape, w =>
                w.Node(
                    op,
                    axes.Length == 0 ? ["input"] : ["input", w.Initializer("axes", tensor(axes))],
                    ("keepdims", keep)
                )
            ),
            low
        );
}
