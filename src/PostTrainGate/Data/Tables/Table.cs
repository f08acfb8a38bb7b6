using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using Apache.Arrow;
using DuckDB.NET.Data;
using PostTrainGate.Foundation;
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
    public ColumnKind Kind =>
        Type switch
        {
            "BOOLEAN" => ColumnKind.Boolean,
            "VARCHAR" => ColumnKind.Text,
            "TINYINT"
            or "SMALLINT"
            or "INTEGER"
            or "BIGINT"
            or "HUGEINT"
            or "UTINYINT"
            or "USMALLINT"
            or "UINTEGER"
            or "UBIGINT"
            or "UHUGEINT"
            or "FLOAT"
            or "DOUBLE" => ColumnKind.Number,
            _ when Type.StartsWith("DECIMAL", StringComparison.Ordinal) => ColumnKind.Number,
            _ when Type.StartsWith("ENUM", StringComparison.Ordinal) => ColumnKind.Text,
            _ => ColumnKind.Other,
        };

    public bool IsFloating => Type is "FLOAT" or "DOUBLE";

    public bool IsFractional => IsFloating || Type.StartsWith("DECIMAL", StringComparison.Ordinal);

    /// <summary>The name as SQL writes it.</summary>
    public string Sql => Table.Identifier(Name);
}

/// <summary>A column as numbers.</summary>
/// <param name="Values">The distinct values as text.</param>
/// <param name="Index">
/// Per row the index of its value, -1 where it is missing; null where there are too many values.
/// </param>
internal sealed record Codes(ImmutableArray<string> Values, int[]? Index);

/// <summary>How a column becomes numbers, in two steps, so that rows may be grouped in between.</summary>
/// <param name="Values">The distinct values as text.</param>
/// <param name="Key">SQL of a row's value.</param>
/// <param name="Code">
/// From the SQL of a value to that of its index in <paramref name="Values"/>, -1 where it is missing.
/// </param>
internal sealed record Coding(ImmutableArray<string> Values, string Key, Func<string, string> Code)
{
    /// <summary>SQL of a row's index.</summary>
    public string Sql => Code(Key);
}

/// <summary>
/// Rows in the memory of a DuckDB of their own, which reaches no file but those it was loaded from, no network and no
/// extension. Columns come out whole, through Arrow batches, in the order of the files.
/// </summary>
internal sealed class Table : IDisposable
{
    // All that DuckDB guesses in text, less BOOLEAN: it takes yes, no, t and f for one and their spelling would be
    // lost.
    private const string CsvOptions =
        "header = true, skip = 0, auto_type_candidates = ['BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']";

    // All columns, where others are put in the statement that reads a file when some turn out to be of another type.
    private const string Everything = "/* all */ *";

    private readonly DuckDBConnection _db;
    private readonly PolicyPath _source;
    private int _types;

    private Table(DuckDBConnection db, PolicyPath source) => (_db, _source) = (db, source);

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
            var list = $"[{string.Join(", ", source.Files.Select(Literal))}]";
            return $"CREATE {kind} source AS SELECT {Everything} FROM "
                + $"{string.Format(CultureInfo.InvariantCulture, Reader(source.Files[0])!, list, sample, dialect)}";
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

    /// <summary>The column, or PTG3002 with the nearest name.</summary>
    public TableColumn Column(string name, string what, SourcePosition position)
    {
        if (Columns.FirstOrDefault(c => c.Name == name) is { } column)
            return column;
        var names = Columns.Select(c => c.Name).ToArray();
        var right =
            Wording.Nearest(name, names) is { } near ? $"did you mean {Wording.Quote(near)}?"
            : names.Length > 20
                ? $"its columns are {string.Join(", ", names.Take(20).Select(Wording.Quote))} "
                    + $"and {names.Length - 20} more."
            : $"its columns are {Wording.List(names.Select(Wording.Quote))}.";
        throw position.Error(
            DiagnosticCodes.DataColumn,
            $"{what} names the column {Wording.Quote(name)}, which is not in the data; {right}"
        );
    }

    /// <summary>Columns of numbers or truth values, one after the other; NaN where a value is missing.</summary>
    public IEnumerable<double[]> Numbers(IReadOnlyList<TableColumn> columns) =>
        Together(
            columns,
            c => $"CAST({c.Sql} AS DOUBLE)",
            _ => new double[Rows],
            (values, from, batch) =>
            {
                var array = (DoubleArray)batch;
                for (var i = 0; i < array.Length; i++)
                    values[from + i] = array.GetValue(i) ?? double.NaN;
            }
        );

    /// <summary>Leaves rows out that have no value in a column; how many.</summary>
    public int Drop(IEnumerable<TableColumn> columns)
    {
        var before = Rows;
        var missing = columns.Select(c => c.IsFloating ? $"{c.Sql} IS NULL OR isnan({c.Sql})" : $"{c.Sql} IS NULL");
        Run($"DELETE FROM source WHERE {string.Join(" OR ", missing)}");
        Describe();
        return before - Rows;
    }

