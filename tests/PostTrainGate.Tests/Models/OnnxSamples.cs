using CsCheck;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>A small graph around one operator.</summary>
/// <param name="Text">What was drawn.</param>
/// <param name="Seed">Of its values.</param>
/// <param name="Shape">Of the input.</param>
/// <param name="Build">Writes the graph.</param>
/// <param name="Low">Smallest value of the input.</param>
/// <param name="High">Largest.</param>
/// <param name="Opset">Version of the operator set.</param>
internal sealed record OnnxSample(
    string Text,
    int Seed,
    long[] Shape,
    Action<OnnxWriter> Build,
    double Low,
    double High,
    long Opset
)
{
    public override string ToString() =>
        $"{Text}, input [{string.Join(",", Shape)}], seed {Seed}, operator set {Opset}";
}

/// <summary>Generators of such graphs by operator.</summary>
internal static partial class OnnxSamples
{
    private static readonly Gen<long[]> AnyShape = Gen.Long[1, 4].Array[1, 4];

    // [batch, channels, one to three axes].
    private static readonly Gen<long[]> Image =
        from axes in Gen.Int[1, 3]
        from channels in Gen.Long[1, 4]
        from size in Gen.Long[3, axes == 3 ? 4 : 6].Array[axes]
        select (long[])[2, channels, .. size];

    // A shape, and another that broadcasts to it.
    private static readonly Gen<(long[] Shape, long[] Other)> Pair =
        from shape in AnyShape
        from drop in Gen.Int[0, shape.Length - 1]
        from ones in Gen.Bool.Array[shape.Length]
        select (shape, (long[])[.. shape.Select((d, i) => ones[i] ? 1 : d).Skip(drop)]);

    public static IReadOnlyDictionary<string, Gen<OnnxSample>> ByOperator { get; } =
        Elementwise().Concat(Reducing()).Concat(Moving()).Concat(Weighted()).ToDictionary(p => p.Op, p => p.Gen);

    private static (string Op, Gen<OnnxSample> Gen) Of(
        string op,
        Gen<(long[] Shape, Action<OnnxWriter> Build)> gen,
        double low = -2,
        double high = 2,
        long opset = 20
    ) =>
        (
            op,
            from seed in Gen.Int[1, 1000000]
            from drawn in gen
            select new OnnxSample(op, seed, drawn.Shape, drawn.Build, low, high, opset)
        );

    private static IEnumerable<(string Op, Gen<OnnxSample> Gen)> Elementwise()
    {
        foreach (
            var op in (string[])
                [
                    "Abs",
                    "Asinh",
                    "Atan",
                    "Ceil",
                    "Cos",
                    "Cosh",
                    "Erf",
                    "Exp",
                    "Floor",
                    "HardSwish",
                    "Identity",
                    "Mish",
                    "Neg",
                    "Relu",
                    "Round",
                    "Sigmoid",
                    "Sign",
                    "Sin",
                    "Sinh",
                    "Softplus",
                    "Softsign",
                    "Tanh",
                ]
        )
            yield return Unary(op);
        foreach (var op in (string[])["Acos", "Asin", "Atanh", "Tan"])
            yield return Unary(op, -0.9, 0.9);
        foreach (var op in (string[])["Log", "Reciprocal", "Sqrt"])
            yield return Unary(op, 0.2, 3);
        yield return Unary("Acosh", 1.2, 4);
        yield return Unary("Celu", names: "alpha");
        yield return Unary("Elu", names: "alpha");
        yield return Unary("HardSigmoid", names: ["alpha", "beta"]);
        yield return Unary("LeakyRelu", names: "alpha");
        yield return Unary("Selu", names: ["alpha", "gamma"]);
        yield return Unary("Shrink", names: ["bias", "lambd"]);
        yield return Unary("ThresholdedRelu", names: "alpha");
        yield return Unary("Swish", opset: 24, names: "alpha");
        yield return Of(
            "Gelu",
            from shape in AnyShape
            from how in One("none", "tanh")
            select Graph(shape, w => w.Then("Gelu", ("approximate", how)))
        );
        yield return Of(
            "CastLike",
            from shape in AnyShape
            select Graph(shape, w => w.Node("CastLike", ["input", w.Initializer("like", randn(1))]))
        );
        yield return Of(
            "Clip",
            from shape in AnyShape
            from low in Gen.Float[-2, -0.1f]
            from high in Gen.Float[0.1f, 2]
            select Graph(shape, w =>
                w.Node("Clip", ["input", w.Initializer("low", tensor(low)), w.Initializer("high", tensor(high))])
            )
        );
        yield return Of(
            "Dropout",
            from shape in AnyShape
            select Graph(shape, w => w.Node("Dropout", ["input", w.Initializer("ratio", tensor(0.3f))]))
        );
        foreach (var op in (string[])["Add", "Max", "Mean", "Min", "Mul", "Sub", "Sum"])
            yield return Binary(op);
        yield return Binary("Div", divisor: true);
        yield return Binary("PRelu");
        yield return Binary("Pow", low: 0.2);
        yield return Binary("Mod", divisor: true, attributes: ("fmod", 1L));
        yield return Of(
            "Where",
            from pair in Pair
            select Graph(pair.Shape, w =>
                w.Node(
                    "Where",
                    [w.Initializer("c", randn(pair.Other).gt(0)), "input", w.Initializer("b", randn(pair.Other))]
                )
            )
        );
    }

    private static Gen<T> One<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static (long[] Shape, Action<OnnxWriter> Build) Graph(long[] shape, Action<OnnxWriter> build) =>
        (shape, build);

    private static (string Op, Gen<OnnxSample> Gen) Unary(
        string op,
        double low = -2,
        double high = 2,
        long opset = 20,
        params string[] names
    ) =>
        Of(
            op,
            from shape in AnyShape
            from values in Gen.Float[0.1f, 1].Array[names.Length]
            select Graph(shape, w => w.Then(op, [.. names.Zip(values, (n, v) => (n, (object)v))])),
            low,
            high,
            opset
        );

    // A divisor keeps away from zero.
    private static (string Op, Gen<OnnxSample> Gen) Binary(
        string op,
        double low = -2,
        bool divisor = false,
        params (string, object)[] attributes
    ) =>
        Of(
            op,
            from pair in Pair
            select Graph(pair.Shape, w =>
                w.Node(
                    op,
                    ["input", w.Initializer("b", divisor ? rand(pair.Other) + 0.5 : randn(pair.Other))],
                    attributes
                )
            ),
            low
        );

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
