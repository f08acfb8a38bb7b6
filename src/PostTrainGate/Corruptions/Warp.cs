using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>Images sampled at other places; outside, they are mirrored.</summary>
internal static class Warp
{
    /// <summary>
    /// Three points a third of the shorter side around the middle move by up to a distance in either axis, and the
    /// plane with them.
    /// </summary>
    public static Tensor Affine(Distortion d, double shift)
    {
        var (y, x, third) = (d.Height / 2, d.Width / 2, d.Side / 3);
        var before = tensor(new double[] { x + third, y + third, x + third, y - third, x - third, y - third })
            .reshape(1, 3, 2)
            .expand(d.Count, 3, 2);
        var after = before.Plus(d.Uniform(d.Count, 3, 2).to(float64).mul(Scalars.Get(shift)));
        // From where a pixel comes: the map of the moved points back onto the old ones, [n, 3, 2].
        var back = linalg.solve(cat([after, ones(d.Count, 3, 1, dtype: float64)], 2), before);
        var (rows, columns) = Places(d.X);
        var points = stack([columns, rows, ones_like(rows)], -1).to(float64).flatten(0, 1);
        var from = points.unsqueeze(0).matmul(back).reshape(d.Count, d.Height, d.Width, 2).to(float32);
        return Sample(d.X, from.select(3, 0), from.select(3, 1));
    }

    /// <summary>Pixels that come from a distance away.</summary>
    /// <param name="x">[n, channels, height, width].</param>
    /// <param name="right">[n, height, width].</param>
    /// <param name="down">[n, height, width].</param>
    public static Tensor By(Tensor x, Tensor right, Tensor down)
    {
        var (rows, columns) = Places(x);
        return Sample(x, columns.Plus(right), rows.Plus(down));
    }

    private static (Tensor Rows, Tensor Columns) Places(Tensor x)
    {
        var (h, w) = (x.shape[2], x.shape[3]);
        var rows = arange(Scalars.Whole(h), dtype: float32).unsqueeze(1).expand(h, w);
        return (rows, arange(Scalars.Whole(w), dtype: float32).unsqueeze(0).expand(h, w));
    }

    private static Tensor Sample(Tensor x, Tensor columns, Tensor rows)
    {
        static Tensor Unit(Tensor at, long size) =>
            at.mul(Scalars.Get(2.0 / Math.Max(1, size - 1))).sub(Scalars.Get(1));
        var grid = stack([Unit(columns, x.shape[3]), Unit(rows, x.shape[2])], -1);
        return nn.functional.grid_sample(x, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Reflection, true);
    }
}
