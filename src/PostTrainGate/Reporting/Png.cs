using System.Runtime.InteropServices;
using SkiaSharp;

namespace PostTrainGate.Reporting;

/// <summary>Images for pages that load nothing.</summary>
internal static class Png
{
    // Larger ones are made smaller: five times three of them stand in one page.
    private const int Longest = 160;

    /// <summary>A <c>data:</c> address of an image.</summary>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="pixels">Rows from the top, a byte for each channel.</param>
    public static string Address(int width, int height, int channels, ReadOnlySpan<byte> pixels)
    {
        var rgba = new byte[width * height * 4];
        for (var p = 0; p < width * height; p++)
        {
            for (var c = 0; c < 3; c++)
                rgba[4 * p + c] = pixels[channels == 1 ? p : 3 * p + c];
            rgba[4 * p + 3] = 255;
        }

        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using var whole = new SKBitmap(info);
        Marshal.Copy(rgba, 0, whole.GetPixels(), rgba.Length);
        var scale = Math.Min(1, Longest / (double)Math.Max(width, height));
        using var small =
            scale == 1
                ? null
                : whole.Resize(
                    info.WithSize(Math.Max(1, (int)(width * scale)), Math.Max(1, (int)(height * scale))),
                    SKFilterQuality.Medium
                );
        using var png = (small ?? whole).Encode(SKEncodedImageFormat.Png, 100);
        return $"data:image/png;base64,{Convert.ToBase64String(png.AsSpan())}";
    }
}
