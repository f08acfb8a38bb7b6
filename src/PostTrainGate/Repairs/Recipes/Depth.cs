using PostTrainGate.Models;

namespace PostTrainGate.Repairs;

/// <summary>What the depth of a network asks of its tuning.</summary>
internal static class Depth
{
    // Convolutions, one after the other.
    private const int Deep = 4;

    // A deep one was trained with a normalization whose statistics are fixed in the file, or folded into it: steps as
    // long as those of its training let the loss of a residual network rise fivefold and fall only slowly.
    private const double OfDeep = 0.2;

    /// <summary>What the learning rate of gradient descent on changed inputs is multiplied by.</summary>
    public static double RateOf(OnnxClassifier model) =>
        model.Layers.Count(l => l.Operator == "Conv") < Deep ? 1 : OfDeep;
}
