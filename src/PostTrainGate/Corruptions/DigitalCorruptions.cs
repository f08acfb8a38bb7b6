using System.Runtime.InteropServices;
using PostTrainGate.Torch;
using SkiaSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Corruptions;

/// <summary>What processing does to images (Hendrycks and Dietterich 2019).</summary>
internal static class DigitalCorruptions
{
    public static Corruption Contrast { get; } =
        Corruption.Image("contrast", "Lower contrast: values move toward the mean of their channel.", d =>
        {
            var mean = d.X.mean([2, 3], true);
            return (d.X - mean).mul(Scalars.Get(d.Level([.75, .5, .4, .3, .15], [.4, .3, .2, .1, .05]))).Plus(mean);
        });

    public static Corruption Saturate { get; } =
        Corruption.Extra("saturate", "Lower or higher color saturation; gray images stay the same.", d =>
            d.X.shape[1] == 1
                ? d.X
                : Colors.Saturate(
                    d.X,
                    d.Level([.3, .1, 1.5, 2, 2.5], [.3, .1, 2, 5, 20]),
                    d.Level([0, 0, 0, .1, .2], [0, 0, 0, .1, .2])
                )
        );

    /// <remarks>
    /// Lengths are shares of the shorter side; those for large images were published for 244 pixels on images of 224.
    /// </remarks>
    public static Corruption Elastic { get; } =
        Corruption.Image("elastic_transform", "Stretched and shifted regions.", d =>
        {
            const double m = 244 / 224.0;
            var strength = d.Level([0, .05, .08, .1, .1], [2 * m, 2 * m, .05 * m, .07 * m, .12 * m]) * d.Side;
            var sigma = d.Level([0, .2, .06, .04, .03], [.7 * m, .08 * m, .01 * m, .01 * m, .01 * m]) * d.Side;
            var shift = d.Level([.08, .07, .06, .05, .03], [.1 * m, .2 * m, .02 * m, .02 * m, .02 * m]) * d.Side;
            return Warp.By(Warp.Affine(d, shift), Field(), Field());

            Tensor Field() =>
                Filters
                    .Smooth(d.Uniform(d.Count, 1, d.Height, d.Width), sigma, truncate: 3, reflect: true)
                    .mul(Scalars.Get(strength))
                    .squeeze(1);
        });

    public static Corruption Pixelate { get; } =
        Corruption.Image("pixelate", "Image downscaled and enlarged again.", d =>
        {
            var share = d.Level([.95, .9, .85, .75, .65], [.6, .5, .4, .3, .25]);
            long[] size = [Math.Max(1, (long)(d.Height * share)), Math.Max(1, (long)(d.Width * share))];
            var small = nn.functional.interpolate(d.X, size, mode: InterpolationMode.Area);
            return nn.functional.interpolate(small, [d.Height, d.Width], mode: InterpolationMode.Nearest);
        });

    public static Corruption Jpeg { get; } = Corruption.Image("jpeg_compression", "Lossy JPEG compression.", d =>
        {
            var quality = (int)Math.Round(d.Level([80, 65, 58, 50, 40], [25, 18, 15, 10, 7]));
            var (c, type) = (d.X.shape[1], d.X.shape[1] == 1 ? SKColorType.Gray8 : SKColorType.Rgba8888);
            var bytes = d.X.mul(Scalars.Get(255)).round().clamp(Scalars.Get(0), Scalars.Get(255));
            if (c == 3)
                bytes = cat([bytes, full_like(bytes.narrow(1, 0, 1), Scalars.Get(255))], 1);
            var pixels = bytes.permute(0, 2, 3, 1).to(uint8).contiguous();
            var (all, info) = (
                pixels.data<byte>().ToArray(),
                new SKImageInfo((int)d.Width, (int)d.Height, type, SKAlphaType.Opaque)
            );
            for (var image = 0; image < d.Count; image++)
                Recode(all, image * info.BytesSize, info, quality);
            return tensor(all)
                .reshape(pixels.shape)
                .permute(0, 3, 1, 2)
                .narrow(1, 0, c)
                .to(float32)
                .div(Scalars.Get(255));
        });

    private static void Recode(byte[] pixels, int start, SKImageInfo info, int quality)
    {
        using var bitmap = new SKBitmap(info); // its rows are not padded
        Marshal.Copy(pixels, start, bitmap.GetPixels(), info.BytesSize);
        using var encoded = bitmap.Encode(SKEncodedImageFormat.Jpeg, quality);
        using var decoded = SKBitmap.Decode(encoded.AsSpan(), info);
        Marshal.Copy(decoded.GetPixels(), pixels, start, info.BytesSize);
    }
}
