using System.Globalization;

namespace PostTrainGate.MSBuild;

/// <summary>
/// The result of a check as it is kept in the obj folder: what it depended on, how it ended, and its errors and
/// warnings.
/// </summary>
internal sealed class GateRecord(string fingerprint, int exitCode, IReadOnlyList<string> lines)
{
    public string Fingerprint { get; } = fingerprint;

    public int ExitCode { get; } = exitCode;

    public IReadOnlyList<string> Lines { get; } = lines;

    /// <summary>The record in a file; null when there is none or it is not one of ours.</summary>
    public static GateRecord? Read(string path)
    {
        if (!File.Exists(path))
            return null;
        var lines = File.ReadAllLines(path);
        return
            lines.Length >= 2
            && int.TryParse(lines[1], NumberStyles.None, CultureInfo.InvariantCulture, out var exitCode)
            ? new(lines[0], exitCode, [.. lines.Skip(2)])
            : null;
    }

    /// <summary>
    /// Writes beside and renames. The file gets the time at which the check began: what changed meanwhile is newer.
    /// </summary>
    public void Write(string path, DateTime began)
    {
        var temporary = path + "." + Guid.NewGuid().ToString("N");
        File.WriteAllLines(temporary, [Fingerprint, ExitCode.ToString(CultureInfo.InvariantCulture), .. Lines]);
        File.SetLastWriteTimeUtc(temporary, began);
        File.Delete(path);
        File.Move(temporary, path);
    }
}
