using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>A line for each element.</summary>
/// <param name="Slope">Its slope.</param>
/// <param name="Offset">Its value at 0.</param>
internal readonly record struct Line(Tensor Slope, Tensor Offset)
{
    /// <summary>The line of a slope through a point.</summary>
    public static Line Through(Tensor slope, Tensor x, Tensor y) => new(slope, y - slope * x);

    /// <summary>One or the other of two lines.</summary>
    public static Line Where(Tensor which, Line a, Line b) =>
        new(where(which, a.Slope, b.Slope), where(which, a.Offset, b.Offset));

    /// <summary>Its values.</summary>
    public Tensor At(Tensor x) => (x * Slope).Plus(Offset);
}

/// <summary>Functions of single elements, each between two lines over the interval that its input lies in.</summary>
internal static class ElementwiseSteps
{
    // Below this width a chord is all rounding, and the lines by derivatives are as good.
    private const double Narrow = 1e-6;

    /// <summary>
    /// Slope 1 above 0 and another below (Relu, LeakyRelu, PRelu). Unstable elements: the chord on one side; on the
    /// other a line through the origin with the slope of the longer side, which leaves less area (Zhang et al. 2018,
    /// CROWN-Ada).
    /// </summary>
    public static Relaxation Kinked(Func<Tensor, Tensor> slopeBelow) =>
        Between(
            x =>
            {
                var a = slopeBelow(x.Lower);
                var (low, high) = (Kink(x.Lower, a), Kink(x.Upper, a));
                var straddles = IsLoose(x);
                var (least, most) = (minimum(low, high), maximum(low, high));
                return new(
                    where(straddles, least.clamp_max(Scalars.Get(0)), least),
                    where(straddles, most.clamp_min(Scalars.Get(0)), most)
                );
            },
            b =>
            {
                var a = slopeBelow(b.Lower);
                var (loose, one) = (IsLoose(b), ones_like(b.Lower));
                var stable = where(b.Lower.ge(Scalars.Get(0)), one, a);
                var width = where(loose, b.Upper - b.Lower, one);
                var chord = Line.Through(
                    where(loose, (b.Upper - a * b.Lower) / width, stable),
                    b.Upper,
                    Kink(b.Upper, a)
                );
                var origin = new Line(
                    where(loose, where(b.Upper.gt(b.Lower.neg()), one, a), stable),
                    zeros_like(b.Lower)
                );
                var convex = a.le(one);
                return (Line.Where(convex, origin, chord), Line.Where(convex, chord, origin));
            }
        ) with
        {
            Loose = IsLoose,
        };

    /// <summary>Slope 0 below 0, whose ends are those of the interval: it rises.</summary>
    public static Relaxation Relu() =>
        Kinked(l => zeros_like(l)) with
        {
            Bound = x => new(x[0].Lower.relu(), x[0].Upper.relu()),
        };

    /// <summary>
    /// A line cut off at both ends: scale x + shift between two constants, constant outside. Upper line: from the lower
    /// end (or where the flat part lies) to where the upper flat part begins; it has a slope of at least 0 and stays
    /// above. Lower line: the same turned around.
    /// </summary>
    public static Relaxation Clipped(double least, double most, double scale = 1, double shift = 0)
    {
        return Between(
            x => new(Cut(Inner(x).Lower), Cut(Inner(x).Upper)),
            x =>
            {
                var (l, u) = (Inner(x).Lower, Inner(x).Upper);
                // Beyond a flat part the line of slope 0 is best; below both kinks all is flat.
                var (right, left) = (
                    minimum(u, full_like(u, Scalars.Get(most))),
                    maximum(l, full_like(l, Scalars.Get(least)))
                );
                var (up, down) = (Slope(l, right), Slope(left, u));
                var upper = Line.Through(up, l, where(up.gt(Scalars.Get(0)), Cut(l), Cut(u)));
                var lower = Line.Through(down, u, where(down.gt(Scalars.Get(0)), Cut(u), Cut(l)));
                // Without an upper kink in reach it is a Relu, whose lower line may also be flat.
                var flat = u.le(Scalars.Get(most))
                    .logical_and(u.sub(Scalars.Get(least)).le(l.sub(Scalars.Get(least)).neg()));
                return (Outer(Line.Where(flat, new(zeros_like(l), Cut(l)), lower)), Outer(upper));
            }
        ) with
        {
            Loose = x => Holds(Inner(x), least).logical_or(Holds(Inner(x), most)),
        };

        Interval Inner(Interval x) =>
            new(x.Lower.mul(Scalars.Get(scale)).Plus(shift), x.Upper.mul(Scalars.Get(scale)).Plus(shift));

        Line Outer(Line line) =>
            new(line.Slope.mul(Scalars.Get(scale)), line.Offset.Plus(line.Slope.mul(Scalars.Get(shift))));

        Tensor Cut(Tensor x) => x.clamp(Scalars.Get(least), Scalars.Get(most));

        Tensor Slope(Tensor from, Tensor to)
        {
            var wide = (to - from).gt(Scalars.Get(Narrow));
            var width = where(wide, to - from, ones_like(from));
            return where(wide, (Cut(to) - Cut(from)) / width, zeros_like(from));
        }
    }

