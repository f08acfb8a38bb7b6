using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>The smallest change within a box that reaches a hyperplane.</summary>
internal static class Hyperplane
{
    private const int NewtonSteps = 8;
    private const double Tiny = 1e-12;

    /// <summary>
    /// Smallest d with w d = gap that stays in the box; where none reaches it, the one that comes nearest.
    /// </summary>
    /// <param name="norm">What is small.</param>
    /// <param name="w">[rows, values].</param>
    /// <param name="gap">[rows].</param>
    /// <param name="down">[rows, values], at least 0: how far a value may fall.</param>
    /// <param name="up">[rows, values], at least 0: how far it may rise.</param>
    /// <returns>[rows, values].</returns>
    public static Tensor Reach(Norm norm, Tensor w, Tensor gap, Tensor down, Tensor up)
    {
        using var scope = NewDisposeScope();
        var sign = w.sign() * gap.sign().unsqueeze(1);
        var room = where(sign.gt(Scalars.Get(0)), up, down);
        var (size, target) = (w.abs(), gap.abs().unsqueeze(1));
        var change = norm == Norm.L1 ? Greedy(size, room, target) : Even(norm, size, room, target);
        return (sign * change).MoveToOuterDisposeScope();
    }

    // Every value moves by t (Linf) or t |w| (L2) until its room is used up. What that reaches is concave and piecewise
    // linear in t, so that Newton's method comes from below and ends exactly, after as many steps as there are pieces
    // on its way.
    private static Tensor Even(Norm norm, Tensor size, Tensor room, Tensor target)
    {
        var slope = norm == Norm.Linf ? size : size * size;
        var most = norm == Norm.Linf ? room : room / size.clamp_min(Scalars.Get(Tiny));
        var t = zeros_like(target);
        for (var i = 0; i < NewtonSteps; i++)
        {
            using var scope = NewDisposeScope();
            var reached = (slope * most.minimum(t)).sum(1, keepdim: true);
            var free = slope.masked_fill(most.le(t), Scalars.Get(0)).sum(1, keepdim: true);
            t = t.Plus((target - reached).clamp_min(Scalars.Get(0)) / free.clamp_min(Scalars.Get(Tiny)))
                .MoveToOuterDisposeScope();
        }

        var change = most.minimum(t);
        return norm == Norm.Linf ? change : change * size;
    }

    // The values with the largest weights use all of their room, one after the other.
    private static Tensor Greedy(Tensor size, Tensor room, Tensor target)
    {
        var order = size.argsort(1, descending: true);
        var gain = (size * room).gather(1, order);
        var before = gain.cumsum(1) - gain;
        var used =
            (target - before).clamp_min(Scalars.Get(0)).minimum(gain)
            / size.gather(1, order).clamp_min(Scalars.Get(Tiny));
        return zeros_like(size).scatter(1, order, used).minimum(room);
    }
}
