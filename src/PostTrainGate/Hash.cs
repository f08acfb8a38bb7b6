using System.Security.Cryptography;

namespace PostTrainGate;

/// <summary>Content hashes for reports and provenance.</summary>
internal static class Hash
{
    /// <summary>SHA-256 of a file, lower-case hexadecimal.</summary>
    public static string OfFile(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
