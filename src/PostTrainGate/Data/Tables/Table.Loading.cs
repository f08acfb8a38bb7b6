using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>How tables come from files and arrays.</summary>
internal sealed partial class Table
{
    // All that DuckDB guesses in text, less BOOLEAN: it takes yes, no, t and f for one and their spelling would be
    // lost.
    private const string CsvOptions =
        "header = true, skip = 0, auto_type_candidates = ['BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']";

    // All columns, where others are put in the statement that reads a file when some turn out to be of another type.
    private const string Everything = "/* all */ *";

    /// <summary>Whether the files are of a kind that DuckDB reads.</summary>
    public static bool Reads(string file) => Reader(file) is not null;

    /// <summary>Reads CSV, Parquet or JSON.</summary>
    public static Table Load(PolicyPath source) => Named(Load(source, "TABLE"), source);

    /// <summary>The same without holding the rows: each query reads the files anew.</summary>
    public static Table Stream(PolicyPath source) => Named(Load(source, "VIEW"), source);

    private static Table Named(Table table, PolicyPath source) =>
        ReadOrDispose(table, source, () => table.Unnamed = ColumnNames.Check(table, source));

    /// <summary>How many rows each file has; files without rows are left out.</summary>
    public static Dictionary<string, long> RowsByFile(PolicyPath source)
    {
        using var table = Load(source, "TABLE", "filename AS file, count(*) AS n", " GROUP BY ALL");
        return table.Query("SELECT file, n FROM source", r => (r.GetString(0), r.GetInt64(1))).ToDictionary();
    }

    private static Table Load(PolicyPath source, string kind, string columns = Everything, string end = "")
    {
        Unpacking.Check(source);
        // Types are guessed from the first rows, which is twice as fast as from all, and from all where a later row
        // does not fit.
        var sampled = IsCsv(source.Files[0]);
        try
        {
            return Create(source.Files, Sql(sampled ? 100_000 : -1), source);
        }
        catch (GateException) when (sampled)
        {
            return Create(source.Files, Sql(-1), source);
        }

        string Sql(int sample)
        {
            var dialect = IsCsv(source.Files[0]) ? CsvShape.WideDialect(source.Files[0]) : "";
            return $"CREATE {kind} source AS SELECT {columns} FROM "
                + string.Format(
                    CultureInfo.InvariantCulture,
                    Reader(source.Files[0])!,
                    List(source.Files),
                    sample,
                    dialect
                )
                + end;
        }
    }

    /// <summary>A table of arrays of one axis and equal length.</summary>
    public static Table FromArrays(IReadOnlyDictionary<string, Tensor> arrays, PolicyPath source)
    {
        var columns = arrays.Select(a => (Sql: Identifier(a.Key), Array: a.Value)).ToArray();
        var typed = columns.Select(c => $"{c.Sql} {SqlType(c.Array)}");
        var table = Create([], $"CREATE TABLE source ({string.Join(", ", typed)})", source);
        using var scope = NewDisposeScope();
        var whole = columns
            .Select(c => c.Array.is_floating_point() ? null : c.Array.to(int64).data<long>().ToArray())
            .ToArray();
        var real = columns
            .Select(c => c.Array.is_floating_point() ? c.Array.to(float64).data<double>().ToArray() : null)
            .ToArray();
        var rows = columns.Length == 0 ? 0 : (int)columns[0].Array.shape[0];
        using (var appender = table._db.CreateAppender("source"))
        {
            for (var row = 0; row < rows; row++)
            {
                var line = appender.CreateRow();
                for (var c = 0; c < columns.Length; c++)
                {
                    if (real[c] is { } values)
                        line.AppendValue(values[row]);
                    else if (columns[c].Array.dtype == ScalarType.Bool)
                        line.AppendValue(whole[c]![row] != 0);
                    else
                        line.AppendValue(whole[c]![row]);
                }

                line.EndRow();
            }
        }

        table.Describe();
        return table;

        static string SqlType(Tensor array) =>
            array.is_floating_point() ? "DOUBLE"
            : array.dtype == ScalarType.Bool ? "BOOLEAN"
            : "BIGINT";
    }

    /// <summary>A table of columns of text of equal length.</summary>
    public static Table FromArrays(IReadOnlyDictionary<string, string[]> texts, PolicyPath source)
    {
        var table = Create(
            [],
            $"CREATE TABLE source ({string.Join(", ", texts.Keys.Select(name => $"{Identifier(name)} VARCHAR"))})",
            source
        );
        using (var appender = table._db.CreateAppender("source"))
        {
            for (var row = 0; row < texts.Values.First().Length; row++)
            {
                var line = appender.CreateRow();
                foreach (var column in texts.Values)
                    line.AppendValue(column[row]);
                line.EndRow();
            }
        }

        table.Describe();
        return table;
    }

