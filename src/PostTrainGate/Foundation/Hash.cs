using System.Security.Cryptography;

namespace PostTrainGate.Foundation;

/// <summary>Content hashes for reports, provenance and caches.</summary>
internal static class Hash
{
    /// <summary>SHA-256 of a file, lower-case hexadecimal.</summary>
    public static string ComputeFile(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>SHA-256 of what is written, lower-case hexadecimal.</summary>
    public static string Compute(Action<BinaryWriter> content)
    {
        using var sha = SHA256.Create();
        using (var stream = new CryptoStream(Stream.Null, sha, CryptoStreamMode.Write))
        using (var writer = new BinaryWriter(stream))
            content(writer);
        return Convert.ToHexStringLower(sha.Hash!);
    }
}
