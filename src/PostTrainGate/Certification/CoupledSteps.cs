using PostTrainGate.Models;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>Steps that are not affine and take several values at once: maxima and products.</summary>
internal static class CoupledSteps
{
    /// <summary>The largest of each window.</summary>
    public static Relaxation? MaxPool(BoundedStep step)
    {
        var (pads, windows) = Operators.PoolWindows(step.Node);
        return new(x => new(step.Run([x[0].Lower]), step.Run([x[0].Upper])), Pull) { Mixes = true };

        Tensor Members(Tensor x) =>
            windows(Operators.PadWith(x, pads(x.shape), double.NegativeInfinity)).flatten((int)x.dim());

        Pulled Pull(Tensor coefficients, Interval[] inputs, long[][] shapes)
        {
            using var scope = NewDisposeScope();
            var (lower, upper, offset) = Planes(new(Members(inputs[0].Lower), Members(inputs[0].Upper)));
            var (above, below) = (coefficients.clamp_min(Scalars.Get(0)), coefficients.clamp_max(Scalars.Get(0)));
            // Every member of all windows at once is a view of the padded input, into which its coefficients are added.
            var sides = pads(shapes[0]);
            long[] padded = [.. shapes[0].Select((s, i) => i < 2 ? s : s + sides[i - 2].Begin + sides[i - 2].End)];
            var sum = zeros(padded, dtype: float64);
            var axes = padded.Length - 2;
            var view = windows(sum);
            var kernel = view.shape[^axes..];
            for (var member = 0L; member < lower.shape[^1]; member++)
            {
                var (part, rest) = (view, member);
                for (var axis = axes - 1; axis >= 0; axis--)
                    (part, rest) = (part.select(2 + axes + axis, rest % kernel[axis]), rest / kernel[axis]);
                part.add_((above * lower.select(-1, member)).Plus(below * upper.select(-1, member)), Scalars.Whole(1));
            }

            return new Pulled(
                [Operators.PadWith(sum, [.. sides.Select(s => (-s.Begin, -s.End))], 0)],
                Pulled.Dot(below, offset)
            ).MoveToOuterScope();
        }
    }

    /// <summary>The largest of each channel.</summary>
    public static Relaxation? GlobalMaxPool(BoundedStep step) =>
        Maximum(x => x[0].flatten(2).reshape([.. x[0].shape[..2], .. x[0].shape[2..].Select(_ => 1L), -1]));

    /// <summary>The largest of several inputs, element by element.</summary>
    public static Relaxation? Max(BoundedStep step)
    {
        var inputs = step.Node.Inputs.ToArray();
        return Maximum(x =>
        {
            var all = inputs.Select(
                (slot, i) =>
                    Array.IndexOf(step.Bounded, slot) is >= 0 and var at ? x[at] : step.Constant(i).to(x[0].dtype)
            );
            return stack([.. broadcast_tensors([.. all])], -1);
        });
    }

    // The largest of members, which a function gathers along a last axis.
    private static Relaxation Maximum(Func<Tensor[], Tensor> members)
    {
        return new(
            x => new(Ends(x).Lower.amax([-1]), Ends(x).Upper.amax([-1])),
            (coefficients, inputs, shapes) =>
            {
                using var scope = NewDisposeScope();
                var (lower, upper, offset) = Planes(Ends(inputs));
                return Pulled
                    .ByGradient(coefficients, shapes, x =>
                        ((members(x) * lower).sum(-1), (members(x) * upper).sum(-1).Plus(offset))
                    )
                    .MoveToOuterScope();
            }
        )
        {
            Mixes = true,
        };

        Interval Ends(Interval[] inputs) =>
            new(members([.. inputs.Select(x => x.Lower)]), members([.. inputs.Select(x => x.Upper)]));
    }

    /// <summary>
    /// Coefficients of the members [..., members] below and above their maximum, and what is added above [...].
    /// </summary>
    /// <remarks>
    /// Below it lies the member with the largest lower bound L. Above it lies sum_i (u_i - g) / (u_i - l_i) (x_i - l_i)
    /// + g over the members with u_i above L, for any g from L to the smallest of these u_i: at every corner of the box
    /// it is at least the largest member, and a maximum is convex (Boopathy et al. 2019, CNN-Cert). Where the largest
    /// u_i is smaller in the middle, that constant is taken.
    /// </remarks>
    private static (Tensor Lower, Tensor Upper, Tensor Offset) Planes(Interval members)
    {
        var (l, u) = members;
        var (largest, first) = (l.amax([-1], true), l.argmax(-1, keepdim: true));
        var (zero, one) = (zeros_like(u), ones_like(u));
        var lower = zero.scatter(-1, first, ones(first.shape, dtype: float64));
        var reach = u.gt(largest);
        var smallest = u.masked_fill(reach.logical_not(), Scalars.Get(double.PositiveInfinity)).amin([-1], true);
        // Of two or fewer any g gives the same value in the middle; of more the largest g gives the smallest.
        var g = where(reach.sum(-1, keepdim: true).le(Scalars.Whole(2)), largest, smallest);
        var slope = where(reach, (u - g) / where(reach, u - l, one), zero);
        var (from, to, top) = (where(reach, l, zero), where(reach, u, zero), u.amax([-1], true));
        var middle = (slope * (to - from)).sum(-1, keepdim: true).mul(Scalars.Get(0.5)).Plus(g);
        var isFlat = top.lt(middle);
        var offset = where(isFlat, top, g - (slope * from).sum(-1, keepdim: true)).squeeze(-1);
        return (lower, where(isFlat, zero, slope), offset);
    }

    /// <summary>
    /// A product of two bounded inputs between two of McCormick's planes (1976); with one constant factor it is affine.
    /// </summary>
    public static Relaxation? Product(BoundedStep step)
    {
        if (step.Bounded.Length == 1 && step.IsBounded(0) != step.IsBounded(1))
            return AffineSteps.Product(step);
        return new(Bound, (a, inputs, shapes) => Pulled.ByGradient(a, shapes, x => McCormick(x, inputs)))
        {
            Mixes = true,
        };

        // The same input twice is a product all the same.
        static (T First, T Second) Both<T>(T[] inputs) => (inputs[0], inputs[^1]);

        static Interval Bound(Interval[] inputs)
        {
            var (a, b) = Both(inputs);
            Tensor[] corners = [a.Lower * b.Lower, a.Lower * b.Upper, a.Upper * b.Lower, a.Upper * b.Upper];
            return new(corners.Aggregate(minimum), corners.Aggregate(maximum));
        }

        static (Tensor, Tensor?) McCormick(Tensor[] x, Interval[] inputs)
        {
            var ((x1, x2), (a, b)) = (Both(x), Both(inputs));
            var lower = (a.Lower * x2).Plus(b.Lower * x1) - a.Lower * b.Lower;
            var upper = (a.Upper * x2).Plus(b.Lower * x1) - a.Upper * b.Lower;
            return (lower, upper);
        }
    }
}
