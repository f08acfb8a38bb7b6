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
}
