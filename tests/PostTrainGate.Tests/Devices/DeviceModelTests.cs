using CsCheck;
using PostTrainGate.Models;
using PostTrainGate.Tests.Models;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Devices;

/// <summary>A model on another device than the processor gives what it gives there.</summary>
[Collection(nameof(Alone))]
public class DeviceModelTests
{
    // Lazy tensors lose their device where a tensor is cut into several at once.
    private static readonly string[] CutsTensors = ["AveragePool", "GRU", "LSTM", "LpPool", "RNN"];

    // They lack the pass backward of these.
    private static readonly string[] WithoutGradients = ["HardSigmoid", "HardSwish"];

    public static TheoryData<string> Operators() => [.. OnnxSamples.ByOperator.Keys.Except(CutsTensors)];

    [Fact]
    public void Tensors_of_both_do_not_mix()
    {
        using var scope = NewDisposeScope();
        var here = ones(2, 3);
        var there = OtherDevice.Instance.Take(here);
        Assert.False(ComputeDevice.Cpu.Has(there));
        Assert.ThrowsAny<Exception>(() => there + here);
        Assert.Same(there, OtherDevice.Instance.Take(there));
        Assert.Same(here, here.OnHost());
        Assert.Equal(12, (there + here.On(there)).OnHost().sum().item<float>());
    }

    [Theory]
    [MemberData(nameof(Operators))]
    public void An_operator_has_the_same_values_and_gradients(string op) =>
        OnnxSamples
            .ByOperator[op]
            .Sample(
                sample =>
                {
                    using var scope = NewDisposeScope();
                    _ = random.manual_seed(sample.Seed);
                    OnnxWriter writer = new(sample.Shape.AsSpan(1), sample.Opset);
                    sample.Build(writer);
                    Compare(
                        writer,
                        rand(sample.Shape) * (sample.High - sample.Low) + sample.Low,
                        gradients: !WithoutGradients.Contains(op)
                    );
                },
                seed: "0000000000001",
                iter: 4,
                threads: 1,
                print: s => s.ToString()
            );

    [Fact]
    public void A_network_has_the_same_values_and_gradients()
    {
        using var scope = NewDisposeScope();
        _ = random.manual_seed(1);
        var writer = Architectures.All["ViT"]();
        var input = writer.Build().Graph.Input[0].Type.TensorType.Shape.Dim.Skip(1).Select(d => d.DimValue);
        Compare(writer, rand([2, .. input]), gradients: true);
    }

    private static void Compare(OnnxWriter writer, Tensor x, bool gradients)
    {
        var here = OnnxCompiler.Compile(
            new("case.onnx", writer.Build()),
            new("input", [.. x.shape[1..]], 0, writer.Last)
        );
        var expected = Run(here, x, gradients);
        var actual = Run(here.On(OtherDevice.Instance), x, gradients);
        Assert.All(actual, t => Assert.True(OtherDevice.Instance.Has(t)));
        Assert.All(expected.Zip(actual), p => Assert.True(OnnxAgreement.Agree(p.First, p.Second.OnHost(), 1e-5)));
    }

    // The output, then gradients by the input and all parameters.
    private static Tensor[] Run(CompiledModel model, Tensor x, bool gradients)
    {
        using var mode = set_grad_enabled(gradients);
        Tensor[] leaves =
        [
            model.Device.Take(x).detach().requires_grad_(),
            .. model.Parameters.Values.Select(i => model.State[i].requires_grad_()),
        ];
        var output = model.Run(model.State, leaves[0], [model.Output])[0];
        if (output.requires_grad)
            (output * output.detach().sin()).sum().backward();
        foreach (var leaf in leaves)
            leaf.requires_grad_(false);
        return [output.detach(), .. leaves.Select(l => l.grad ?? zeros_like(l))];
    }
}
