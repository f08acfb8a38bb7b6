using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using Apache.Arrow;
using DuckDB.NET.Data;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>What a column of a table can be for the gate.</summary>
internal enum ColumnKind
{
    Number,
    Boolean,
    Text,

    /// <summary>Dates, lists and the like: conditions may use them, inputs may not.</summary>
    Other,
}

/// <summary>A column of a table.</summary>
internal sealed record TableColumn(string Name, string Type)
{
    public ColumnKind Kind => Type switch
    {
        "BOOLEAN" => ColumnKind.Boolean,
        "VARCHAR" => ColumnKind.Text,
        "TINYINT" or "SMALLINT" or "INTEGER" or "BIGINT" or "HUGEINT" or "UTINYINT" or "USMALLINT" or "UINTEGER" or "UBIGINT" or "UHUGEINT"
            or "FLOAT" or "DOUBLE" => ColumnKind.Number,
        _ when Type.StartsWith("DECIMAL", StringComparison.Ordinal) => ColumnKind.Number,
        _ when Type.StartsWith("ENUM", StringComparison.Ordinal) => ColumnKind.Text,
        _ => ColumnKind.Other,
    };

    public bool IsFloating => Type is "FLOAT" or "DOUBLE";

    public bool IsFractional => IsFloating || Type.StartsWith("DECIMAL", StringComparison.Ordinal);

    /// <summary>The name as SQL writes it.</summary>
    public string Sql => Table.Identifier(Name);
}

/// <summary>A column as numbers: the distinct values as text, and per row the index of its value, -1 where it is missing.</summary>
internal sealed record Codes(ImmutableArray<string> Values, int[] Index);

/// <summary>How a column becomes numbers, in two steps, so that rows may be grouped in between.</summary>
/// <param name="Values">The distinct values as text.</param>
/// <param name="Key">SQL of a row's value.</param>
/// <param name="Code">From the SQL of a value to that of its index in <paramref name="Values"/>, -1 where it is missing.</param>
internal sealed record Coding(ImmutableArray<string> Values, string Key, Func<string, string> Code)
{
    /// <summary>SQL of a row's index.</summary>
    public string Sql => Code(Key);
}

/// <summary>
/// Rows in the memory of a DuckDB of their own, which reaches no file but those it was loaded from, no network and no extension.
/// Columns come out whole, through Arrow batches, in the order of the files.
/// </summary>
internal sealed class Table : IDisposable
{
    // All that DuckDB guesses in text, less BOOLEAN: it takes yes, no, t and f for one and their spelling would be lost.
    private const string CsvOptions =
        "header = true, skip = 0, auto_type_candidates = ['BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']";

    // Where columns of another type than the file's are put in the statement that reads it.
    private const string Replaced = "/* replaced */ ";

    private readonly DuckDBConnection _db;
    private int _types;

    private Table(DuckDBConnection db) => _db = db;

    public int Rows { get; private set; }

    public ImmutableArray<TableColumn> Columns { get; private set; }

    /// <summary>Whether the files are of a kind that DuckDB reads.</summary>
    public static bool Reads(string file) => Reader(file) is not null;

    /// <summary>Reads CSV, Parquet or JSON.</summary>
    public static Table Load(PolicyPath source) => Load(source, "TABLE");

    /// <summary>The same without holding the rows: each query reads the files anew.</summary>
    public static Table Stream(PolicyPath source) => Load(source, "VIEW");

