using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>Projection onto a ball of the L1 norm within a box (Croce and Hein 2021).</summary>
internal static class L1Ball
{
    // Far beyond any box; keeps infinities out of the sums.
    private const double Far = 1e9;

    /// <summary>The nearest change whose sizes sum to at most epsilon and that stays in the box.</summary>
    /// <param name="change">[batch, input shape].</param>
    /// <param name="down">[batch, input shape], at least 0: how far a value may fall.</param>
    /// <param name="up">[batch, input shape], at least 0: how far it may rise.</param>
    /// <param name="epsilon">Radius.</param>
    /// <returns>[batch, input shape]; the change itself where it is in both.</returns>
    /// <remarks>
    /// It is sign(u) clip(|u| - s, 0, room) for the s at which the sizes sum to epsilon. Their sum falls in s along
    /// straight pieces, that begin at |u| - room and end at |u| for every value.
    /// </remarks>
    public static Tensor Nearest(Tensor change, Tensor down, Tensor up, double epsilon)
    {
        using var scope = NewDisposeScope();
        var flat = change.flatten(1);
        var size = flat.abs().to(float64).clamp_max(Scalars.Get(Far));
        var room = where(flat.gt(Scalars.Get(0)), up.flatten(1), down.flatten(1))
            .to(float64)
            .clamp_max(Scalars.Get(Far));
        var total = size.minimum(room).sum(1, keepdim: true); // [batch, 1]
        var breaks = cat([(size - room).clamp_min(Scalars.Get(0)), size], 1);
        var (at, order) = breaks.sort(1);
        var slope = cat([full_like(size, Scalars.Get(-1)), ones_like(size)], 1).gather(1, order).cumsum(1);
        var gaps = cat([at.narrow(1, 1, at.shape[1] - 1) - at.narrow(1, 0, at.shape[1] - 1), zeros_like(total)], 1);
        var sums = total.Plus((slope * gaps).cumsum(1)) - slope * gaps; // at each break
        // The piece where epsilon is met; the first where the change is in the ball already.
        var last = sums.ge(Scalars.Get(epsilon))
            .to(int64)
            .sum(1, keepdim: true)
            .sub(Scalars.Get(1))
            .clamp_min(Scalars.Get(0))
            .to(int64);
        var excess = sums.gather(1, last) - Scalars.Get(epsilon);
        var s = at.gather(1, last).Plus(excess / slope.gather(1, last).neg().clamp_min(Scalars.Get(1)));
        var shrunk = (flat.sign() * (size - s).clamp_min(Scalars.Get(0)).minimum(room)).to(change.dtype);
        return where(total.le(Scalars.Get(epsilon)), flat, shrunk).reshape(change.shape).MoveToOuterDisposeScope();
    }
}
