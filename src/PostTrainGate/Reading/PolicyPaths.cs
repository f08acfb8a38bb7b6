using System.Collections.Immutable;
using System.IO.Enumeration;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>
/// Resolves the paths of a policy. A policy may come from a stranger's pull request, so a path has to stay inside the
/// policy's folder,
/// as written and after every symbolic link.
/// </summary>
internal static class PolicyPaths
{
    private const int MaxFiles = 10_000;
    private const int MaxSeen = 100_000;

    /// <summary>The path, or null when it cannot be used, which was reported.</summary>
    public static PolicyPath? Resolve(string text, SourcePosition at, string what, PathUse use, ReadContext context)
    {
        PolicyPath? Wrong(string code, string message)
        {
            context.Report(code, at, message);
            return null;
        }

        var shown = Wording.Quote(text);
        if (text.Contains("://", StringComparison.Ordinal))
            return Wrong(
                DiagnosticCodes.PolicyPath,
                $"{what} is the address {shown}; give a file inside the policy's folder."
            );
        if (text.Contains('\\', StringComparison.Ordinal))
            return Wrong(
                DiagnosticCodes.PolicyPath,
                $"{what} is {shown}; write '/' between folders, which every system reads."
            );
        if (text[0] is '/' or '~' || (text.Length > 1 && char.IsAsciiLetter(text[0]) && text[1] == ':'))
            return Wrong(
                DiagnosticCodes.PolicyPath,
                $"{what} is the absolute path {shown}; write it relative to the policy's folder."
            );
        if (text.Any(char.IsControl) || text.Length > 1000)
        {
            return Wrong(
                DiagnosticCodes.PolicyPath,
                $"{what} is {shown}, which no system takes as a path; give a file inside the policy's folder."
            );
        }

        var full = Path.GetFullPath(Path.Combine(context.Folder, text));
        var isFile = use is not PathUse.Folder;
        if (!RealPaths.IsInside(context.Folder, full, orEqual: !isFile))
            return Wrong(
                DiagnosticCodes.PolicyPath,
                full == context.Folder
                    ? $"{what} is {shown}, the policy's own folder; give a file inside it."
                    : $"{what} is {shown}, which leaves the policy's folder; give a path inside it."
            );
        if (context.TextOnly)
            return new(text, full, at);
        var isImages = use is PathUse.Data && Directory.Exists(full);
        if (isImages)
            full = Path.Combine(full, "*", "*"); // a folder for each class
        var isPattern = isImages || (use is PathUse.Files or PathUse.Data && text.IndexOfAny(['*', '?']) >= 0);
        var endless = false;
        var pattern = Path.GetRelativePath(context.Folder, full);
        ImmutableArray<string> files = isPattern ? Matches(context.Folder, pattern, out endless) : [full];
        if (isImages)
            files = [.. files.Where(ImageReader.Reads)];
        if (endless || files.Length > MaxFiles)
            return Wrong(DiagnosticCodes.PolicyRange, $"{what} is {shown}, which matches too many files; narrow it.");
        if (isPattern && files.Length == 0)
            return Wrong(
                DiagnosticCodes.PolicyFileMissing,
                isImages
                    ? $"{what} is {shown}, a folder without images ({ImageFile.Readable}) in one folder per class."
                    : $"{what} is {shown}, which matches no file."
            );
        var root = RealPaths.Follow(context.Folder);
        foreach (var file in files)
        {
            var name = isPattern ? Wording.Quote(Relative(context.Folder, file)) : shown;
            if (
                root is null
                || RealPaths.Follow(file) is not { } real
                || !RealPaths.IsInside(root, real, orEqual: !isFile)
            )
            {
                return Wrong(
                    DiagnosticCodes.PolicyPath,
                    $"{what} is {name}, which a symbolic link takes out of the policy's folder; give a file inside it."
                );
            }

            if (isFile && Directory.Exists(file))
                return Wrong(DiagnosticCodes.PolicyFileMissing, $"{what} is {name}, which is a folder; give a file.");
            if (SpecialFile.Is(file))
                return Wrong(
                    DiagnosticCodes.PolicyFileMissing,
                    $"{what} is {name}, which is a pipe or a device; give a file."
                );
            if (!isFile && File.Exists(file))
                return Wrong(DiagnosticCodes.PolicyConflict, $"{what} is {name}, which is a file; give a folder.");
            if (use is PathUse.File or PathUse.Files or PathUse.Data && !File.Exists(file))
                return Wrong(DiagnosticCodes.PolicyFileMissing, $"{what} is {name}, {Missing(context.Folder, file)}");
        }

        return new(text, full, at) { Files = files };
    }

    // Files below the folder that match, in ordinal order of their paths; '**' stands for any folders that are no
    // links.
    private static ImmutableArray<string> Matches(string folder, string pattern, out bool endless)
    {
        var everything = new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = true };
        var found = new SortedSet<string>(StringComparer.Ordinal);
        var seen = 0;
        Walk(new DirectoryInfo(folder), pattern.Split(Path.DirectorySeparatorChar));
        endless = seen > MaxSeen;
        return [.. found];

        void Walk(DirectoryInfo here, ReadOnlySpan<string> parts)
        {
            if (!here.Exists)
                return;
            var anyDepth = parts[0] == "**";
            if (anyDepth && parts.Length > 1)
                Walk(here, parts[1..]);
            foreach (var entry in here.EnumerateFileSystemInfos("*", everything))
            {
                if (++seen > MaxSeen || found.Count > MaxFiles)
                    return;
                if (!IsMatch(anyDepth ? "*" : parts[0], entry.Name))
                    continue;
                if (entry is not DirectoryInfo sub)
                {
                    if (parts.Length == 1)
                        found.Add(entry.FullName);
                }
                else if (anyDepth)
                {
                    if (sub.LinkTarget is null)
                        Walk(sub, parts);
                }
                else if (parts.Length > 1)
                {
                    if (sub.LinkTarget is null || StaysInside(sub))
                        Walk(sub, parts[1..]);
                    else
                        found.Add(sub.FullName); // it will be refused; what lies behind it is nobody's business
                }
            }
        }

        bool StaysInside(DirectoryInfo link) =>
            RealPaths.Follow(folder) is { } root
            && RealPaths.Follow(link.FullName) is { } real
            && RealPaths.IsInside(root, real, orEqual: true);
    }

    private static bool IsMatch(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)
        && (name[0] != '.' || pattern[0] == '.');

    private static string Missing(string root, string file)
    {
        if (file.Contains('*', StringComparison.Ordinal))
            return "a pattern; give one file.";
        var folder = Path.GetDirectoryName(file)!;
        if (!Directory.Exists(folder))
            return $"which does not exist; the folder {Wording.Quote(Relative(root, folder))} does not either.";
        var names = Directory.EnumerateFiles(folder).Take(1000).Select(f => Path.GetFileName(f)!);
        return Wording.Nearest(Path.GetFileName(file), names) is { } near
            ? $"which does not exist; did you mean {Wording.Quote(Relative(root, Path.Combine(folder, near)))}?"
            : "which does not exist; paths are relative to the policy's folder.";
    }

    private static string Relative(string root, string file) =>
        Path.GetRelativePath(root, file).Replace(Path.DirectorySeparatorChar, '/');
}