    /// <summary>
    /// Columns of text as codes, one after the other, values in the order of their code points; without an index where
    /// there are more values than <paramref name="most"/>.
    /// </summary>
    public IEnumerable<Codes> Texts(IReadOnlyList<TableColumn> columns, int most) =>
        Together(
                columns,
                c => $"CAST({c.Sql} AS VARCHAR)",
                _ => new TextCodes(Rows, most),
                (codes, from, batch) => codes.Add(from, (StringArray)batch)
            )
            .Select(codes => codes.Codes);

    // Planning a query takes the longer the more columns the table has, so that columns are read some together; but not
    // so many that they would not fit into memory.
    private IEnumerable<T> Together<T>(
        IReadOnlyList<TableColumn> columns,
        Func<TableColumn, string> sql,
        Func<TableColumn, T> start,
        Action<T, int, IArrowArray> add
    )
    {
        const int mostCells = 1 << 24,
            mostColumns = 1000;
        foreach (var some in columns.Chunk(Math.Clamp(mostCells / Math.Max(1, Rows), 1, mostColumns)))
        {
            var read = some.Select(start).ToArray();
            var from = 0;
            foreach (var batch in Batches($"SELECT {string.Join(", ", some.Select(sql))} FROM source"))
            {
                for (var c = 0; c < read.Length; c++)
                    add(read[c], from, batch.Column(c));
                from += batch.Length;
            }

            foreach (var column in read)
                yield return column;
        }
    }

    /// <summary>
    /// A column as codes, without reading those of the rows. Values are in order: numbers by size, text by code points.
    /// </summary>
    /// <param name="column">The column.</param>
    /// <param name="numbersInText">Whether text that is all numbers is in the order of the numbers.</param>
    /// <param name="most">Most distinct values.</param>
    /// <returns>Null when there are more distinct values.</returns>
    public Coding? Code(TableColumn column, bool numbersInText, int most)
    {
        // 1.0 and 1 are the same label; what is not a number is missing.
        var value = column.IsFloating ? $"CASE WHEN isnan({column.Sql}) THEN NULL ELSE {column.Sql} END" : column.Sql;
        if (column.IsFractional && All($"abs({column.Sql}) < 1e15 AND {column.Sql} = trunc({column.Sql})", value))
            value = $"CAST({value} AS BIGINT)";
        // An estimate first, whose memory does not grow with the number of values.
        if (Long($"SELECT approx_count_distinct({value}) FROM source") > 2L * most)
            return null;
        var (type, texts) = ($"codes_{++_types}", $"texts_{_types}");
        Run(
            $"CREATE TABLE {texts} AS SELECT DISTINCT {value} AS value, CAST({value} AS VARCHAR) "
                + $"AS text FROM source WHERE {value} IS NOT NULL"
        );
        var distinct = Long($"SELECT count(*) FROM {texts}");
        if (distinct > most)
            return null;
        if (distinct == 0)
            return new([], value, _ => "-1");

        var numbers =
            numbersInText
            && column.Kind == ColumnKind.Text
            && (bool)Scalar($"SELECT bool_and(TRY_CAST(text AS DOUBLE) IS NOT NULL) FROM {texts}")!;
        var order =
            numbers ? "TRY_CAST(text AS DOUBLE), text"
            : column.Kind == ColumnKind.Text ? "text"
            : "value";
        Run($"CREATE TYPE {type} AS ENUM (SELECT text FROM {texts} ORDER BY {order})");
        return new(Texts($"SELECT unnest(enum_range(NULL::{type}))::VARCHAR"), value, key =>
            $"coalesce(CAST(enum_code(CAST(CAST({key} AS VARCHAR) AS {type})) AS INTEGER), -1)"
        );
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
        while (reader.Read())
            rows.Add(read(reader));
        return rows.ToImmutable();
    }

    public static string Identifier(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    public void Dispose() => _db.Dispose();

    private static Table Create(ImmutableArray<string> files, string sql, PolicyPath source)
    {
        var table = new Table(new DuckDBConnection("DataSource=:memory:"), source);
        try
        {
            table._db.Open();
            table.Run($"SET memory_limit = '{DataLimits.TableMemory}'");
            table.Run($"SET allowed_paths = [{string.Join(", ", files.Select(Literal))}]");
            table.Run(
                "SET autoinstall_known_extensions = false; SET autoload_known_extensions = false; "
                    + "SET temp_directory = ''"
            );
            table.Run("SET enable_external_access = false; SET lock_configuration = true");
            table.Run(sql);
            table.Describe();
            if (files is [var first, ..] && IsCsv(first))
            {
                if (table.Columns.Length == 1 && TableProblem.OneColumn(source) is { } fault)
                    throw fault;
                table.TurnTruthValues(sql);
            }

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
            using (batch)
                yield return batch;
        }
    }

    private void Run(string sql)
    {
        using var command = Command(sql);
        command.ExecuteNonQuery();
    }

    private DuckDBCommand Command(string sql) => new(sql, _db);
}
