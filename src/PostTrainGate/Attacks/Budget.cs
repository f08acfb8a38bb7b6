using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Norm and epsilon of a perturbation and the bounds of inputs; owns distance, projection, clipping, random starts and
/// directions.
/// </summary>
/// <param name="Norm">The norm.</param>
/// <param name="Epsilon">Largest size, in the data's units.</param>
/// <param name="Lower">Smallest legal input value.</param>
/// <param name="Upper">Largest legal input value.</param>
/// <remarks>
/// A clean value may lie outside the bounds (a column of unseen rows, scaled by other rows). It is legal where it is,
/// so that the budget never has to be broken to become legal.
/// </remarks>
public sealed record Budget(Norm Norm, double Epsilon, double Lower, double Upper)
{
    // Below this length a vector has no direction (foolbox 3.3 clamps there too).
    private const double Tiny = 1e-12;

    /// <summary>The budget that a policy states for inputs of a model.</summary>
    public static Budget FromSettings(AttackSettings settings, InputPolicy input) =>
        new(settings.Norm, settings.Epsilon, input.Lower, input.Upper);

    /// <summary>
    /// What rows of a table may become, for attacks that keep their form; null: every input moves by itself. With it,
    /// norm and epsilon bound numbers only.
    /// </summary>
    public TabularConstraints? Form { get; init; }

