using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// A small residual network (He et al. 2016: 16, 32 and 64 channels, two blocks of two convolutions each), random
/// weights, every convolution followed by a batch normalization as training leaves it.
/// </summary>
internal static class ResidualNetwork
{
    private static readonly (long Inputs, long Outputs, long Stride)[] Blocks =
    [
        (16, 16, 1),
        (16, 16, 1),
        (16, 32, 2),
        (32, 32, 1),
        (32, 64, 2),
        (64, 64, 1),
    ];

    /// <summary>Writes it as a file, for color images of 32 x 32 unless told otherwise.</summary>
    public static void Write(string path, params long[] input)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        long[] shape = input is [] ? [3, 32, 32] : input;
        OnnxWriter w = new(shape);
        var count = 0;
        string Convolve(string from, long inputs, long outputs, long kernel, long stride) =>
            NormalizedConvolution.Write(w, $"conv{count++}", from, (inputs, outputs, kernel, stride), random);

        Convolve("input", shape[0], 16, 3, 1);
        w.Relu();
        foreach (var (inputs, outputs, stride) in Blocks)
        {
            var from = w.Last;
            Convolve(from, inputs, outputs, 3, stride);
            w.Relu();
            var deep = Convolve(w.Last, outputs, outputs, 3, 1);
            w.Node("Add", [deep, inputs == outputs ? from : Convolve(from, inputs, outputs, 1, stride)]);
            w.Relu();
        }

        w.Then("GlobalAveragePool").Flatten().Gemm(randn(10, 64, generator: random), zeros(10));
        w.Save(path, "logits", 10);
    }

    /// <summary>The same as one would write it by hand.</summary>
    /// <param name="w">Weights by name.</param>
    /// <param name="x">[batch, input shape].</param>
    public static Tensor ByHand(Func<string, Tensor> w, Tensor x) => Forward(w, x, training: false);

    /// <summary>The same; in training each batch is normalized by its own moments, and the running ones follow.</summary>
    public static Tensor Forward(Func<string, Tensor> w, Tensor x, bool training)
    {
        var count = 0;
        Tensor Convolve(Tensor from, long stride) =>
            NormalizedConvolution.Forward(w, $"conv{count++}", from, stride, training);

        x = Convolve(x, 1).relu();
        foreach (var (inputs, outputs, stride) in Blocks)
        {
            var from = x;
            x = Convolve(Convolve(from, stride).relu(), 1);
            x = (x + (inputs == outputs ? from : Convolve(from, stride))).relu();
        }

        return nn.functional.linear(x.mean([2, 3]), w("gemm1.weight"), w("gemm1.bias"));
    }
}
