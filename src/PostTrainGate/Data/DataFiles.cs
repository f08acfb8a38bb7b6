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

        if (files.Count == 0) throw Problem(DiagnosticCodes.PolicyFileMissing, path, $"there is no file {Wording.Quote(path.Text)}");
        if (files.Count > Most) throw Problem(DiagnosticCodes.DataUnreadable, path, $"{Wording.Quote(path.Text)} stands for more than {Most} files");
        var root = Real(folder);
        foreach (var file in files)
        {
            if (!Real(file).StartsWith(root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw Problem(DiagnosticCodes.PolicyPath, path, $"{Wording.Quote(Path.GetRelativePath(folder, file))} is a link that leads out of the policy's folder");
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

    private static bool Fits(string pattern, string path) => FileSystemName.MatchesSimpleExpression(pattern, Path.GetFileName(path), ignoreCase: false);

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

    private static GateException Problem(string code, PolicyPath path, string message) => new(new Diagnostic(code, message, path.Position));
}
