using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>What a file is to a reader of images.</summary>
internal enum ImageKind
{
    /// <summary>No image.</summary>
    None,

    /// <summary>An image that can be read, or a file that is called so.</summary>
    Readable,

    /// <summary>An image of a format that cannot be read.</summary>
    Foreign,
}

/// <summary>Tells images by how they begin.</summary>
internal static class ImageFile
{
    /// <summary>The formats that are read, for messages.</summary>
    public const string Readable = "PNG, JPEG, WEBP, GIF, BMP";

    private const int MostSeen = 100_000; // files below the folder that are looked at

    // A broken file of such a name is an error, not something else that lies beside the images.
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"];

    private static readonly (string Format, int At, byte[] Begins)[] Foreign =
    [
        ("TIFF", 0, [(byte)'I', (byte)'I', 42, 0]),
        ("TIFF", 0, [(byte)'M', (byte)'M', 0, 42]),
        ("HEIF or AVIF", 4, "ftyphei"u8.ToArray()),
        ("HEIF or AVIF", 4, "ftypmif"u8.ToArray()),
        ("HEIF or AVIF", 4, "ftypavi"u8.ToArray()),
        ("JPEG XL", 0, [0xFF, 0x0A]),
        ("JPEG XL", 4, "JXL "u8.ToArray()),
        ("JPEG 2000", 4, "jP  "u8.ToArray()),
        ("JPEG 2000", 0, [0xFF, 0x4F, 0xFF, 0x51]),
        ("Photoshop", 0, "8BPS"u8.ToArray()),
        ("DICOM", 128, "DICM"u8.ToArray()),
        ("icon", 0, [0, 0, 1, 0]),
    ];

    /// <summary>What a file is.</summary>
    public static ImageKind KindOf(string file)
    {
        var begins = Begin(file);
        return IsReadable(begins) || Endings.Contains(Path.GetExtension(file).ToLowerInvariant()) ? ImageKind.Readable
            : Format(begins) is not null ? ImageKind.Foreign
            : ImageKind.None;
    }

    /// <summary>
    /// A warning of the images below a source's folder that are not read: of another format, not in a folder of a
    /// class, or hidden.
    /// </summary>
    public static IEnumerable<Diagnostic> Unread(PolicyPath source)
    {
        var folder = Path.GetDirectoryName(Path.GetDirectoryName(source.FullPath))!;
        if (Path.GetFileName(source.FullPath) != "*" || !Directory.Exists(folder))
            yield break;
        var read = source.Files.ToHashSet(StringComparer.Ordinal);
        var options = new EnumerationOptions
        {
            AttributesToSkip = FileAttributes.ReparsePoint,
            IgnoreInaccessible = true,
            RecurseSubdirectories = true,
        };
        var left = Directory
            .EnumerateFiles(folder, "*", options)
            .Take(MostSeen)
            .Where(f => !read.Contains(f))
            .Select(f => (File: f, Why: WhyUnread(f)))
            .Where(f => f.Why is not null)
            .GroupBy(f => f.Why!)
            .OrderBy(g => g.Key, StringComparer.Ordinal);
        foreach (var why in left)
        {
            var name = Path.GetRelativePath(folder, why.Select(f => f.File).Min(StringComparer.Ordinal)!)
                .Replace('\\', '/');
            yield return new(
                DiagnosticCodes.DataUnreadable,
                $"{why.Count()} {(why.Count() == 1 ? "image was" : "images were")} skipped, "
                    + $"for example {Wording.Quote(name)}: {why.Key}.",
                source.Position,
                Severity.Warning
            );
        }
    }

    private static string? WhyUnread(string file)
    {
        var begins = Begin(file);
        return IsReadable(begins) ? "it is not in a folder named after its class"
            : Format(begins) is { } format ? $"{format} is not supported; convert it to PNG"
            : null;
    }

    private static bool IsReadable(ReadOnlySpan<byte> begins) =>
        begins
            is [0x89, 0x50, 0x4E, 0x47, ..]
                or [0xFF, 0xD8, 0xFF, ..]
                or [(byte)'B', (byte)'M', _, _, _, _, 0, 0, 0, 0, ..]
        || begins.StartsWith("GIF8"u8)
        || (begins.StartsWith("RIFF"u8) && begins.Length > 12 && begins[8..12].SequenceEqual("WEBP"u8));

    private static string? Format(byte[] begins) =>
        Foreign.FirstOrDefault(f => begins.AsSpan(Math.Min(f.At, begins.Length)).StartsWith(f.Begins.AsSpan())).Format;

    private static byte[] Begin(string file)
    {
        if (SpecialFile.Is(file))
            return [];
        try
        {
            using var stream = File.OpenRead(file);
            var bytes = new byte[140];
            return bytes[..stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