    private static Table Load(PolicyPath source, string kind)
    {
        // Types are guessed from the first rows, which is twice as fast as from all, and from all where a later row does not fit.
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
            var list = $"[{string.Join(", ", source.Files.Select(Literal))}]";
            return $"CREATE {kind} source AS SELECT * {Replaced}FROM {string.Format(CultureInfo.InvariantCulture, Reader(source.Files[0])!, list, sample)}";
        }
    }

    /// <summary>A table of arrays of one axis and equal length.</summary>
    public static Table Of(IReadOnlyDictionary<string, Tensor> arrays, PolicyPath source)
    {
        var columns = arrays.Select(a => (Sql: Identifier(a.Key), Array: a.Value)).ToArray();
        var typed = columns.Select(c => $"{c.Sql} {SqlType(c.Array)}");
        var table = Create([], $"CREATE TABLE source ({string.Join(", ", typed)})", source);
        using var scope = NewDisposeScope();
        var whole = columns.Select(c => c.Array.is_floating_point() ? null : c.Array.to(int64).data<long>().ToArray()).ToArray();
        var real = columns.Select(c => c.Array.is_floating_point() ? c.Array.to(float64).data<double>().ToArray() : null).ToArray();
        var rows = columns.Length == 0 ? 0 : (int)columns[0].Array.shape[0];
        using (var appender = table._db.CreateAppender("source"))
        {
            for (var row = 0; row < rows; row++)
            {
                var line = appender.CreateRow();
                for (var c = 0; c < columns.Length; c++)
                {
                    if (real[c] is { } values) line.AppendValue(values[row]);
                    else if (columns[c].Array.dtype == ScalarType.Bool) line.AppendValue(whole[c]![row] != 0);
                    else line.AppendValue(whole[c]![row]);
                }

                line.EndRow();
            }
        }

        table.Describe();
        return table;

        static string SqlType(Tensor array) => array.is_floating_point() ? "DOUBLE" : array.dtype == ScalarType.Bool ? "BOOLEAN" : "BIGINT";
    }

    /// <summary>A table of columns of text of equal length.</summary>
    public static Table Of(IReadOnlyDictionary<string, string[]> texts, PolicyPath source)
    {
        var table = Create([], $"CREATE TABLE source ({string.Join(", ", texts.Keys.Select(name => $"{Identifier(name)} VARCHAR"))})",
            source);
        using (var appender = table._db.CreateAppender("source"))
        {
            for (var row = 0; row < texts.Values.First().Length; row++)
            {
                var line = appender.CreateRow();
                foreach (var column in texts.Values) line.AppendValue(column[row]);
                line.EndRow();
            }
        }

        table.Describe();
        return table;
    }

    /// <summary>The column, or PTG3002 with the nearest name.</summary>
    public TableColumn Column(string name, string what, SourcePosition position)
    {
        if (Columns.FirstOrDefault(c => c.Name == name) is { } column) return column;
        var names = Columns.Select(c => c.Name).ToArray();
        var right = Wording.Nearest(name, names) is { } near ? $"did you mean {Wording.Quote(near)}?"
            : names.Length > 20 ? $"it has {string.Join(", ", names.Take(20).Select(Wording.Quote))} and {names.Length - 20} more."
            : $"it has {Wording.List(names.Select(Wording.Quote))}.";
        throw position.Error(DiagnosticCodes.DataColumn, $"{what} names the column {Wording.Quote(name)}, which the data lacks; {right}");
    }

    /// <summary>A column of numbers or truth values; NaN where the value is missing.</summary>
    public double[] Numbers(TableColumn column)
    {
        var values = new double[Rows];
        var at = 0;
        foreach (var batch in Batches($"SELECT CAST({column.Sql} AS DOUBLE) FROM source"))
        {
            var array = (DoubleArray)batch.Column(0);
            array.Values.CopyTo(values.AsSpan(at));
            if (array.NullCount > 0) for (var i = 0; i < array.Length; i++) if (array.IsNull(i)) values[at + i] = double.NaN;
            at += array.Length;
        }

        return values;
    }

    /// <summary>A column as codes. Values are in order: numbers by size, text by code points.</summary>
    /// <param name="column">The column.</param>
    /// <param name="numbersInText">Whether text that is all numbers is in the order of the numbers.</param>
    /// <param name="most">Most distinct values.</param>
    /// <returns>Null when there are more distinct values.</returns>
    public Codes? Codes(TableColumn column, bool numbersInText, int most) =>
        Code(column, numbersInText, most) is { } coding ? new(coding.Values, Integers(coding.Sql)) : null;

    /// <summary>The same without reading the rows' codes.</summary>
    public Coding? Code(TableColumn column, bool numbersInText, int most)
    {
        // 1.0 and 1 are the same label; what is not a number is missing.
        var value = column.IsFloating ? $"CASE WHEN isnan({column.Sql}) THEN NULL ELSE {column.Sql} END" : column.Sql;
        if (column.IsFractional && All($"abs({column.Sql}) < 1e15 AND {column.Sql} = trunc({column.Sql})", value))
            value = $"CAST({value} AS BIGINT)";
        // An estimate first, whose memory does not grow with the number of values.
        if (Long($"SELECT approx_count_distinct({value}) FROM source") > 2L * most) return null;
        var (type, texts) = ($"codes_{++_types}", $"texts_{_types}");
        Run($"CREATE TABLE {texts} AS SELECT DISTINCT {value} AS value, CAST({value} AS VARCHAR) AS text FROM source WHERE {value} IS NOT NULL");
        var distinct = Long($"SELECT count(*) FROM {texts}");
        if (distinct > most) return null;
        if (distinct == 0) return new([], value, _ => "-1");

        var numbers = numbersInText && column.Kind == ColumnKind.Text
            && (bool)Scalar($"SELECT bool_and(TRY_CAST(text AS DOUBLE) IS NOT NULL) FROM {texts}")!;
        var order = numbers ? "TRY_CAST(text AS DOUBLE), text" : column.Kind == ColumnKind.Text ? "text" : "value";
        Run($"CREATE TYPE {type} AS ENUM (SELECT text FROM {texts} ORDER BY {order})");
        return new(Texts($"SELECT unnest(enum_range(NULL::{type}))::VARCHAR"), value,
            key => $"coalesce(CAST(enum_code(CAST(CAST({key} AS VARCHAR) AS {type})) AS INTEGER), -1)");
    }

    /// <summary>Whole numbers that an expression gives, one a row.</summary>
    /// <exception cref="DuckDBException">It does not run on these rows.</exception>
    public int[] Integers(string sql)
    {
        var values = new int[Rows];
        var at = 0;
        foreach (var batch in Batches($"SELECT {sql} FROM source"))
        {
            var array = (Int32Array)batch.Column(0);
            array.Values.CopyTo(values.AsSpan(at));
            at += array.Length;
        }

        return values;
    }

    /// <summary>Whether an expression is true or false of each row, and not an aggregate of all.</summary>
    /// <exception cref="DuckDBException">It does not run on these rows.</exception>
    public bool IsOfRows(string truth) =>
        Query($"SELECT count(*), count(t) FROM (SELECT {truth} AS t FROM source)", r => r.GetInt64(0)).Single() == Rows;

    public object? Scalar(string sql)
    {
        using var command = Command(sql);
        return command.ExecuteScalar();
    }

    public long Long(string sql) => Convert.ToInt64(Scalar(sql), CultureInfo.InvariantCulture);

    public ImmutableArray<string> Texts(string sql) => Query(sql, r => r.GetString(0));

    /// <summary>A row of the answer each, read by <paramref name="read"/>.</summary>
    public ImmutableArray<T> Query<T>(string sql, Func<DbDataReader, T> read)
    {
        using var command = Command(sql);
        using var reader = command.ExecuteReader();
        var rows = ImmutableArray.CreateBuilder<T>();
        while (reader.Read()) rows.Add(read(reader));
        return rows.ToImmutable();
    }

    public static string Identifier(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    public void Dispose() => _db.Dispose();

    private static Table Create(ImmutableArray<string> files, string sql, PolicyPath source)
    {
        var table = new Table(new DuckDBConnection("DataSource=:memory:"));
        try
        {
            table._db.Open();
            table.Run($"SET allowed_paths = [{string.Join(", ", files.Select(Literal))}]");
            table.Run("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false; SET temp_directory = ''");
            table.Run("SET enable_external_access = false; SET lock_configuration = true");
            table.Run(sql.Replace(Replaced, "", StringComparison.Ordinal));
            table.Describe();
            if (files is [var first, ..] && IsCsv(first)) table.TurnTruthValues(sql);
            return table;
        }
        catch (DbException e)
        {
            table.Dispose();
            throw new GateException(new Diagnostic(DiagnosticCodes.DataUnreadable,
                $"{Wording.Quote(source.Text)} cannot be read: {FirstLine(e)}.", source.Position), e);
        }
        catch
        {
            table.Dispose();
            throw;
        }
    }

    /// <summary>What DuckDB says, without its picture of the statement.</summary>
    public static string FirstLine(DbException e) => e.Message.Split('\n', 2)[0].Trim().TrimEnd('.');

    private static string? Reader(string file)
    {
        var name = file.ToLowerInvariant();
        if (Path.GetExtension(name) is ".gz" or ".zst") name = Path.GetFileNameWithoutExtension(name);
        return Path.GetExtension(name) switch
        {
            ".csv" or ".tsv" => $"read_csv({{0}}, {CsvOptions}, sample_size = {{1}})",
            ".parquet" => "read_parquet({0})",
            ".json" or ".jsonl" or ".ndjson" => "read_json({0}, sample_size = {1})",
            _ => null,
        };
    }

    private static bool IsCsv(string file) => Reader(file)!.StartsWith("read_csv", StringComparison.Ordinal);

    private void Describe()
    {
        using var command = Command(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'source' ORDER BY ordinal_position");
        using var reader = command.ExecuteReader();
        var columns = ImmutableArray.CreateBuilder<TableColumn>();
        while (reader.Read()) columns.Add(new(reader.GetString(0), reader.GetString(1)));
        Columns = columns.ToImmutable();
        Rows = checked((int)Long("SELECT count(*) FROM source"));
    }

    // Text columns of true and false in any case are truth values. Every value is read for it, so that one that is not of its column's
    // type is found here, whichever columns are asked for later.
    private void TurnTruthValues(string create)
    {
        var read = Columns.Select(c => c.Kind == ColumnKind.Text ? $"bool_and(lower({c.Sql}) IN ('true', 'false'))"
            : $"count({c.Sql}) < 0");
        var truths = Query($"SELECT {string.Join(", ", read)} FROM source",
            r => Columns.Where((_, i) => !r.IsDBNull(i) && r.GetBoolean(i)).Select(c => c.Sql).ToArray()).Single();
        if (truths.Length == 0) return;
        var replaced = $"REPLACE ({string.Join(", ", truths.Select(c => $"CAST({c} AS BOOLEAN) AS {c}"))}) ";
        if (create.StartsWith("CREATE VIEW", StringComparison.Ordinal))
            Run(create.Replace("CREATE VIEW", "CREATE OR REPLACE VIEW", StringComparison.Ordinal)
                .Replace(Replaced, replaced, StringComparison.Ordinal));
        else
            foreach (var column in truths) Run($"ALTER TABLE source ALTER {column} TYPE BOOLEAN");
        Describe();
    }

    // Whether a condition holds of every value there is, of which there is at least one.
    private bool All(string condition, string value) =>
        (bool)Scalar($"SELECT coalesce(bool_and({condition}), false) FROM source WHERE {value} IS NOT NULL")!;

    private IEnumerable<RecordBatch> Batches(string sql)
    {
        using var command = Command(sql);
        command.UseStreamingMode = true;
        using var stream = command.ExecuteArrowStream();
        while (stream.ReadNextRecordBatchAsync().AsTask().GetAwaiter().GetResult() is { } batch)
        {
            using (batch) yield return batch;
        }
    }

    private void Run(string sql)
    {
        using var command = Command(sql);
        command.ExecuteNonQuery();
    }

    private DuckDBCommand Command(string sql) => new(sql, _db);
}
