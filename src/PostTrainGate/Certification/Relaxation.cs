using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>What can be said of a step whose inputs are only known by their bounds.</summary>
/// <param name="Bound">Bounds of the result from those of the inputs: interval arithmetic.</param>
/// <param name="Pull">
/// Lower bounds of linear functions of the result, as linear functions of the inputs. It takes the coefficients
/// [functions, shape of the result], bounds of the inputs for each function or, as one row, for all alike, and the
/// shapes of the inputs with the functions first.
/// </param>
internal sealed record Relaxation(Func<Interval[], Interval> Bound, Func<Tensor, Interval[], long[][], Pulled> Pull)
{
    /// <summary>Whether the step is affine, so that nothing is lost and bounds are of no account.</summary>
    public bool IsAffine { get; init; }

    /// <summary>
    /// Whether an element of the result depends on several of the inputs' elements, or one of these goes to several.
    /// </summary>
    public bool Mixes { get; init; }

    /// <summary>
    /// Bounds of the result where the inputs lie in an ellipsoid, of which the middle and the half axes are given;
    /// null: nothing beyond those of the box around it is known.
    /// </summary>
    public Func<Interval, Interval>? InEllipsoid { get; init; }

    /// <summary>
    /// Elements of the input whose bounds decide how much is lost; null: tighter bounds gain nothing.
    /// </summary>
    public Func<Interval, Tensor>? Loose { get; init; }
}

/// <summary>Linear functions of the inputs of a step, plus what does not depend on them.</summary>
/// <param name="Inputs">Of each input its coefficients, [functions, shape of the input].</param>
/// <param name="Offset">[functions].</param>
internal readonly record struct Pulled(Tensor[] Inputs, Tensor Offset)
{
    /// <summary>
    /// Through a pair of affine functions, one nowhere above the step and one nowhere below, written as tensor
    /// functions: the vector-Jacobian products are autograd's. Where a coefficient is negative, the upper function
    /// bounds from below.
    /// </summary>
    /// <param name="coefficients">[functions, shape of the result].</param>
    /// <param name="shapes">Shapes of the inputs, functions first.</param>
    /// <param name="lines">The functions; no upper one where both are the same.</param>
    public static Pulled ByGradient(
        Tensor coefficients,
        long[][] shapes,
        Func<Tensor[], (Tensor Lower, Tensor? Upper)> lines
    )
    {
        using var scope = NewDisposeScope();
        using var _ = enable_grad();
        Tensor[] x = [.. shapes.Select(s => zeros(s, dtype: float64).requires_grad_())];
        var (lower, upper) = lines(x);
        var value = upper is null
            ? coefficients * lower
            : (coefficients.clamp_min(Scalars.Get(0)) * lower).Plus(coefficients.clamp_max(Scalars.Get(0)) * upper);
        Tensor[] gradients = [.. autograd.grad([value.sum()], x)];
        return new Pulled(gradients, value.detach().flatten(1).sum(1)).MoveToOuterScope();
    }

    /// <summary>Row by row the sum of products; of one row with each.</summary>
    public static Tensor Dot(Tensor a, Tensor b)
    {
        var (left, right) = (a.flatten(1), b.flatten(1));
        return right.shape[0] == 1 ? left.matmul(right.squeeze(0)) : (left * right).sum(1);
    }

    /// <summary>Keeps it beyond the current dispose scope.</summary>
    public Pulled MoveToOuterScope() =>
        new([.. Inputs.Select(t => t.MoveToOuterDisposeScope())], Offset.MoveToOuterDisposeScope());
}
