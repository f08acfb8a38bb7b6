using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>Filters of batches of images [n, channels, height, width].</summary>
internal static class Filters
{
    /// <summary>
    /// Blur by a Gaussian, as products with a matrix for each axis, so that any width and any border are one formula.
    /// </summary>
    /// <param name="x">The images.</param>
    /// <param name="sigma">In pixels.</param>
    /// <param name="truncate">Where the kernel ends, in sigmas.</param>
    /// <param name="reflect">
    /// Whether images are mirrored at their borders (edge included) or, as otherwise, go on as at the border.
    /// </param>
    public static Tensor Smooth(Tensor x, double sigma, double truncate = 4, bool reflect = false)
    {
        var radius = (int)(truncate * sigma + 0.5);
        if (radius == 0)
            return x;
        using var scope = NewDisposeScope();
        return Matrix(x.shape[2]).matmul(x).matmul(Matrix(x.shape[3]).t()).MoveToOuterDisposeScope();

        Tensor Matrix(long size)
        {
            var weights = new float[size, size];
            var total = Enumerable.Range(-radius, 2 * radius + 1).Sum(Weight);
            for (var row = 0; row < size; row++)
            for (var i = -radius; i <= radius; i++)
                weights[row, Inside(row + i, (int)size)] += (float)(Weight(i) / total);
            return tensor(weights);
        }

        double Weight(int i) => Math.Exp(-i * i / (2 * sigma * sigma));

        int Inside(int at, int size)
        {
            if (!reflect)
                return Math.Clamp(at, 0, size - 1);
            var place = ((at % (2 * size)) + 2 * size) % (2 * size);
            return place < size ? place : 2 * size - 1 - place;
        }
    }

    /// <summary>Blur by a disk whose edge a Gaussian softens.</summary>
    public static Tensor Disk(Tensor x, double radius, double soft)
    {
        using var scope = NewDisposeScope();
        var (inner, edge) = ((int)Math.Ceiling(radius), radius <= 8 ? 1 : 2);
        var reach = inner + edge;
        var disk = new float[2 * reach + 1, 2 * reach + 1];
        for (var i = -inner; i <= inner; i++)
        for (var j = -inner; j <= inner; j++)
            disk[i + reach, j + reach] = i * i + j * j <= radius * radius ? 1 : 0;
        var kernel = Smooth(tensor(disk).unsqueeze(0).unsqueeze(0), soft, truncate: (edge + 0.01) / soft);
        return Correlate(x, kernel / kernel.sum()).MoveToOuterDisposeScope();
    }

    /// <summary>Blur along a line that trails off as half a Gaussian (ImageMagick's motion blur).</summary>
    /// <param name="x">The images.</param>
    /// <param name="radius">Half its length.</param>
    /// <param name="sigma">Of the Gaussian.</param>
    /// <param name="angles">Of each image, in degrees.</param>
    public static Tensor Trail(Tensor x, double radius, double sigma, double[] angles)
    {
        using var scope = NewDisposeScope();
        var (n, c, h, w) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        double[] weights =
        [
            .. Enumerable
                .Range(0, 2 * (int)Math.Ceiling(radius) + 1)
                .Select(i => Math.Exp(-i * i / (2 * sigma * sigma))),
        ];
        var (rows, columns) = (arange(Scalars.Whole(h), dtype: int64), arange(Scalars.Whole(w), dtype: int64));
        var sum = zeros_like(x);
        for (var i = 0; i < weights.Length; i++)
        {
            using var step = NewDisposeScope();
            Tensor Moved(Tensor places, Func<double, double> along, long size)
            {
                long[] by = [.. angles.Select(a => (long)Math.Ceiling(i * along(a * Math.PI / 180) - 0.5))];
                return places
                    .unsqueeze(0)
                    .Plus(tensor(by).unsqueeze(1))
                    .clamp(Scalars.Whole(0), Scalars.Whole(size - 1));
            }

            var from = Moved(rows, Math.Sin, h)
                .unsqueeze(2)
                .mul(Scalars.Whole(w))
                .Plus(Moved(columns, Math.Cos, w).unsqueeze(1))
                .reshape(n, 1, h * w);
            var moved = x.flatten(2).gather(2, from.expand(n, c, h * w)).reshape(x.shape);
            sum.add_(moved, Scalars.Get(weights[i] / weights.Sum()));
        }

        return sum.MoveToOuterDisposeScope();
    }

    /// <summary>The middle of an image, enlarged to its size.</summary>
    /// <param name="x">The images.</param>
    /// <param name="factor">At least 1.</param>
    public static Tensor Enlarge(Tensor x, double factor)
    {
        if (factor <= 1)
            return x.clone();
        using var scope = NewDisposeScope();
        var (h, w) = (x.shape[2], x.shape[3]);
        var (height, width) = ((long)Math.Ceiling(h / factor), (long)Math.Ceiling(w / factor));
        var middle = x.narrow(2, (h - height) / 2, height).narrow(3, (w - width) / 2, width);
        long[] size = [Math.Max(h, (long)Math.Round(height * factor)), Math.Max(w, (long)Math.Round(width * factor))];
        var large = nn.functional.interpolate(middle, size, mode: InterpolationMode.Bilinear, align_corners: true);
        return large
            .narrow(2, (size[0] - h) / 2, h)
            .narrow(3, (size[1] - w) / 2, w)
            .contiguous()
            .MoveToOuterDisposeScope();
    }

