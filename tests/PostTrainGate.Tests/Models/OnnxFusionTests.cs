using PostTrainGate.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Whoever asks for every value gets a pass in which nothing is merged: what is merged is checked by
/// it.</summary>
public sealed class OnnxFusionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Names() => [.. Architectures.All.Keys, "pools"];

    [Fact]
    public void Of_two_normalizations_behind_a_convolution_both_count()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        OnnxWriter w = new([2, 6, 6], opset: 13);
        w.Conv(randn(3, 2, 3, 3), randn(3), padding: 1);
        foreach (var name in new[] { "first", "second" })
        {
            w.Node(
                "BatchNormalization",
                [
                    w.Last,
                    w.Initializer($"{name}.scale", randn(3)),
                    w.Initializer($"{name}.bias", randn(3)),
                    w.Initializer($"{name}.mean", randn(3)),
                    w.Initializer($"{name}.variance", rand(3) + 0.3),
                ]
            );
        }

        w.Then("GlobalAveragePool");
        w.Flatten();
        w.Save(_folder.Path("model.onnx"), "logits", 3);
        // Agrees with ONNX Runtime, or it would throw.
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));
        string[] all = [OnnxClassifier.LogitsTap, .. model.Rebuilt.Model.Graph.Steps.Select(s => s.OutputName)];
        var x = rand(5, 2, 6, 6);
        AssertClose(model.Values(x, all)[0], model.Logits(x), "values");
    }

    // In place twice, the first one's gradient would miss its value, and the native side ends the process.
    [Fact]
    public void What_is_rectified_twice_has_its_gradient()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        OnnxWriter w = new([2, 6, 6], opset: 13);
        w.Conv(randn(3, 2, 3, 3), randn(3), padding: 1)
            .Relu()
            .Relu()
            .Then("MaxPool", ("kernel_shape", new long[] { 2, 2 }), ("strides", new long[] { 2, 2 }));
        w.Relu()
            .Relu()
            .Flatten()
            .Gemm(randn(5, 27), randn(5))
            .Relu()
            .Relu()
            .Gemm(randn(3, 5), randn(3))
            .Save(_folder.Path("model.onnx"), "logits", 3);
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));
        string[] all = [OnnxClassifier.LogitsTap, .. model.Rebuilt.Model.Graph.Steps.Select(s => s.OutputName)];
        var x = rand(5, 2, 6, 6).requires_grad_();
        AssertClose(
            autograd.grad([model.Values(x, all)[0].sum()], [x])[0],
            autograd.grad([model.Logits(x).sum()], [x])[0],
            "gradients"
        );
    }

    // A convolution's batch is filled up to one of few sizes.
    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(21)]
    [InlineData(53)]
    [InlineData(101)]
    public void Any_number_of_rows_has_the_values_and_gradients_of_its_rows(int count)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        Architectures.All["ResNet"]().Save(_folder.Path("model.onnx"), "logits", Architectures.Classes);
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));
        var x = rand([count, .. model.InputShape]).requires_grad_();
        var (logits, hidden) = (model.Logits(x), model.Activations(x, model.Layers[0].Output));
        Assert.Equal([count, Architectures.Classes], logits.shape);
        Assert.Equal(count, hidden.shape[0]);
        var slope = autograd.grad([(logits * logits).sum()], [x])[0];
        foreach (var row in new[] { 0, count / 2, count - 1 })
        {
            var one = x.narrow(0, row, 1).detach().requires_grad_();
            var z = model.Logits(one);
            AssertClose(z, logits.narrow(0, row, 1), "values");
            AssertClose(model.Activations(one, model.Layers[0].Output), hidden.narrow(0, row, 1), "activations");
            AssertClose(autograd.grad([(z * z).sum()], [one])[0], slope.narrow(0, row, 1), "gradients");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_merged_pass_has_the_values_and_gradients_of_one_step_after_the_other(string name)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var (network, classes) = name == "pools" ? (Pools(), 3) : (Architectures.All[name](), Architectures.Classes);
        network.Save(_folder.Path("model.onnx"), "logits", classes);
        using var model = OnnxClassifier.Load(_folder.Path("model.onnx"));
        string[] all = [OnnxClassifier.LogitsTap, .. model.Rebuilt.Model.Graph.Steps.Select(s => s.OutputName)];
        var x = rand([6, .. model.InputShape]);
        using (no_grad())
            AssertClose(model.Values(x, all)[0], model.Logits(x), "values");

        (Tensor, Tensor) Pass(Func<Tensor, Tensor> logits)
        {
            var input = x.clone().requires_grad_();
            var z = logits(input);
            return (z.detach(), autograd.grad([(z * z).sum()], [input])[0]);
        }

        var (expected, right) = Pass(i => model.Values(i, all)[0]);
        var (actual, slope) = Pass(model.Logits);
        AssertClose(expected, actual, "values");
        AssertClose(right, slope, "gradients");
    }

    // Windows that overlap, that reach into the padding, and a value that two steps read.
    private static OnnxWriter Pools()
    {
        OnnxWriter w = new([2, 11, 11]);
        void Pool(long size, long stride, long pad, long ceil = 0) =>
            w.Relu()
                .Then(
                    "MaxPool",
                    ("kernel_shape", new[] { size, size }),
                    ("strides", new[] { stride, stride }),
                    ("pads", new[] { pad, pad, pad, pad }),
                    ("ceil_mode", ceil)
                );
        void Convolve(long inputs, long outputs) =>
            w.Node(
                "Conv",
                [
                    w.Last,
                    w.Initializer($"w{outputs}", randn(outputs, inputs, 3, 3)),
                    w.Initializer($"b{outputs}", randn(outputs)),
                ],
                ("pads", new long[] { 1, 1, 1, 1 })
            );

        Convolve(2, 6);
        Pool(3, 2, 1);
        Convolve(6, 20);
        Pool(2, 1, 1);
        Convolve(20, 7);
        var both = w.Last;
        w.Node("Add", [w.Relu().Last, both]);
        Pool(2, 2, 0, ceil: 1);
        return w.Flatten().Gemm(randn(5, 7 * 4 * 4), randn(5)).Relu().Gemm(randn(3, 5), randn(3));
    }

    private static void AssertClose(Tensor expected, Tensor actual, string what)
    {
        var error = (expected - actual).abs().max().item<float>();
        Assert.True(error <= 1e-5 * Math.Max(1, expected.abs().max().item<float>()), $"{what} differ by {error:G3}");
    }
}
