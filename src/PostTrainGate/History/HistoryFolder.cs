using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using System.Text.RegularExpressions;
using DuckDB.NET.Data;
using PostTrainGate.Data;
using PostTrainGate.Foundation;

namespace PostTrainGate.History;

/// <summary>What was read of a history.</summary>
/// <param name="Rows">Rows of all files, the oldest first.</param>
/// <param name="Refused">A diagnostic for each file that is no part of a history.</param>
internal sealed record HistoryRead(ImmutableArray<HistoryRow> Rows, ImmutableArray<Diagnostic> Refused);

/// <summary>
/// A history of results: a folder of Parquet files, one a run, so that adding a run changes no file that is there and
/// two branches of it merge by themselves; months that have ended may become one file each. Any tool that reads Parquet
/// can query it.
/// </summary>
/// <param name="root">The folder.</param>
internal sealed partial class HistoryFolder(string root)
{
    private const string Memory = "1GiB";
    private const string MonthFile = "month.parquet";
    private const int MostFiles = 20_000; // the newest ones
    private const int MostRows = 2_000_000;
    private const long LargestFile = 64L << 20;

    /// <summary>
    /// Adds a run as a file of its own, whole or not at all. The same run once more replaces its file.
    /// </summary>
    /// <param name="rows">The gates of one run, at least one.</param>
    /// <returns>Path of the file.</returns>
    /// <exception cref="GateException">PTG6006: it cannot be written.</exception>
    public string Append(ImmutableArray<HistoryRow> rows)
    {
        var path = FileOf(rows);
        try
        {
            AtomicFile.WriteFile(path, temporary => Write(temporary, rows));
            return path;
        }
        catch (Exception e) when (e is DbException or IOException or UnauthorizedAccessException)
        {
            throw new GateException(Problem(path, $"The run cannot be added to the history: {Line(e)}"), e);
        }
    }

