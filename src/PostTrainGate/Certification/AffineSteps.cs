using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>
/// Steps that are affine in their bounded inputs. Their own kernels do the work; nothing is transposed by hand.
/// </summary>
internal static class AffineSteps
{
    private const double Tiny = 1e-30; // above the least float32

    /// <summary>Affine in the first input, all else being constant; null where it is not.</summary>
    public static Func<BoundedStep, Relaxation?> First(bool mixes) =>
        step => step.Bounded.Length == 1 && step.IsBounded(0) && !Repeats(step) ? RelaxProduct(step, mixes) : null;

    /// <summary>Affine in all inputs together.</summary>
    public static Relaxation? Sum(BoundedStep step) => RelaxProduct(step, step.Bounded.Length > 1);

    /// <summary>A product of two inputs (and what is added to it) of which one is constant.</summary>
    public static Relaxation? Product(BoundedStep step) =>
        step.Bounded.Length == 1 && step.IsBounded(0) != step.IsBounded(1) && !step.IsBounded(2)
            ? RelaxProduct(step, mixes: false)
            : null;

    /// <summary>A weighted sum: every coefficient of it is one of the other input's elements.</summary>
    public static Relaxation? WeightedSum(BoundedStep step)
    {
        if (Product(step) is not { } product)
            return null;
        var isPlain = step.Node.Float("alpha", 1) == 1;
        return product with { Mixes = true, InEllipsoid = isPlain ? Ellipsoid : null };

        // w x over sum_i ((x_i - c_i) / r_i)^2 <= 1 lies within the length of (w_i r_i) of its value in the middle.
        Interval Ellipsoid(Interval x)
        {
            var (center, none) = (step.Run([x.Center]), zeros_like(x.Lower.narrow(0, 0, 1)));
            var radius = (step.Run([x.Radius.Squared()], square) - step.Run([none], square))
                .abs()
                .clamp_min(Scalars.Get(Tiny)) // a root has no slope at 0
                .sqrt();
            return new(center - radius, center.Plus(radius));
        }
    }

    /// <summary>The input itself.</summary>
    public static Relaxation? Same(BoundedStep step) =>
        new(
            x => new(x[0].Lower.alias(), x[0].Upper.alias()),
            (a, _, _) => new([a.alias()], zeros(a.shape[0], dtype: float64))
        )
        {
            IsAffine = true,
        };

    // y = L x + c. In the middle it is the step itself. Its radius is |L| r: the step with the sizes of its constants,
    // which makes all coefficients of one input those of |L| up to a common sign, less the step at 0.
    private static Relaxation RelaxProduct(BoundedStep step, bool mixes)
    {
        return new(Bound, (a, _, shapes) => Pulled.ByGradient(a, shapes, x => (step.Run(x), null)))
        {
            IsAffine = true,
            Mixes = mixes,
        };

        Interval Bound(Interval[] inputs)
        {
            var center = step.Run([.. inputs.Select(x => x.Center)]);
            var zero = step.Run([.. inputs.Select(x => zeros_like(x.Lower.narrow(0, 0, 1)))], abs);
            var radius = inputs.Select((_, i) => Spread(inputs, i, zero)).Aggregate((a, b) => a.Plus(b));
            return new(center - radius, center.Plus(radius));
        }

        Tensor Spread(Interval[] inputs, int input, Tensor zero) =>
            (step.Run([.. inputs.Select((x, i) => i == input ? x.Radius : zeros_like(x.Lower))], abs) - zero).abs();
    }

    // The first input once more among the others, as a shape or an index.
    private static bool Repeats(BoundedStep step) =>
        Enumerable.Range(1, Math.Max(0, step.Node.InputCount - 1)).Any(step.IsBounded);
}
