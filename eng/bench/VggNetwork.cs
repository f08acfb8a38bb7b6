using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// A small VGG (Simonyan and Zisserman 2015) for gray images of 28 x 28: twice two convolutions and a pool, then two
/// dense layers. Every convolution is followed by a batch normalization.
/// </summary>
internal static class VggNetwork
{
    private static readonly long[][] Blocks =
    [
        [32, 32],
        [64, 64],
    ];
    private const long Hidden = 128;

    /// <summary>Writes it with random weights.</summary>
    public static void Write(string path)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        OnnxWriter w = new([1, 28, 28]);
        var (count, channels, side) = (0, 1L, 28L);
        foreach (var block in Blocks)
        {
            foreach (var outputs in block)
            {
                NormalizedConvolution.Write(w, $"conv{count++}", w.Last, (channels, outputs, 3, 1), random);
                w.Relu();
                channels = outputs;
            }

            w.MaxPool(2);
            side /= 2;
        }

        var inputs = channels * side * side;
        w.Flatten().Gemm(randn(Hidden, inputs, generator: random) / Math.Sqrt(inputs), zeros(Hidden)).Relu();
        w.Gemm(randn(10, Hidden, generator: random) / Math.Sqrt(Hidden), zeros(10));
        w.Save(path, "logits", 10);
    }

    /// <summary>The same by hand; in training each batch is normalized by its own moments.</summary>
    public static Tensor Forward(Func<string, Tensor> w, Tensor x, bool training)
    {
        var count = 0;
        foreach (var block in Blocks)
        {
            foreach (var _ in block)
                x = NormalizedConvolution.Forward(w, $"conv{count++}", x, 1, training).relu();
            x = nn.functional.max_pool2d(x, 2);
        }

        x = nn.functional.linear(x.flatten(1), w("gemm1.weight"), w("gemm1.bias")).relu();
        return nn.functional.linear(x, w("gemm2.weight"), w("gemm2.bias"));
    }
}
