using PostTrainGate.Foundation;
using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>Weights as before any training.</summary>
internal static class FreshWeights
{
    /// <summary>The model with fresh weights in its last layers; the caller disposes it.</summary>
    /// <param name="source">The model; not changed.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="last">How many layers; null: all of them.</param>
    /// <remarks>
    /// Uniform with a bound of one over the root of the number of inputs, the usual start of dense and convolutional
    /// layers; normalizations keep what they hold.
    /// </remarks>
    public static OnnxClassifier Draw(OnnxClassifier source, int seed, int? last = null)
    {
        using var _ = no_grad();
        using var random = new Generator((ulong)Seeds.Derive(seed, "fresh weights"));
        var model = source.Clone();
        foreach (var layer in source.Layers.TakeLast(last ?? source.Layers.Length))
        {
            var weight = model.Parameters[layer.Weight];
            var inputs = weight.numel() / Math.Max(1, layer.Units);
            foreach (var name in new[] { layer.Weight, layer.Bias }.OfType<string>())
            {
                using var scope = NewDisposeScope();
                using Scalar width = 2 / Math.Sqrt(Math.Max(1, inputs)),
                    half = 0.5;
                var value = model.Parameters[name];
                value.copy_(rand(value.shape, generator: random).sub(half).mul(width));
            }
        }

        return model;
    }
}
