using System.IO.Compression;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>Bounds what compressed files of a table unpack to.</summary>
internal static class Unpacking
{
    // The most that deflate can expand (zlib, "Maximum Expansion Factor"), and that a block of Zstandard can (RFC 8878:
    // 128 KiB of four bytes).
    private const long Gzip = 1032,
        Zstandard = 32_768;

    /// <summary>Refuses files that unpack to more than they may, and counts where their size leaves it open.</summary>
    /// <exception cref="GateException">PTG3001.</exception>
    public static void Check(PolicyPath source)
    {
        var left = DataLimits.UnpackedBytes;
        var packed = source.Files.Where(IsPacked).ToArray();
        if (packed.Sum(f => new FileInfo(f).Length * (IsGzip(f) ? Gzip : Zstandard)) <= left)
            return;
        var buffer = new byte[1 << 18];
        foreach (var file in packed.Where(IsGzip))
        {
            try
            {
                using var stream = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
                for (int count; left >= 0 && (count = stream.Read(buffer)) > 0; )
                    left -= count;
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                // Whoever reads the file says what is wrong with it.
            }
        }

        if (left < 0)
        {
            throw source.Position.Error(
                DiagnosticCodes.DataUnreadable,
                $"{Wording.Quote(source.Text)} unpacks to more than {DataLimits.UnpackedBytes >> 30} GiB; "
                    + "use a sample of the rows."
            );
        }
    }

    private static bool IsGzip(string file) => file.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    private static bool IsPacked(string file) => Path.GetExtension(file).ToLowerInvariant() is ".gz" or ".zst";
}
