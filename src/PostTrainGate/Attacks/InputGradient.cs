using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Gradients with respect to inputs, one pass forward and one backward, or in parts as large as fit in memory; a value
/// that is not a number counts as 0.
/// </summary>
internal static class InputGradient
{
    /// <summary>A loss of logits, [rows, classes], to a value per row, [rows].</summary>
    /// <param name="logits">Of some of the rows.</param>
    /// <param name="of">Takes the same rows out of a tensor whose first axis counts all of them.</param>
    public delegate Tensor Loss(Tensor logits, Func<Tensor, Tensor> of);

    /// <summary>Gradient of a loss of the logits.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="x">[rows, input shape].</param>
    /// <param name="loss">The loss.</param>
    /// <returns>[rows, classes], [rows] and [rows, input shape].</returns>
    public static (Tensor Logits, Tensor Loss, Tensor Gradient) Compute(Classifier model, Tensor x, Loss loss)
    {
        var parts = InParts(model, x, (logits, input, of) =>
        {
            var value = loss(logits, of);
            // Rows do not mix, so that the sum has the gradient of each. Without a derivative on the way there is
            // nothing to go by.
            var gradient = value.requires_grad
                ? autograd.grad([value.sum()], [input])[0].nan_to_num(0)
                : zeros_like(input);
            return [value.detach(), gradient];
        });
        return (parts[0], parts[1], parts[2]);
    }

    /// <summary>Gradient along a direction of ascent in the logits.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="x">[rows, input shape].</param>
    /// <param name="ascent">From logits to a gradient with respect to them, [rows, classes].</param>
    /// <returns>[rows, classes] and [rows, input shape], whose values may be no numbers.</returns>
    public static (Tensor Logits, Tensor Gradient) Along(Classifier model, Tensor x, Loss ascent)
    {
        var parts = InParts(model, x, (logits, input, of) =>
            [
                logits.requires_grad
                    ? autograd.grad([logits], [input], [ascent(logits.detach(), of)])[0]
                    : zeros_like(input),
            ]
        );
        return (parts[0], parts[1]);
    }

    /// <summary>Gradients of several differences of logits in one pass forward.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="x">[rows, input shape].</param>
    /// <param name="from">[rows, 1], class that is subtracted.</param>
    /// <param name="to">[rows, k], classes that it is subtracted from.</param>
    /// <param name="keep">What is kept of each gradient, [rows, values of an input]; null: all of it.</param>
    /// <returns>[rows, classes], differences [rows, k], and what is kept of their gradients [rows, k, ...].</returns>
    public static (Tensor Logits, Tensor Differences, Tensor Gradients) OfDifferences(
        Classifier model,
        Tensor x,
        Tensor from,
        Tensor to,
        Func<Tensor, Tensor>? keep = null
    )
    {
        var parts = InParts(model, x, (logits, input, of) =>
        {
            var differences = logits.gather(1, of(to)) - logits.gather(1, of(from));
            var kept = new List<Tensor>();
            for (var k = 0; k < to.shape[1]; k++)
            {
                using var scope = NewDisposeScope();
                var last = k == to.shape[1] - 1;
                var gradient = logits.requires_grad
                    ? autograd
                        .grad([differences.select(1, k).sum()], [input], retain_graph: !last)[0]
                        .nan_to_num(0)
                        .flatten(1)
                    : zeros_like(input).flatten(1);
                kept.Add((keep?.Invoke(gradient) ?? gradient).MoveToOuterDisposeScope());
            }

            return [differences.detach(), stack(kept, 1)];
        });
        return (parts[0], parts[1], parts[2]);
    }

    /// <summary>Logits without gradients.</summary>
    public static Tensor Logits(Classifier model, Tensor x)
    {
        using var _ = no_grad();
        return model.Logits(x);
    }

    // The logits of all rows, and what a pass backward makes of them.
    private static Tensor[] InParts(
        Classifier model,
        Tensor x,
        Func<Tensor, Tensor, Func<Tensor, Tensor>, Tensor[]> backward
    ) => Parts.Of(x.size(0), model.RowsPerPass(gradients: true), of =>
        {
            using var gradients = enable_grad();
            using var scope = NewDisposeScope();
            var input = of(x).detach().requires_grad_();
            var logits = model.Logits(input);
            Tensor[] made = [logits.detach(), .. backward(logits, input, of)];
            return [.. made.Select(t => t.MoveToOuterDisposeScope())];
        });
}
