using System.Collections.Immutable;
using System.Data.Common;
using System.Text;
using System.Text.RegularExpressions;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>
/// The names of columns as the files have them. DuckDB gives a column another name where one has none or that of another
/// column, and tells nobody: it does not tell apart names that differ by case, nor, in CSV, by blanks around them.
/// </summary>
internal static partial class ColumnNames
{
    /// <summary>Columns of the first file that have no name there: what they are called instead, and where.</summary>
    /// <exception cref="GateException">PTG3002: two columns of a file have one name.</exception>
    public static ImmutableArray<(string Name, string Place)> Check(Table table, PolicyPath source)
    {
        var unnamed = ImmutableArray.CreateBuilder<(string, string)>();
        foreach (var (file, names, line) in Read(table, source))
        {
            Alike(source, file, names, line);
            if (file == source.Files[0] && names.Length == table.Columns.Length)
                unnamed.AddRange(
                    names
                        .Index()
                        .Where(n => n.Item.Trim().Length == 0)
                        .Select(n => (table.Columns[n.Index].Name, $"column {n.Index + 1}{line}"))
                );
        }

        return unnamed.ToImmutable();
    }

    /// <summary>What to say of inputs that have no name in the file.</summary>
    public static IEnumerable<Diagnostic> Unnamed(Table table, IEnumerable<TableColumn> inputs, PolicyPath source) =>
        table
            .Unnamed.Where(u => inputs.Any(c => c.Name == u.Name))
            .Take(10)
            .Select(u => new Diagnostic(
                DiagnosticCodes.DataColumn,
                $"An input of {Wording.Quote(source.Text)} has no name, {u.Place}, and is called '{u.Name}' here; name "
                    + $"it, or leave it out with 'features.except: [{u.Name}]' if it only counts the rows.",
                source.Position,
                Severity.Warning
            ));

    private static void Alike(PolicyPath source, string file, string[] names, string? line)
    {
        var first = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var (i, name) in names.Index())
        {
            if (name.Trim().Length == 0 || first.TryAdd(name.Trim(), i))
                continue;
            var other = names[first[name.Trim()]];
            var where = source.Files.Length == 1 ? source.Text : Path.GetFileName(file);
            var what =
                name == other
                    ? $"has two columns {Wording.Quote(name)}"
                    : $"has the columns {Wording.Quote(other)} and {Wording.Quote(name)}, whose names differ by case or "
                        + "blanks only";
            var places = line is null ? "" : $": columns {first[name.Trim()] + 1} and {i + 1}{line}";
            throw source.Position.Error(
                DiagnosticCodes.DataColumn,
                $"{Wording.Quote(where)} {what}{places}; rename or remove one."
            );
        }
    }

    // The names of each file; null instead of the line where they have no order either.
    private static IEnumerable<(string File, string[] Names, string? Line)> Read(Table table, PolicyPath source)
    {
        var first = source.Files[0];
        return CsvShape.Is(first) ? OfCsv(table, source.Files)
            : Table.IsParquet(first) ? OfParquet(table, source.Files)
            : OfJson(table, source.Files);
    }

    // A header that does not have as many columns as were read is none.
    private static IEnumerable<(string, string[], string?)> OfCsv(Table table, ImmutableArray<string> files)
    {
        char? delimiter = null;
        foreach (var file in files)
        {
            if (CsvShape.Header(file) is not var (line, text))
            {
                if (Packed(table, file) is { } names)
                    yield return (file, names, "");
                continue;
            }

            delimiter ??= CsvShape
                .Delimiters.Cast<char?>()
                .FirstOrDefault(d => Split(text, d!.Value).Length == table.Columns.Length);
            if (delimiter is not { } found)
                yield break;
            yield return (file, Split(text, found), $" of line {line}");
        }
    }

    // Of a file that only DuckDB unpacks: its first row, read as values.
    private static string[]? Packed(Table table, string file)
    {
        try
        {
            return table
                .Query(
                    $"SELECT * FROM read_csv({Table.Literal(file)}, header = false, all_varchar = true) LIMIT 1",
                    r => Enumerable.Range(0, r.FieldCount).Select(i => r.IsDBNull(i) ? "" : r.GetString(i)).ToArray()
                )
                .FirstOrDefault();
        }
        catch (DbException)
        {
            return null; // it was read, though in another way
        }
    }

    private static string[] Split(string line, char delimiter)
    {
        var names = new List<string>();
        var name = new StringBuilder();
        var quoted = false;
        foreach (var c in line)
        {
            if (c == delimiter && !quoted)
            {
                names.Add(Bare(name));
                name.Clear();
                continue;
            }

            name.Append(c);
            quoted ^= c == '"';
        }

        return [.. names, Bare(name)];

        static string Bare(StringBuilder name) =>
            name.ToString().Trim() is ['"', .. var inner, '"']
                ? inner.Replace("\"\"", "\"", StringComparison.Ordinal)
                : name.ToString();
    }

    private static IEnumerable<(string, string[], string?)> OfParquet(Table table, ImmutableArray<string> files)
    {
        var schemas = table
            .Query($"SELECT file_name, name, coalesce(num_children, 0) FROM parquet_schema({Table.List(files)})", r =>
                (File: r.GetString(0), Name: r.GetString(1), Children: (int)r.GetInt64(2))
            )
            .GroupBy(s => s.File);
        foreach (var file in schemas)
        {
            var nodes = file.ToArray(); // a node, then all below it; the first is the whole row
            List<string> names = [];
            for (var i = 1; i < nodes.Length; i = After(i))
                names.Add(nodes[i].Name);
            yield return (file.Key, [.. names], "");

            int After(int node)
            {
                var next = node + 1;
                for (var child = 0; child < nodes[node].Children; child++)
                    next = After(next);
                return next;
            }
        }
    }

    // Records are read once more only where a name looks made up.
    private static IEnumerable<(string, string[], string?)> OfJson(Table table, ImmutableArray<string> files)
    {
        var names = table.Columns.Select(c => c.Name.Trim()).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var isSuspect =
            names.Count < table.Columns.Length
            || table.Columns.Any(c =>
                Numbered().Match(c.Name) is { Success: true } m && names.Contains(m.Groups[1].Value)
            );
        if (!isSuspect)
            return [];
        var keys = table.Texts(
            $"SELECT DISTINCT unnest(json_keys(json)) AS key FROM read_json_objects({Table.List(files)}) ORDER BY key"
        );
        return [(files[0], [.. keys], null)];
    }

    [GeneratedRegex("^(.*)_[0-9]+$")]
    private static partial Regex Numbered();
}
