using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Gradients with respect to inputs, one pass forward and one backward; a value that is not a number counts as 0.
/// </summary>
internal static class InputGradient
{
    /// <summary>Gradient of a loss of the logits.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="x">[rows, input shape].</param>
    /// <param name="loss">From logits, [rows, classes], to a value per row, [rows].</param>
    /// <returns>[rows, classes], [rows] and [rows, input shape].</returns>
    public static (Tensor Logits, Tensor Loss, Tensor Gradient) Compute(
        Classifier model,
        Tensor x,
        Func<Tensor, Tensor> loss
    )
    {
        using var gradients = enable_grad();
        using var scope = NewDisposeScope();
        var input = x.detach().requires_grad_();
        var logits = model.Logits(input);
        var value = loss(logits);
        // Rows do not mix, so that the sum has the gradient of each. Without a derivative on the way there is nothing
        // to go by.
        var gradient = value.requires_grad ? autograd.grad([value.sum()], [input])[0].nan_to_num(0) : zeros_like(x);
        return (
            logits.detach().MoveToOuterDisposeScope(),
            value.detach().MoveToOuterDisposeScope(),
            gradient.MoveToOuterDisposeScope()
        );
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
        using var gradients = enable_grad();
        using var scope = NewDisposeScope();
        var input = x.detach().requires_grad_();
        var logits = model.Logits(input);
        var differences = logits.gather(1, to) - logits.gather(1, from);
        var parts = new List<Tensor>();
        for (var k = 0; k < to.shape[1]; k++)
        {
            using var part = NewDisposeScope();
            var last = k == to.shape[1] - 1;
            var gradient = logits.requires_grad
                ? autograd
                    .grad([differences.select(1, k).sum()], [input], retain_graph: !last)[0]
                    .nan_to_num(0)
                    .flatten(1)
                : zeros_like(x).flatten(1);
            parts.Add((keep?.Invoke(gradient) ?? gradient).MoveToOuterDisposeScope());
        }

        return (
            logits.detach().MoveToOuterDisposeScope(),
            differences.detach().MoveToOuterDisposeScope(),
            stack(parts, 1).MoveToOuterDisposeScope()
        );
    }

    /// <summary>Logits without gradients.</summary>
    public static Tensor Logits(Classifier model, Tensor x)
    {
        using var _ = no_grad();
        return model.Logits(x);
    }
}