    /// <summary>
    /// Rising functions that are convex below 0 and concave above: the chord where it lies on the right side, elsewhere
    /// a line of the smaller of the two ends' derivatives through an end (Singh et al. 2019, DeepPoly).
    /// </summary>
    public static Relaxation SShaped(Func<Tensor, Tensor> f, Func<Tensor, Tensor> derivative) =>
        Between(
            x => new(f(x.Lower), f(x.Upper)),
            x =>
            {
                var (l, u) = (x.Lower, x.Upper);
                var least = minimum(derivative(l), derivative(u));
                var chord = Chord(f, l, u, least);
                var lower = Line.Through(where(l.ge(Scalars.Get(0)), chord, least), l, f(l));
                var upper = Line.Through(where(u.le(Scalars.Get(0)), chord, least), u, f(u));
                return (lower, upper);
            }
        ) with
        {
            Loose = IsWide,
        };

    /// <summary>Convex rising functions: the chord above, the tangent in the middle below.</summary>
    public static Relaxation Convex(Func<Tensor, Tensor> f, Func<Tensor, Tensor> derivative) =>
        Between(
            x => new(f(x.Lower), f(x.Upper)),
            x =>
            {
                var (l, u, middle) = (x.Lower, x.Upper, x.Center);
                var upper = Line.Through(Chord(f, l, u, zeros_like(l)), u, f(u));
                var lower = Line.Through(derivative(middle), middle, f(middle));
                return (lower, upper);
            }
        ) with
        {
            Loose = IsWide,
        };

    // Each element by itself between two lines.
    private static Relaxation Between(Func<Interval, Interval> bound, Func<Interval, (Line Lower, Line Upper)> lines)
    {
        return new(
            x => bound(x[0]),
            (coefficients, inputs, _) =>
            {
                using var scope = NewDisposeScope();
                var (lower, upper) = lines(inputs[0]);
                var (above, below) = (coefficients.clamp_min(Scalars.Get(0)), coefficients.clamp_max(Scalars.Get(0)));
                return new Pulled(
                    [(above * lower.Slope).Plus(below * upper.Slope)],
                    Pulled.Dot(above, lower.Offset).Plus(Pulled.Dot(below, upper.Offset))
                ).MoveToOuterScope();
            }
        );
    }

    private static Tensor Chord(Func<Tensor, Tensor> f, Tensor l, Tensor u, Tensor narrow)
    {
        var wide = (u - l).gt(Scalars.Get(Narrow));
        return where(wide, (f(u) - f(l)) / where(wide, u - l, ones_like(l)), narrow);
    }

    private static Tensor Kink(Tensor x, Tensor slopeBelow) => where(x.ge(Scalars.Get(0)), x, slopeBelow * x);

    private static Tensor IsLoose(Interval x) => Holds(x, 0);

    private static Tensor Holds(Interval x, double kink) =>
        x.Lower.lt(Scalars.Get(kink)).logical_and(x.Upper.gt(Scalars.Get(kink)));

    private static Tensor IsWide(Interval x) => (x.Upper - x.Lower).gt(Scalars.Get(Narrow));
}
