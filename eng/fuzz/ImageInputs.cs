using SkiaSharp;

namespace PostTrainGate.Fuzz;

/// <summary>Images.</summary>
internal static class ImageInputs
{
    /// <summary>
    /// A small one of each format that can be written, a BMP and a GIF byte by byte, and one that EXIF turns.
    /// </summary>
    public static IReadOnlyList<byte[]> Seeds { get; } =
    [
        Encoded(SKEncodedImageFormat.Png),
        Encoded(SKEncodedImageFormat.Jpeg),
        Encoded(SKEncodedImageFormat.Webp),
        Bmp(4, 4),
        Gif,
        Turned(Encoded(SKEncodedImageFormat.Jpeg), 6),
    ];

    private static byte[] Gif =>
        [
            .. "GIF89a"u8,
            1,
            0,
            1,
            0,
            0x80,
            0,
            0,
            0,
            0,
            0,
            255,
            255,
            255,
            0x2C,
            0,
            0,
            0,
            0,
            1,
            0,
            1,
            0,
            0,
            2,
            2,
            0x44,
            1,
            0,
            0x3B,
        ];

    /// <summary>A BMP of odd sizes, or a JPEG that EXIF says odd things of.</summary>
    public static byte[] Generate(Random random)
    {
        int[] sizes = [0, 1, 3, 4, -4, 70_000, int.MaxValue, int.MinValue];
        return random.Next(2) == 0
            ? Bmp(sizes[random.Next(sizes.Length)], sizes[random.Next(sizes.Length)])
            : Turned(Seeds[1], (byte)random.Next(12));
    }

    private static byte[] Encoded(SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(5, 4);
        for (var i = 0; i < 20; i++)
            bitmap.SetPixel(i % 5, i / 5, new((byte)(i * 12), (byte)(255 - i), (byte)(i * 7)));
        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    private static byte[] Bmp(int width, int height) =>
        [
            .. "BM"u8,
            .. Word(54 + 64),
            0,
            0,
            0,
            0,
            .. Word(54),
            .. Word(40),
            .. Word(width),
            .. Word(height),
            1,
            0,
            24,
            0,
            .. new byte[24],
            .. new byte[64],
        ];

    // A segment of EXIF with the orientation alone, after the first two bytes.
    private static byte[] Turned(byte[] jpeg, byte orientation)
    {
        byte[] exif =
        [
            .. "Exif\0\0II"u8,
            42,
            0,
            8,
            0,
            0,
            0,
            1,
            0,
            0x12,
            1,
            3,
            0,
            1,
            0,
            0,
            0,
            orientation,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        return [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }

    private static byte[] Word(int value) => BitConverter.GetBytes(value);
}