    /// <summary>The file that holds a run, whether or not it is there: one run is always the same file.</summary>
    internal string FileOf(ImmutableArray<HistoryRow> rows)
    {
        var first = rows[0];
        var commit = first.Commit is { } known && known.All(char.IsAsciiLetterOrDigit) ? known : "unknown";
        var id = new HistorySource(first.Policy, first.Leg).Id;
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"{first.Time:yyyyMMdd'T'HHmmss'Z'}-{commit[..Math.Min(12, commit.Length)]}-{id}.parquet"
        );
        return Path.Combine(FolderOf(first.Time), name);
    }

    /// <summary>
    /// Makes one file of those of each month that has ended, so that years of runs are some dozens of files. Rows stay
    /// as they are; a month with a file that is no part of a history is left alone.
    /// </summary>
    /// <param name="now">The month of this time goes on.</param>
    /// <returns>Number of files that were there before, and that are now, and a diagnostic for each month left.</returns>
    /// <exception cref="GateException">PTG6006: the folder cannot be read, or a file not be written.</exception>
    public (int Before, int After, ImmutableArray<Diagnostic> Refused) Compact(DateTimeOffset now)
    {
        var current = FolderOf(now);
        var (before, after) = (0, 0);
        List<Diagnostic> refused = [];
        foreach (var month in List().GroupBy(f => Path.GetDirectoryName(f)!))
        {
            string[] files = [.. month];
            before += files.Length;
            var ended = IsMonth(month.Key) && month.Key != current;
            var problem = ended ? Merge(files) : null;
            if (problem is not null)
                refused.Add(problem);
            after += ended && problem is null ? 1 : files.Length;
        }

        return (before, after, [.. refused]);

        bool IsMonth(string folder) => MonthFolder().IsMatch(Path.GetRelativePath(root, folder).Replace('\\', '/'));
    }

    // The whole month is written before the first of its files goes, and rows that are there twice are read once.
    private static Diagnostic? Merge(string[] files)
    {
        if (files.Length == 1)
            return null;
        var path = Path.Combine(Path.GetDirectoryName(files[0])!, MonthFile);
        try
        {
            var rows = Sorted(Query(files));
            AtomicFile.WriteFile(path, temporary => Write(temporary, rows));
            foreach (var file in files.Where(f => f != path))
                File.Delete(file);
            return null;
        }
        catch (Exception e) when (e is DbException or FormatException or InvalidCastException)
        {
            var folder = Path.GetDirectoryName(path)!;
            return Problem(folder, $"The month is left as it is, for a file is no part of a history: {Line(e)}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GateException(Problem(path, $"The files of a month cannot become one: {Line(e)}"), e);
        }
    }

    /// <summary>Reads the newest files. One that is no part of a history is refused by its name, and the others are read.</summary>
    /// <exception cref="GateException">PTG6006: the folder cannot be read.</exception>
    public HistoryRead Read()
    {
        var files = List();
        List<Diagnostic> refused = [];
        try
        {
            // All at once, which is many times as fast; one by one where a file is in the way.
            return new(Sorted(Query(files)), []);
        }
        catch (Exception e) when (IsFault(e)) { }

        List<HistoryRow> rows = [];
        foreach (var file in files)
        {
            try
            {
                rows.AddRange(Query([file]));
            }
            catch (Exception e) when (IsFault(e))
            {
                refused.Add(Problem(file, $"The file is no part of a history of results: {Line(e)}"));
            }
        }

        return new(Sorted(rows), [.. refused]);
    }

    private string FolderOf(DateTimeOffset time) =>
        Path.Combine(
            root,
            time.UtcDateTime.ToString("yyyy", CultureInfo.InvariantCulture),
            time.UtcDateTime.ToString("MM", CultureInfo.InvariantCulture)
        );

    private string[] List()
    {
        try
        {
            var all = new EnumerationOptions
            {
                RecurseSubdirectories = true,
                IgnoreInaccessible = false,
                AttributesToSkip = FileAttributes.ReparsePoint, // a link may lead anywhere
            };
            return
            [
                .. Directory
                    .EnumerateFiles(root, "*.parquet", all)
                    .Order(StringComparer.Ordinal) // names begin with the time
                    .TakeLast(MostFiles),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GateException(Problem(root, $"The history cannot be read: {Line(e)}"), e);
        }
    }

    private static IReadOnlyList<HistoryRow> Query(IReadOnlyCollection<string> files)
    {
        if (files.Count == 0)
            return [];
        if (files.FirstOrDefault(f => new FileInfo(f).Length > LargestFile) is not null)
            throw new FormatException($"it is larger than {LargestFile >> 20} MiB");
        using var db = ClosedDatabase.Create();
        ClosedDatabase.Open(db, Memory, files);
        var columns = HistoryColumns.All.Select(c => $"CAST({Quoted(c)} AS {c.Type}) AS {Quoted(c)}");
        var list = string.Join(", ", files.Select(Table.Literal));
        using var command = new DuckDBCommand(
            $"SELECT {string.Join(", ", columns)} FROM read_parquet([{list}], hive_partitioning = false) "
                + $"LIMIT {MostRows + 1}",
            db
        );
        using var reader = command.ExecuteReader();
        List<HistoryRow> rows = [];
        while (reader.Read())
            rows.Add(HistoryColumns.Read(reader));
        return rows.Count <= MostRows ? rows : throw new FormatException($"it has more than {MostRows} rows");
    }

    private static void Write(string file, ImmutableArray<HistoryRow> rows)
    {
        using var db = ClosedDatabase.Create();
        ClosedDatabase.Open(db, Memory, [file]);
        var columns = HistoryColumns.All;
        Run($"CREATE TABLE runs ({string.Join(", ", columns.Select(c => $"{Quoted(c)} {c.Type}"))})", []);
        var marks = string.Join(", ", columns.Select(_ => "?"));
        foreach (var row in rows)
            Run($"INSERT INTO runs VALUES ({marks})", columns.Select(c => c.Of(row)));
        Run($"COPY runs TO {Table.Literal(file)} (FORMAT parquet, COMPRESSION zstd)", []);

        void Run(string sql, IEnumerable<object?> values)
        {
            using var command = new DuckDBCommand(sql, db);
            foreach (var value in values)
                command.Parameters.Add(new DuckDBParameter(value ?? DBNull.Value));
            command.ExecuteNonQuery();
        }
    }

    private static ImmutableArray<HistoryRow> Sorted(IEnumerable<HistoryRow> rows) =>
        [.. rows.Distinct().OrderBy(r => r.Time)];

    private static string Quoted(HistoryColumns.Column column) => Table.Identifier(column.Name);

    private static bool IsFault(Exception e) =>
        e is DbException or FormatException or InvalidCastException or IOException or UnauthorizedAccessException;

    private static string Line(Exception e) => $"{e.Message.Split('\n')[0].TrimEnd('.', ' ')}.";

    private static Diagnostic Problem(string file, string message) =>
        new(DiagnosticCodes.HistoryUnusable, message, new SourcePosition(file, 0, 0));

    [GeneratedRegex(@"\A\d{4}/\d{2}\z")]
    private static partial Regex MonthFolder();
}
