using PostTrainGate.Models;

namespace PostTrainGate.Repairs;

/// <summary>What the depth of a network asks of its tuning.</summary>
internal static class Depth
{
    // Convolutions, one after the other.
    private const int Deep = 4;

    // A deep one was trained with a normalization. Where that is folded into its weights, steps as long as those of its
    // training let the loss of a residual network rise fivefold and fall only slowly.
    private const double OfDeep = 0.2;

    /// <summary>Whether it has so many convolutions that it was most likely trained with normalizations.</summary>
    public static bool IsDeep(OnnxClassifier model) => model.Layers.Count(l => l.Operator == "Conv") >= Deep;

    /// <summary>What the learning rate of gradient descent on changed inputs is multiplied by.</summary>
    public static double RateOf(OnnxClassifier model) =>
        !IsDeep(model) || BatchMoments.Names(model).Count > 0 || NormalizedTwin.Of(model) is not null ? 1 : OfDeep;
}