    private static Table Create(ImmutableArray<string> files, string sql, PolicyPath source)
    {
        var table = new Table(ClosedDatabase.Create(), source);
        return ReadOrDispose(table, source, () =>
        {
            ClosedDatabase.Open(table._db, DataLimits.TableMemory, files);
            table.Run(sql);
            table.Describe();
            if (files is not [var first, ..] || !IsCsv(first))
                return;
            if (table.Columns.Length == 1 && TableProblem.OneColumn(source) is { } fault)
                throw fault;
            table.TurnTruthValues(sql);
        });
    }

    // The table once it is read, or none.
    private static Table ReadOrDispose(Table table, PolicyPath source, Action read)
    {
        try
        {
            read();
            return table;
        }
        catch (DbException e)
        {
            table.Dispose();
            throw TableProblem.Unreadable(source, e);
        }
        catch
        {
            table.Dispose();
            throw;
        }
    }

    private static string? Reader(string file)
    {
        var name = file.ToLowerInvariant();
        if (Path.GetExtension(name) is ".gz" or ".zst")
            name = Path.GetFileNameWithoutExtension(name);
        return Path.GetExtension(name) switch
        {
            ".csv" or ".tsv" => $"read_csv({{0}}, {CsvOptions}, sample_size = {{1}}{{2}})",
            ".parquet" => "read_parquet({0})",
            ".json" or ".jsonl" or ".ndjson" => "read_json({0}, sample_size = {1})",
            _ => null,
        };
    }

    private static bool IsCsv(string file) => Reader(file)!.StartsWith("read_csv", StringComparison.Ordinal);

    /// <summary>Whether DuckDB reads a file as Parquet.</summary>
    public static bool IsParquet(string file) => Reader(file)!.StartsWith("read_parquet", StringComparison.Ordinal);

    private void Describe()
    {
        using var command = Command(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'source' ORDER BY "
                + "ordinal_position"
        );
        using var reader = command.ExecuteReader();
        var columns = ImmutableArray.CreateBuilder<TableColumn>();
        while (reader.Read())
            columns.Add(new(reader.GetString(0), reader.GetString(1)));
        Columns = columns.ToImmutable();
        if (Columns.Length > DataLimits.Columns)
            throw TooLarge($"{Columns.Length} columns; the limit is {DataLimits.Columns}");
        var rows = Long("SELECT count(*) FROM source");
        if (rows > DataLimits.Rows)
            throw TooLarge($"{rows} rows; the limit is {DataLimits.Rows}");
        Rows = (int)rows;

        GateException TooLarge(string what) =>
            _source.Position.Error(DiagnosticCodes.DataUnreadable, $"{Wording.Quote(_source.Text)} has {what}.");
    }

    // Text columns of true and false in any case are truth values. Of a view every value is read for it, so that one
    // that is not of its column's type is found here, whichever columns are asked for later.
    private void TurnTruthValues(string create)
    {
        var isView = create.StartsWith("CREATE VIEW", StringComparison.Ordinal);
        var read = Columns.Where(c => isView || c.Kind == ColumnKind.Text).ToArray();
        if (read.Length == 0)
            return;
        var tests = read.Select(c =>
            c.Kind == ColumnKind.Text ? $"bool_and(lower({c.Sql}) IN ('true', 'false'))" : $"count({c.Sql}) < 0"
        );
        var truths = Query($"SELECT {string.Join(", ", tests)} FROM source", r =>
                read.Where((_, i) => !r.IsDBNull(i) && r.GetBoolean(i)).ToHashSet()
            )
            .Single();
        if (truths.Count == 0)
            return;
        // Each by name: the time that '* REPLACE' takes grows with the square of the columns.
        var all = string.Join(
            ", ",
            Columns.Select(c => truths.Contains(c) ? $"CAST({c.Sql} AS BOOLEAN) AS {c.Sql}" : c.Sql)
        );
        if (isView)
            Run(
                create
                    .Replace("CREATE VIEW", "CREATE OR REPLACE VIEW", StringComparison.Ordinal)
                    .Replace(Everything, all, StringComparison.Ordinal)
            );
        else
            Run(
                $"CREATE TABLE turned AS SELECT {all} FROM source; DROP TABLE source; "
                    + "ALTER TABLE turned RENAME TO source"
            );
        Describe();
    }
}
