using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Losses that attacks raise: [rows, classes] logits to a value per row. Scale-free where an attack steps along their
/// sign or direction, so that overconfident logits hide nothing.
/// </summary>
internal static class Losses
{
    private const double Tiny = 1e-12;

    /// <summary>
    /// ln of the other classes' summed exponentials, less the true logit. The cross-entropy is softplus of it: the same
    /// order and the same direction, without its rounding to 0 where the classifier is sure.
    /// </summary>
    public static Tensor CrossEntropy(Tensor z, Tensor labels) => Others(z, labels).logsumexp(1) - Pick(z, labels);

    /// <summary>Largest wrong logit less the true one; positive on an error.</summary>
    public static Tensor Margin(Tensor z, Tensor labels) => Others(z, labels).amax([1]) - Pick(z, labels);

    /// <summary>
    /// Difference of logits ratio (Croce and Hein 2020): the margin over the first less the third logit; the margin of
    /// two classes.
    /// </summary>
    public static Tensor LogitsRatio(Tensor z, Tensor labels)
    {
        var margin = Margin(z, labels);
        if (z.shape[1] < 3)
            return margin;
        var sorted = z.topk(3, 1).values;
        return margin / (sorted.select(1, 0) - sorted.select(1, 2)).Plus(Tiny);
    }

    /// <summary>
    /// Its targeted form: the target's logit less the true one, over the first less the mean of the third and fourth.
    /// </summary>
    public static Tensor TargetedLogitsRatio(Tensor z, Tensor labels, Tensor targets)
    {
        var difference = Difference(z, labels, targets);
        if (z.shape[1] < 4)
            return difference;
        var sorted = z.topk(4, 1).values;
        var spread = sorted.select(1, 0) - sorted.select(1, 2).Plus(sorted.select(1, 3)) * Scalars.Get(0.5);
        return difference / spread.Plus(Tiny);
    }

    /// <summary>A target's logit less the true one.</summary>
    public static Tensor Difference(Tensor z, Tensor labels, Tensor targets) => Pick(z, targets) - Pick(z, labels);

    /// <summary>Wrong classes, that with the largest logit first: [rows, classes - 1].</summary>
    public static Tensor WrongClasses(Tensor z, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return Others(z, labels)
            .argsort(1, descending: true)
            .narrow(1, 0, z.shape[1] - 1)
            .contiguous()
            .MoveToOuterDisposeScope();
    }

    private static Tensor Pick(Tensor z, Tensor classes) => z.gather(1, classes.unsqueeze(1)).squeeze(1);

    private static Tensor Others(Tensor z, Tensor labels) =>
        z.masked_fill(
            nn.functional.one_hot(labels, z.shape[1]).to(ScalarType.Bool),
            Scalars.Get(double.NegativeInfinity)
        );
}
