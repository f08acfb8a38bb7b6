using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Norm and epsilon of a perturbation and the bounds of inputs; owns distance, projection, clipping, random starts and directions.
/// </summary>
/// <param name="Norm">The norm.</param>
/// <param name="Epsilon">Largest size, in the data's units.</param>
/// <param name="Lower">Smallest legal input value.</param>
/// <param name="Upper">Largest legal input value.</param>
/// <remarks>
/// A clean value may lie outside the bounds (a column of unseen rows, scaled by other rows). It is legal where it is, so that the
/// budget never has to be broken to become legal.
/// </remarks>
public sealed record Budget(Norm Norm, double Epsilon, double Lower, double Upper)
{
    // Below this length a vector has no direction (foolbox 3.3 clamps there too).
    private const double Tiny = 1e-12;

    /// <summary>The budget that a policy states for inputs of a model.</summary>
    public static Budget Of(AttackSettings settings, InputPolicy input) => new(settings.Norm, settings.Epsilon, input.Lower, input.Upper);

    /// <summary>Size of each perturbation: [batch].</summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="perturbed">[batch, input shape].</param>
    public Tensor Distance(Tensor clean, Tensor perturbed)
    {
        using var scope = NewDisposeScope();
        return Length(perturbed - clean).reshape(clean.shape[0]).MoveToOuterDisposeScope();
    }

    /// <summary>The nearest legal inputs: within epsilon of the clean ones, within the bounds, a number everywhere.</summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="perturbed">[batch, input shape]; a value that is not a number becomes the clean one.</param>
    /// <returns>[batch, input shape].</returns>
    public Tensor Project(Tensor clean, Tensor perturbed)
    {
        using var scope = NewDisposeScope();
        var change = (perturbed - clean).nan_to_num(0);
        var inBall = Norm switch
        {
            Norm.Linf => change.clamp(Scalars.Of(-Epsilon), Scalars.Of(Epsilon)),
            Norm.L2 => change * Length(change).clamp_min(Scalars.Of(Tiny)).reciprocal().mul(Scalars.Of(Epsilon)).clamp_max(Scalars.Of(1)),
            _ => throw new NotSupportedException($"norm {Norm}"),
        };
        return (clean + inBall).clamp(clean.clamp_max(Scalars.Of(Lower)), clean.clamp_min(Scalars.Of(Upper))).MoveToOuterDisposeScope();
    }

    /// <summary>Points drawn uniformly from the ball around the clean inputs, then made legal.</summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="random">The only source of randomness.</param>
    /// <returns>[batch, input shape].</returns>
    public Tensor RandomPoint(Tensor clean, Generator random)
    {
        using var scope = NewDisposeScope();
        Tensor change;
        if (Norm == Norm.Linf)
        {
            change = rand(clean.shape, generator: random).mul(Scalars.Of(2)).sub(Scalars.Of(1)).mul(Scalars.Of(Epsilon));
        }
        else
        {
            // Uniform in a d-ball: a uniform direction times the d-th root of a uniform radius (Muller 1959).
            var values = clean.numel() / Math.Max(1, clean.shape[0]);
            var radius = rand(PerRow(clean), generator: random).pow(Scalars.Of(1.0 / values)).mul(Scalars.Of(Epsilon));
            change = Direction(randn(clean.shape, generator: random)) * radius;
        }

        return Project(clean, clean + change).MoveToOuterDisposeScope();
    }

    /// <summary>The step of size 1 that raises a linear loss most: its sign (Linf), or the gradient over its length (L2).</summary>
    /// <param name="gradient">[batch, input shape]; what is not a number counts as 0.</param>
    /// <returns>[batch, input shape]; 0 where the gradient is.</returns>
    public Tensor Direction(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var finite = gradient.nan_to_num(0);
        return (Norm == Norm.Linf ? finite.sign() : finite / Length(finite).clamp_min(Scalars.Of(Tiny))).MoveToOuterDisposeScope();
    }

    // [batch, 1, ...], so that it broadcasts over an input
    private Tensor Length(Tensor change)
    {
        var rows = change.flatten(1);
        return (Norm == Norm.Linf ? rows.abs().amax([1]) : rows.norm(1)).reshape(PerRow(change));
    }

    private static long[] PerRow(Tensor batch) => [batch.shape[0], .. Enumerable.Repeat(1L, batch.shape.Length - 1)];
}
