namespace PostTrainGate.Foundation;

/// <summary>Paths with symbolic links followed.</summary>
internal static class RealPaths
{
    private const int MaxLinks = 40;

    /// <summary>Whether a full path lies below a folder.</summary>
    public static bool IsInside(string folder, string path, bool orEqual)
    {
        var ignore = OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        var root = Path.TrimEndingDirectorySeparator(folder);
        path = Path.TrimEndingDirectorySeparator(path);
        if (path.Equals(root, ignore))
            return orEqual;
        return path.StartsWith(Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar, ignore);
    }

    /// <summary>
    /// The path with every symbolic link followed, also where its last parts do not exist; null when links go round.
    /// </summary>
    public static string? Follow(string path)
    {
        for (var links = 0; links <= MaxLinks; links++)
        {
            if (FirstLink(path) is not var (link, target, below))
                return path;
            var followed = Path.Combine(Path.GetDirectoryName(link)!, target);
            path = Path.GetFullPath(below.Length == 0 ? followed : Path.Combine(followed, below));
        }

        return null;
    }

    private static (string Link, string Target, string Below)? FirstLink(string path)
    {
        var root = Path.GetPathRoot(path)!;
        var parts = path[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
        var at = root;
        for (var i = 0; i < parts.Length; i++)
        {
            at = Path.Combine(at, parts[i]);
            if (new FileInfo(at).LinkTarget is { } target)
                return (at, target, string.Join(Path.DirectorySeparatorChar, parts[(i + 1)..]));
        }

        return null;
    }
}
