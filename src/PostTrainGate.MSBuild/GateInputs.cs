using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace PostTrainGate.MSBuild;

/// <summary>
/// What a check depends on: the files that the last one read, the tool, and how it is called. The engine writes the
/// list: an absolute path a line, and for patterns also <c>glob:PATTERN</c>, so that a new file that matches counts as
/// a change.
/// </summary>
internal sealed class GateInputs
{
    private const string GlobPrefix = "glob:";

    private GateInputs(string[] files, string fingerprint) => (Files, Fingerprint) = (files, fingerprint);

    /// <summary>Absolute paths, sorted.</summary>
    public string[] Files { get; }

    /// <summary>
    /// Changes when a file appears, goes, or gets another size or time (older ones too), or when the call is another.
    /// </summary>
    public string Fingerprint { get; }

    /// <summary>Reads the list of the last check, if there was one, and looks at the files now.</summary>
    public static GateInputs Read(string policy, string list, string tool, string call)
    {
        var files = new SortedSet<string>(StringComparer.Ordinal) { policy };
        foreach (var line in File.Exists(list) ? File.ReadAllLines(list) : [])
        {
            if (line.StartsWith(GlobPrefix, StringComparison.Ordinal))
                files.UnionWith(Glob(line.Substring(GlobPrefix.Length)));
            else if (line.Length > 0)
                files.Add(line);
        }
        if (tool.Length > 0)
        {
            files.Add(tool);
            if (Directory.Exists(Path.GetDirectoryName(tool)))
                files.UnionWith(Directory.GetFiles(Path.GetDirectoryName(tool), "*.dll"));
        }
        return new([.. files], Hash(files, call));
    }

    private static string Hash(IEnumerable<string> files, string call)
    {
        var text = new StringBuilder(call);
        foreach (var path in files)
        {
            var file = new FileInfo(path);
            text.Append('\n').Append(path);
            if (file.Exists)
                text.AppendFormat(CultureInfo.InvariantCulture, "|{0}|{1}", file.Length, file.LastWriteTimeUtc.Ticks);
        }
        using var sha = SHA256.Create();
        return BitConverter.ToString(sha.ComputeHash(Encoding.UTF8.GetBytes(text.ToString()))).Replace("-", "");
    }

    /// <summary>
    /// Files of an absolute pattern as policies have them: <c>*</c> and <c>?</c> within a name, <c>**</c> for any
    /// folders.
    /// </summary>
    private static IEnumerable<string> Glob(string pattern)
    {
        var names = (pattern.EndsWith("**", StringComparison.Ordinal) ? pattern + "/*" : pattern)
            .Replace('\\', '/')
            .Split('/');
        var fixedNames = names.TakeWhile(n => n.IndexOfAny(['*', '?']) < 0).Count();
        return Walk(new DirectoryInfo(string.Join("/", names.Take(fixedNames)) + "/"), [.. names.Skip(fixedNames)]);
    }

    private static IEnumerable<string> Walk(DirectoryInfo folder, string[] names)
    {
        if (names.Length == 0 || !folder.Exists)
            return [];
        var below = names.Skip(1).ToArray();
        var folders = folder.EnumerateDirectories();
        if (names[0] == "**") // links are not followed: they may go round in circles
            return Walk(folder, below)
                .Concat(
                    folders
                        .Where(d => !d.Attributes.HasFlag(FileAttributes.ReparsePoint))
                        .SelectMany(d => Walk(d, names))
                );
        var name = new Regex(
            "^" + Regex.Escape(names[0]).Replace(@"\*", ".*").Replace(@"\?", ".") + "$",
            RegexOptions.CultureInvariant | RegexOptions.Singleline
        );
        return below.Length == 0
            ? folder.EnumerateFiles().Where(f => name.IsMatch(f.Name)).Select(f => f.FullName)
            : folders.Where(d => name.IsMatch(d.Name)).SelectMany(d => Walk(d, below));
    }
}
