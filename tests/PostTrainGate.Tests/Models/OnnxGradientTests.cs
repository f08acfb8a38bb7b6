using CsCheck;
using Google.Protobuf;
using PostTrainGate.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>
/// Every operator with gradients in any shape and with any attributes: the values of ONNX Runtime in single precision,
/// and the gradients of finite differences in double precision.
/// </summary>
public class OnnxGradientTests
{
    // What has no gradient (a cast has none in the precision it leaves): the conformance suite shows its values.
    private static readonly string[] Constant =
    [
        "And",
        "ArgMax",
        "ArgMin",
        "BitShift",
        "BitwiseAnd",
        "BitwiseNot",
        "BitwiseOr",
        "BitwiseXor",
        "Cast",
        "Constant",
        "ConstantOfShape",
        "Equal",
        "EyeLike",
        "Greater",
        "GreaterOrEqual",
        "Hardmax",
        "IsInf",
        "IsNaN",
        "Less",
        "LessOrEqual",
        "NonZero",
        "Not",
        "Or",
        "Range",
        "Shape",
        "Size",
        "Xor",
    ];

    public static TheoryData<string> Names() => [.. OnnxSamples.ByOperator.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_are_those_of_ONNX_Runtime_and_gradients_those_of_finite_differences(string op) =>
        OnnxSamples.ByOperator[op].Sample(Compare, iter: 10, threads: 1, print: s => s.ToString());

    [Fact]
    public void Every_operator_with_gradients_is_among_them() =>
        Assert.Equal(
            PostTrainGate.Models.Operators.Table.Keys.Except(Constant).Order(StringComparer.Ordinal),
            OnnxSamples.ByOperator.Keys.Order(StringComparer.Ordinal)
        );

    private static void Compare(OnnxSample sample)
    {
        using var scope = NewDisposeScope();
        _ = random.manual_seed(sample.Seed);
        OnnxWriter writer = new(sample.Shape.AsSpan(1), sample.Opset);
        sample.Build(writer);
        var model = writer.Build();
        var compiled = OnnxCompiler.Compile(
            new("case.onnx", model),
            new("input", [.. sample.Shape[1..]], 0, writer.Last)
        );
        var x = rand(sample.Shape) * (sample.High - sample.Low) + sample.Low;

        var expected = Ort.Run(model.ToByteArray(), x);
        var actual = compiled.Graph.Run(compiled.State, x, [compiled.Output])[0];
        Assert.Equal(expected.shape, actual.shape);
        if (actual.numel() == 0)
            return;
        Assert.True(
            allclose(actual, expected, rtol: 1e-4, atol: 1e-5),
            $"differs by {(actual - expected).abs().max().item<float>():G3}"
        );
        Gradients.Check(compiled, x.to(float64));
    }
}