    /// <summary>A fractal landscape for each image by diamonds and squares: [n, height, width] in [0, 1].</summary>
    /// <param name="d">The images.</param>
    /// <param name="decay">How much less each finer level varies.</param>
    public static Tensor Plasma(Distortion d, double decay)
    {
        using var scope = NewDisposeScope();
        var size = 2L;
        while (size < Math.Max(d.Height, d.Width))
            size *= 2;
        var map = zeros(d.Count, size, size);
        var wobble = 100.0;
        for (var step = size; step >= 2; step /= 2, wobble /= decay)
        {
            var half = step / 2;
            Tensor Grid(long row, long column) => map.slice(1, row, size, step).slice(2, column, size, step);
            Tensor Next(Tensor x, long by, int axis) => roll(x, [by], [axis]);
            // As published, what is added varies by the square of the level.
            Tensor Mean(Tensor sum) =>
                sum.div(Scalars.Get(4)).Plus(d.Uniform(sum.shape).mul(Scalars.Get(wobble * wobble)));

            var corners = Grid(0, 0);
            var pairs = corners.Plus(Next(corners, -1, 1));
            var middles = Mean(pairs.Plus(Next(pairs, -1, 2)));
            Grid(half, half).copy_(middles);
            Grid(0, half).copy_(Mean(middles.Plus(Next(middles, 1, 1)).Plus(corners).Plus(Next(corners, -1, 2))));
            Grid(half, 0).copy_(Mean(middles.Plus(Next(middles, 1, 2)).Plus(corners).Plus(Next(corners, -1, 1))));
        }

        var (least, most) = (map.amin([1, 2], true), map.amax([1, 2], true));
        map = (map - least) / (most - least).clamp_min(Scalars.Get(1e-12));
        return map.narrow(1, 0, d.Height).narrow(2, 0, d.Width).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Distance of each pixel from the nearest edge of a shape, the larger of both axes', cut off.</summary>
    /// <param name="shape">[n, 1, height, width], bool.</param>
    /// <param name="most">Where it is cut off.</param>
    public static Tensor EdgeDistance(Tensor shape, int most)
    {
        using var scope = NewDisposeScope();
        var inside = shape.to(float32);
        var near = inside * Widest(ones_like(inside) - inside); // pixels of the shape beside one that is not
        var distance = full_like(near, Scalars.Get(most));
        for (var d = 0; d < most; d++)
        {
            distance = distance.masked_fill(
                near.gt(Scalars.Get(0)).logical_and(distance.ge(Scalars.Get(most))),
                Scalars.Get(d)
            );
            near = Widest(near);
        }

        return distance.MoveToOuterDisposeScope();

        static Tensor Widest(Tensor x) => nn.functional.max_pool2d(x, [3, 3], [1, 1], [1, 1]);
    }

    /// <summary>Relief of a height map: equalized, then light from one corner, in [0, 255].</summary>
    public static Tensor Emboss(Tensor heights)
    {
        using var scope = NewDisposeScope();
        var box = full([1, 1, 3, 3], 1 / 9f);
        var flat = Correlate(heights, box).floor().flatten(1);
        // Histogram equalization: the share of pixels that are not higher, the lowest at 0.
        var ranks = searchsorted(flat.sort(1).Values, flat, right: true).to(float32);
        var lowest = ranks.amin([1], true);
        var pixels = (float)flat.shape[1];
        var even = (ranks - lowest) / lowest.neg().Plus(pixels).clamp_min(Scalars.Get(1)) * tensor(255f);
        var light = tensor(
                new float[,]
                {
                    { -2, -1, 0 },
                    { -1, 1, 1 },
                    { 0, 1, 2 },
                }
            )
            .reshape(1, 1, 3, 3);
        var lit = Correlate(even.round().reshape(heights.shape), light).clamp(Scalars.Get(0), Scalars.Get(255));
        return Correlate(lit, box).MoveToOuterDisposeScope();
    }

    // Each channel with one kernel [1, 1, k, k]; images are mirrored at their borders (edge left out), as often as it
    // takes.
    private static Tensor Correlate(Tensor x, Tensor kernel)
    {
        var (reach, h, w) = ((int)(kernel.shape[2] / 2), (int)x.shape[2], (int)x.shape[3]);
        var padded = x.index_select(2, Mirrored(h)).index_select(3, Mirrored(w)).flatten(0, 1).unsqueeze(1);
        return nn.functional.conv2d(padded, kernel).reshape(x.shape);

        Tensor Mirrored(int size) =>
            tensor([
                .. Enumerable
                    .Range(-reach, size + 2 * reach)
                    .Select(i =>
                    {
                        var period = Math.Max(1, 2 * (size - 1));
                        var place = (i % period + period) % period;
                        return (long)Math.Min(place, period - place) % size;
                    }),
            ]);
    }
}
