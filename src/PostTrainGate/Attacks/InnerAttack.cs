using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// The inner maximization of adversarial training: steps along the gradient of the cross-entropy from a random start.
/// One step is fast adversarial training (Wong et al. 2020), several are PGD training (Madry et al. 2018). Nothing is
/// judged between the steps, so nothing waits for a value.
/// </summary>
internal static class InnerAttack
{
    /// <summary>How far the steps lead together, in units of epsilon (Wong et al. 2020).</summary>
    public const double Reach = 1.25;

    /// <summary>Attacked inputs; the model's parameters get no gradients.</summary>
    /// <param name="model">The classifier as it stands.</param>
    /// <param name="budget">What is legal.</param>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="labels">[batch], int64.</param>
    /// <param name="random">The only source of randomness.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="reach">How far they lead together, in units of epsilon.</param>
    /// <returns>[batch, input shape]; the caller disposes it.</returns>
    public static Tensor Perturb(
        Classifier model,
        Budget budget,
        Tensor clean,
        Tensor labels,
        Generator random,
        int steps = 1,
        double reach = Reach
    )
    {
        using var scope = NewDisposeScope();
        var x = budget.RandomPoint(clean, random);
        Tensor? before = null;
        for (var step = 0; step < steps; step++)
        {
            using var inner = NewDisposeScope();
            var (_, gradient) = InputGradient.Along(model, x, (z, of) => Ascent(z, of(labels)));
            x = budget.Step(clean, x, gradient, reach * budget.Epsilon / steps).MoveToOuterDisposeScope();
            before?.Dispose();
            before = x;
        }

        return x.MoveToOuterDisposeScope();
    }

    // Of the cross-entropy summed over rows: steps are normalized by row.
    private static Tensor Ascent(Tensor logits, Tensor labels) =>
        logits.softmax(1) - nn.functional.one_hot(labels, logits.shape[1]).to(logits.dtype);
}
