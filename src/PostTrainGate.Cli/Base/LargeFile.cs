using System.Globalization;
using System.Text;

namespace PostTrainGate.Cli.Base;

/// <summary>Git LFS keeps large files beside the repository and commits pointers to them.</summary>
internal static class LargeFile
{
    private const string Head = "version https://git-lfs.github.com/spec/v1\n";

    /// <summary>SHA-256 of the file that a pointer stands for; null when the bytes are no pointer.</summary>
    public static string? Pointer(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > 1024 || !bytes.StartsWith(Encoding.ASCII.GetBytes(Head)))
            return null;
        var line = Encoding
            .ASCII.GetString(bytes)
            .Split('\n')
            .FirstOrDefault(l => l.StartsWith("oid sha256:", StringComparison.Ordinal));
        return line?["oid sha256:".Length..].Trim() is { Length: 64 } hash && hash.All(char.IsAsciiHexDigitLower)
            ? hash
            : null;
    }

    /// <summary>The pointer that git keeps in place of a file.</summary>
    /// <param name="hash">Its SHA-256.</param>
    /// <param name="size">Its bytes.</param>
    public static byte[] PointerTo(string hash, long size) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Head}oid sha256:{hash}\nsize {size}\n"));

    /// <summary>Where a repository keeps the file, when it was fetched.</summary>
    public static string Stored(string commonFolder, string hash) =>
        Path.Combine(
            commonFolder,
            string.Create(CultureInfo.InvariantCulture, $"lfs/objects/{hash[..2]}/{hash[2..4]}/{hash}")
        );
}
