using Google.Protobuf;
using PostTrainGate.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>
/// Every operator in each form that its operator sets give it, in a small graph of its own: values against ONNX
/// Runtime, gradients against finite differences in double precision.
/// </summary>
public partial class OnnxOperatorTests
{
    public static TheoryData<string> Names() => [.. Cases.Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_are_those_of_ONNX_Runtime_and_gradients_those_of_finite_differences(string name)
    {
        using var scope = NewDisposeScope();
        var (_, opset, shape, build) = Cases.Single(c => c.Name == name);
        _ = random.manual_seed(1);
        OnnxWriter writer = new(shape[1..], opset);
        build(writer);
        var model = writer.Build();
        var compiled = OnnxCompiler.Compile(new("case.onnx", model), new("input", [.. shape[1..]], 0, writer.Last));
        var x = Draw(shape);

        var expected = Ort.Run(model.ToByteArray(), x);
        var actual = compiled.Graph.Run(compiled.State, x, [compiled.Output])[0];
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(
            allclose(actual, expected, rtol: 1e-5, atol: 1e-5),
            $"differs by {(actual - expected).abs().max().item<float>():G3}"
        );

        if (name.Contains("double", StringComparison.Ordinal))
            return; // the cast back to float32 would hide the small step
        Gradients.Check(compiled, x.to(float64));
    }

    private static Tensor Draw(params long[] shape) => randn(shape);
}
