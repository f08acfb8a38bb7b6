using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Weights between two models of one graph (WiSE-FT, Wortsman et al., CVPR 2022): a shorter step in the direction of a
/// repair often keeps most of the gain at a fraction of the cost.
/// </summary>
public static class Interpolation
{
    /// <summary>Whether both models have the same parameters, so that there is something between them.</summary>
    public static bool IsPossible(OnnxClassifier source, OnnxClassifier repaired) =>
        source.Parameters.Count == repaired.Parameters.Count
        && source.Parameters.All(p =>
            repaired.Parameters.TryGetValue(p.Key, out var other) && other.shape.SequenceEqual(p.Value.shape)
        );

    /// <summary>The model at a share of the way; the caller disposes it.</summary>
    /// <param name="source">The model at 0.</param>
    /// <param name="repaired">The model at 1.</param>
    /// <param name="share">In [0, 1].</param>
    public static OnnxClassifier Between(OnnxClassifier source, OnnxClassifier repaired, double share)
    {
        using var _ = no_grad();
        var model = source.Clone();
        using Scalar part = share;
        foreach (var (name, end) in repaired.Parameters)
        {
            using var scope = NewDisposeScope();
            model.Parameters[name].add_(end.sub(source.Parameters[name]), part);
        }

        model.RoundToFile();
        return model;
    }
}