    /// <summary>Norm and epsilon alone, without bounds or form.</summary>
    internal Budget Ball => new(Norm, Epsilon, double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>Size of each perturbation: [batch].</summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="perturbed">[batch, input shape].</param>
    public Tensor Distance(Tensor clean, Tensor perturbed)
    {
        using var scope = NewDisposeScope();
        return Length(Form is null ? perturbed - clean : Form.OfNumbers(perturbed - clean))
            .reshape(clean.shape[0])
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The nearest legal inputs: within epsilon of the clean ones, within the bounds, a number everywhere.
    /// </summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="perturbed">[batch, input shape]; a value that is not a number becomes the clean one.</param>
    /// <returns>[batch, input shape].</returns>
    public Tensor Project(Tensor clean, Tensor perturbed)
    {
        if (Form is not null)
            return Form.Project(Ball, clean, perturbed);
        using var scope = NewDisposeScope();
        var (lower, upper) = (clean.clamp_max(Scalars.Get(Lower)), clean.clamp_min(Scalars.Get(Upper)));
        var change = (perturbed - clean).nan_to_num(0);
        var inBall = Norm switch
        {
            Norm.Linf => change.clamp(Scalars.Get(-Epsilon), Scalars.Get(Epsilon)),
            Norm.L2 => change
                * Length(change)
                    .clamp_min(Scalars.Get(Tiny))
                    .reciprocal()
                    .mul(Scalars.Get(Epsilon))
                    .clamp_max(Scalars.Get(1)),
            _ => L1Ball.Nearest(change, clean - lower, upper - clean, Epsilon),
        };
        return clean.Plus(inBall).clamp(lower, upper).MoveToOuterDisposeScope();
    }

    /// <summary>The nearest legal inputs at any distance: within the bounds alone.</summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="perturbed">[batch, input shape]; a value that is not a number becomes the clean one.</param>
    /// <returns>[batch, input shape].</returns>
    internal Tensor Clip(Tensor clean, Tensor perturbed) =>
        (this with { Epsilon = double.PositiveInfinity, Norm = Norm.Linf }).Project(clean, perturbed);

    /// <summary>Points drawn uniformly from the ball around the clean inputs, then made legal.</summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="random">The only source of randomness.</param>
    /// <returns>[batch, input shape].</returns>
    public Tensor RandomPoint(Tensor clean, Generator random)
    {
        if (Form is not null)
            return Form.RandomPoint(Ball, clean, random);
        using var scope = NewDisposeScope();
        Tensor change;
        if (Norm == Norm.Linf)
        {
            change = rand(clean.shape, generator: random)
                .On(clean)
                .mul(Scalars.Get(2))
                .sub(Scalars.Get(1))
                .mul(Scalars.Get(Epsilon));
        }
        else if (Norm == Norm.L1)
        {
            // Uniform in the cross-polytope: random signs, sizes of d + 1 exponentials over their sum, the last one
            // left out.
            var sizes = empty(clean.shape).exponential_(1, random).On(clean);
            var rest = empty(PerRow(clean)).exponential_(1, random).On(clean);
            var total = sizes.flatten(1).sum(1).reshape(PerRow(clean)).Plus(rest);
            change = randn(clean.shape, generator: random).On(clean).sign() * sizes / total * Scalars.Get(Epsilon);
        }
        else
        {
            // Uniform in a d-ball: a uniform direction times the d-th root of a uniform radius (Muller 1959).
            var values = clean.numel() / Math.Max(1, clean.shape[0]);
            var radius = rand(PerRow(clean), generator: random)
                .On(clean)
                .pow(Scalars.Get(1.0 / values))
                .mul(Scalars.Get(Epsilon));
            change = Direction(randn(clean.shape, generator: random).On(clean)) * radius;
        }

        return Project(clean, clean.Plus(change)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The legal inputs that a step along a gradient leads to; of a table's categories those that it promises most of.
    /// </summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="x">[batch, input shape], where the step starts.</param>
    /// <param name="gradient">[batch, input shape], at <paramref name="x"/>.</param>
    /// <param name="size">Length of the step in the budget's norm.</param>
    /// <returns>[batch, input shape].</returns>
    internal Tensor Step(Tensor clean, Tensor x, Tensor gradient, double size) =>
        Form?.Step(Ball, clean, x, gradient, size) ?? Project(clean, x.add(Direction(gradient), Scalars.Get(size)));

    /// <summary>
    /// The step of size 1 that raises a linear loss most: its sign (Linf), the gradient over its length (L2), or its
    /// largest value alone (L1).
    /// </summary>
    /// <param name="gradient">[batch, input shape]; what is not a number counts as 0.</param>
    /// <returns>[batch, input shape]; 0 where the gradient is.</returns>
    public Tensor Direction(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var finite = gradient.nan_to_num(0);
        var direction = Norm switch
        {
            Norm.Linf => finite.sign(),
            Norm.L2 => finite / Length(finite).clamp_min(Scalars.Get(Tiny)),
            _ => Largest(finite),
        };
        return direction.MoveToOuterDisposeScope();
    }

    /// <summary>How much a step of size 1 raises a linear loss at most: the dual norm of its gradient.</summary>
    /// <param name="gradient">[..., values].</param>
    /// <returns>[...].</returns>
    public Tensor DualLength(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var length = Norm switch
        {
            Norm.Linf => gradient.abs().sum(-1),
            Norm.L2 => gradient.norm(-1),
            _ => gradient.abs().amax([-1]),
        };
        return length.MoveToOuterDisposeScope();
    }

    /// <summary>A gradient without what leads out of the bounds: [batch, input shape].</summary>
    /// <param name="clean">[batch, input shape].</param>
    /// <param name="x">[batch, input shape].</param>
    /// <param name="gradient">[batch, input shape].</param>
    public Tensor Open(Tensor clean, Tensor x, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var atTop = x.ge(clean.clamp_min(Scalars.Get(Upper))).logical_and(gradient.gt(Scalars.Get(0)));
        var atBottom = x.le(clean.clamp_max(Scalars.Get(Lower))).logical_and(gradient.lt(Scalars.Get(0)));
        return gradient.masked_fill(atTop.logical_or(atBottom), Scalars.Get(0)).MoveToOuterDisposeScope();
    }

    // [batch, 1, ...], so that it broadcasts over an input
    private Tensor Length(Tensor change)
    {
        var rows = change.flatten(1);
        var length = Norm switch
        {
            Norm.Linf => rows.abs().amax([1]),
            Norm.L2 => rows.norm(1),
            _ => rows.abs().sum(1),
        };
        return length.reshape(PerRow(change));
    }

    private static Tensor Largest(Tensor gradient)
    {
        var rows = gradient.flatten(1);
        var index = rows.abs().argmax(1, keepdim: true);
        return zeros_like(rows).scatter(1, index, rows.gather(1, index).sign()).reshape(gradient.shape);
    }

    private static long[] PerRow(Tensor batch) => [batch.shape[0], .. Enumerable.Repeat(1L, batch.shape.Length - 1)];
}
