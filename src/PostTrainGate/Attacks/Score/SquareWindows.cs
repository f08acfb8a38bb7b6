using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// The proposals of <see cref="Square"/>: one window for all rows of a batch, random signs for each row and channel.
/// </summary>
internal sealed class SquareWindows
{
    private readonly Budget _budget;
    private readonly Generator _random;
    private readonly long _channels,
        _height,
        _width;
    private readonly long[] _shape;

    /// <param name="budget">Norm and size.</param>
    /// <param name="shape">
    /// [rows, ...]; the last two axes of an image, the last one of anything else are what a window lies in.
    /// </param>
    /// <param name="random">The only source of randomness.</param>
    public SquareWindows(Budget budget, long[] shape, Generator random)
    {
        (_budget, _random, _shape) = (budget, random, shape);
        var values = shape.Skip(1).Aggregate(1L, (a, b) => a * b);
        _width = shape.Length > 1 ? shape[^1] : 1;
        _height = shape.Length > 3 ? shape[^2] : 1;
        _channels = values / (_width * _height);
    }

    private bool IsImage => _height >= 3 && _width >= 3;

    /// <summary>Where the search starts: vertical stripes (Linf), a tiling of windows (L2), or random signs.</summary>
    public Tensor First(Tensor clean)
    {
        using var scope = NewDisposeScope();
        var rows = clean.shape[0];
        Tensor change;
        if (_budget.Norm == Norm.L2 && IsImage)
        {
            change = zeros(rows, _channels, _height, _width).On(clean);
            var side = Math.Max(Math.Min(_height, _width) / 5, 1);
            for (var top = (_height % side) / 2; top + side <= _height; top += side)
            for (var left = (_width % side) / 2; left + side <= _width; left += side)
                change
                    .narrow(2, top, side)
                    .narrow(3, left, side)
                    .add_((Bump(side) * Signs(rows, _channels)).On(clean), Scalars.Get(1));
        }
        else
        {
            change = Signs(rows, _channels, _width).On(clean).expand(rows, _channels, _height, _width);
        }

        return Legal(clean, Scaled(change)).MoveToOuterDisposeScope();
    }

    /// <summary>A proposal that differs from the best input in one window.</summary>
    /// <param name="clean">[rows, input shape].</param>
    /// <param name="best">[rows, input shape].</param>
    /// <param name="share">Share of the values that the window covers.</param>
    public Tensor Propose(Tensor clean, Tensor best, double share)
    {
        using var scope = NewDisposeScope();
        var change = (best - clean).reshape(clean.shape[0], _channels, _height, _width);
        if (_budget.Norm == Norm.L2 && IsImage)
            return Legal(clean, Scaled(MoveEnergy(change, share))).MoveToOuterDisposeScope();
        var tall = _height == 1 ? 1 : Side(share, _height, 1);
        var wide = _height == 1 ? Math.Clamp((long)Math.Round(share * _width), 1, _width) : Side(share, _width, 1);
        var window = change.narrow(2, Below(_height - tall + 1), tall).narrow(3, Below(_width - wide + 1), wide);
        var size = _budget.Norm switch
        {
            Norm.Linf => 2 * _budget.Epsilon, // from one side of the ball to the other
            Norm.L2 => _budget.Epsilon / Math.Sqrt(tall * wide * _channels),
            _ => _budget.Epsilon / (tall * wide * _channels),
        };
        window.add_(Signs(clean.shape[0], _channels).On(clean), Scalars.Get(size));
        return Legal(clean, change).MoveToOuterDisposeScope();
    }

    // L2: a bump takes what the change has in another window and in its own, and what the budget has left.
    private Tensor MoveEnergy(Tensor change, double share)
    {
        var side = Side(share, Math.Min(_height, _width), 3);
        if (side % 2 == 0)
            side = side == Math.Min(_height, _width) ? side - 1 : side + 1;
        var window = Window(change, side);
        var other = Window(change, side);
        var before = change.Squared().sum([1, 2, 3], keepdim: true);
        var bump = (Bump(side) * Signs(change.shape[0], _channels)).On(change).Plus(Unit(window));
        var left = change.clone();
        Place(left, other).zero_();
        Place(left, window).zero_();
        var freed = before - left.Squared().sum([1, 2, 3], keepdim: true);
        var spare = before.neg().Plus(_budget.Epsilon * _budget.Epsilon).clamp_min(Scalars.Get(0));
        Place(left, window)
            .add_(Unit((bump, 0, 0, side)) * (spare / Scalars.Get(_channels)).Plus(freed).sqrt(), Scalars.Get(1));
        return left;
    }

    private static Tensor Unit((Tensor Values, long, long, long) window) =>
        window.Values / window.Values.Squared().sum([2, 3], keepdim: true).sqrt().Plus(1e-12);

    private (Tensor Values, long Top, long Left, long Side) Window(Tensor change, long side)
    {
        var (top, left) = (Below(_height - side + 1), Below(_width - side + 1));
        return (change.narrow(2, top, side).narrow(3, left, side), top, left, side);
    }

    private static Tensor Place(Tensor change, (Tensor, long Top, long Left, long Side) w) =>
        change.narrow(2, w.Top, w.Side).narrow(3, w.Left, w.Side);

    // Two heaps side by side, one up and one down, of length 1 together: [1, 1, side, side], turned by chance.
    private Tensor Bump(long side)
    {
        var bump = zeros(side, side);
        for (var (half, top) = (0, 0L); half < 2; half++)
        {
            var tall = half == 0 ? side / 2 : side - side / 2;
            if (tall > 0)
                bump.narrow(0, top, tall).add_(Heap(tall, side), Scalars.Get(half == 0 ? 1 : -1));
            top += tall;
        }

        bump = bump / bump.norm();
        if (Below(2) == 0)
            bump = bump.t();
        return bump.reshape(1, 1, side, side);
    }

    private static Tensor Heap(long tall, long wide)
    {
        var heap = zeros(tall, wide);
        var (top, left) = (tall / 2, wide / 2);
        for (var ring = 0L; ring < Math.Max(tall / 2, wide / 2) + 1; ring++)
        {
            var (t, l) = (Math.Max(top - ring, 0), Math.Max(left - ring, 0));
            var (b, r) = (Math.Min(top + ring + 1, tall), Math.Min(left + ring + 1, wide));
            heap.narrow(0, t, b - t)
                .narrow(1, l, r - l)
                .add_(Scalars.Get(1.0 / ((ring + 1) * (ring + 1))), Scalars.Get(1));
        }

        return heap / heap.norm();
    }

    private long Side(double share, long most, long least) =>
        Math.Clamp((long)Math.Round(Math.Sqrt(share * _height * _width)), Math.Min(least, most), most);

    private long Below(long count)
    {
        using var value = randint(count, 1, generator: _random);
        return value.to(int64).item<long>();
    }

    private Tensor Signs(long rows, long channels, long width = 1) =>
        randint(2, [rows, channels, 1, width], generator: _random).to(float32).mul(Scalars.Get(2)).sub(Scalars.Get(1));

    // To the surface of the ball.
    private Tensor Scaled(Tensor change)
    {
        var length = _budget.Distance(zeros_like(change), change).clamp_min(Scalars.Get(1e-12)).reshape(-1, 1, 1, 1);
        return change / length * Scalars.Get(_budget.Epsilon);
    }

    private Tensor Legal(Tensor clean, Tensor change) =>
        _budget.Project(clean, clean.Plus(change.reshape([clean.shape[0], .. _shape.Skip(1)])));
}
