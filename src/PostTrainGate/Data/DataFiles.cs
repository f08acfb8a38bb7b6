using System.Collections.Immutable;
using System.IO.Enumeration;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>Files that a path or glob of the policy stands for; never outside the policy's folder, links included.</summary>
public static class DataFiles
{
    private const int Most = 10_000;

    /// <summary>The files, in ordinal order of their paths: <c>*</c> and <c>?</c> within a name, <c>**</c> for any folders.</summary>
    /// <exception cref="GateException">PTG1009: there is none. PTG1008: a link leads out of the folder.</exception>
    public static ImmutableArray<string> Find(PolicyPath path, string folder)
    {
        List<string> files = [];
        var text = path.FullPath.Replace('\\', '/');
        if (!text.AsSpan().ContainsAny('*', '?'))
        {
            if (File.Exists(path.FullPath)) files.Add(path.FullPath);
        }
        else
        {
            var names = text.Split('/');
            var first = Array.FindIndex(names, n => n.AsSpan().ContainsAny('*', '?'));
            Match(string.Join('/', names[..first]) + "/", names.AsSpan(first), files);
        }

        var (at, name) = (path.Position, Wording.Quote(path.Text));
        if (files.Count == 0) throw at.Error(DiagnosticCodes.PolicyFileMissing, $"There is no file {name}.");
        if (files.Count > Most) throw at.Error(DiagnosticCodes.DataUnreadable, $"{name} stands for more than {Most} files.");
        var root = Real(folder).TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar;
        if (files.Find(file => !Real(file).StartsWith(root, StringComparison.Ordinal)) is { } outside)
        {
            throw at.Error(DiagnosticCodes.PolicyPath,
                $"{Wording.Quote(Path.GetRelativePath(folder, outside))} is a link that leads out of the policy's folder; put the file there itself.");
        }

        return [.. files.Distinct().Order(StringComparer.Ordinal)];
    }

    private static void Match(string folder, ReadOnlySpan<string> names, List<string> found)
    {
        if (!Directory.Exists(folder) || found.Count > Most) return;
        if (names[0] == "**")
        {
            if (names.Length > 1) Match(folder, names[1..], found);
            // Links are not followed here: they may go round in circles.
            foreach (var below in Directory.EnumerateDirectories(folder))
                if (new DirectoryInfo(below).LinkTarget is null) Match(below, names, found);
        }
        else if (names.Length > 1)
        {
            foreach (var below in Directory.EnumerateDirectories(folder))
                if (Fits(names[0], below)) Match(below, names[1..], found);
        }
        else
        {
            foreach (var file in Directory.EnumerateFiles(folder))
                if (Fits(names[0], file)) found.Add(file);
        }
    }

    private static bool Fits(string pattern, string path) =>
        FileSystemName.MatchesSimpleExpression(pattern, Path.GetFileName(path), ignoreCase: false);

    // The path with every link on the way resolved.
    private static string Real(string path)
    {
        var full = Path.GetFullPath(path);
        var real = Path.GetPathRoot(full)!;
        foreach (var name in full[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            FileSystemInfo step = new DirectoryInfo(Path.Combine(real, name));
            if (!step.Exists) step = new FileInfo(step.FullName);
            real = step.LinkTarget is null ? step.FullName : Real(step.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
        }

        return real;
    }
}
