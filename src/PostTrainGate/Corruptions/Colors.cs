using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>Color of images with one or three channels.</summary>
internal static class Colors
{
    private static readonly double[] Weights = [0.299, 0.587, 0.114]; // ITU-R BT.601

    /// <summary>Gray values: [n, 1, height, width].</summary>
    public static Tensor Luma(Tensor x) =>
        x.shape[1] == 1
            ? x
            : Weights.Select((w, c) => x.narrow(1, c, 1).mul(Scalars.Get(w))).Aggregate((a, b) => a.Plus(b));

    /// <summary>Gray values in a color, or in its gray where the image has one channel.</summary>
    public static Tensor Tint(Tensor gray, Tensor image, float red, float green, float blue)
    {
        var color = tensor(new[] { red, green, blue }).reshape(1, 3, 1, 1);
        return gray * (image.shape[1] == 1 ? Luma(color) : color);
    }

    /// <summary>
    /// A higher value in hue, saturation, value: colors in proportion to their largest channel, which is raised and cut
    /// off at 1.
    /// </summary>
    public static Tensor Brighten(Tensor x, double by)
    {
        var value = x.amax([1], true);
        var raised = value.Plus(by).clamp_max(Scalars.Get(1));
        var black = value.le(Scalars.Get(0));
        return where(black, raised, x * (raised / value.masked_fill(black, Scalars.Get(1))));
    }

    /// <summary>
    /// Another saturation: distances from the largest channel in proportion to it. Gray has the hue of red.
    /// </summary>
    public static Tensor Saturate(Tensor x, double times, double plus)
    {
        var value = x.amax([1], true);
        var saturation = (value - x.amin([1], true)) / value.clamp_min(Scalars.Get(1e-12));
        var wanted = saturation.mul(Scalars.Get(times)).Plus(plus).clamp(Scalars.Get(0), Scalars.Get(1));
        var gray = saturation.le(Scalars.Get(0));
        var colored = value - (value - x) * (wanted / saturation.masked_fill(gray, Scalars.Get(1)));
        var less = value * (ones_like(wanted) - wanted);
        return where(gray, cat([value, less, less], 1), colored);
    }
}
