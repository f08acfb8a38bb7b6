using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace PostTrainGate.MSBuild;

/// <summary>
/// What a check depends on: the files that the last one read, the tool, and how it is called. The engine writes the list: an absolute path
/// a line, and for patterns also <c>glob:PATTERN</c>, so that a new file that matches counts as a change.
/// </summary>
internal sealed class GateInputs
{
    private const string GlobPrefix = "glob:";

    private GateInputs(string[] files, string fingerprint) => (Files, Fingerprint) = (files, fingerprint);

    /// <summary>Absolute paths, sorted.</summary>
    public string[] Files { get; }

    /// <summary>Changes when a file appears, goes, or gets another size or time (older ones too), or when the call is another.</summary>
    public string Fingerprint { get; }

    /// <summary>Reads the list of the last check, if there was one, and looks at the files now.</summary>
    public static GateInputs Read(string policy, string list, string tool, string call)
    {
        var files = new SortedSet<string>(StringComparer.Ordinal) { policy };
        foreach (var line in File.Exists(list) ? File.ReadAllLines(list) : [])
        {
            if (line.StartsWith(GlobPrefix, StringComparison.Ordinal)) files.UnionWith(Glob(line.Substring(GlobPrefix.Length)));
            else if (line.Length > 0) files.Add(line);
        }
        if (tool.Length > 0)
        {
            files.Add(tool);
            if (Directory.Exists(Path.GetDirectoryName(tool))) files.UnionWith(Directory.GetFiles(Path.GetDirectoryName(tool), "*.dll"));
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
            if (file.Exists) text.AppendFormat(CultureInfo.InvariantCulture, "|{0}|{1}", file.Length, file.LastWriteTimeUtc.Ticks);
        }
        using var sha = SHA256.Create();
        return BitConverter.ToString(sha.ComputeHash(Encoding.UTF8.GetBytes(text.ToString()))).Replace("-", "");
    }

    /// <summary>Files of an absolute pattern with <c>*</c>, <c>?</c>, <c>[...]</c> and <c>**</c>, as DuckDB understands it.</summary>
    internal static IEnumerable<string> Glob(string pattern)
    {
        pattern = pattern.Replace('\\', '/');
        var wild = pattern.IndexOfAny(['*', '?', '[']);
        if (wild < 0) return File.Exists(pattern) ? [Path.GetFullPath(pattern)] : [];
        var root = pattern.Substring(0, pattern.LastIndexOf('/', wild) + 1);
        var rest = pattern.Substring(root.Length);
        if (!Directory.Exists(root)) return [];
        var name = new Regex("^" + Expression(rest) + "$", RegexOptions.CultureInvariant);
        var depth = rest.Contains('/') ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly;
        return Directory.EnumerateFiles(root, "*", depth).Where(f => name.IsMatch(f.Substring(root.Length).Replace('\\', '/')));
    }

    private static string Expression(string glob) => Regex.Replace(Regex.Escape(glob), @"\\\*\\\*/|\\\*\\\*|\\\*|\\\?|\\\[.+?]", wild => wild.Value switch
    {
        @"\*\*/" => "(?:.*/)?",
        @"\*\*" => ".*",
        @"\*" => "[^/]*",
        @"\?" => "[^/]",
        var set => "[" + Regex.Unescape(set.Substring(2)).Replace("[", @"\[").Replace("!", "^"),
    });
}
