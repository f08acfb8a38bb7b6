using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using Apache.Arrow;
using DuckDB.NET.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>
/// Rows in the memory of a DuckDB of their own, which reaches no file but those it was loaded from, no network and no
/// extension. Columns come out whole, through Arrow batches, in the order of the files.
/// </summary>
internal sealed partial class Table : IDisposable
{
    private readonly DuckDBConnection _db;
    private readonly PolicyPath _source;
    private int _types;

    private Table(DuckDBConnection db, PolicyPath source) => (_db, _source) = (db, source);

    public int Rows { get; private set; }

    public ImmutableArray<TableColumn> Columns { get; private set; }

    /// <summary>Columns that have no name in the file: what they are called instead, and where.</summary>
    public ImmutableArray<(string Name, string Place)> Unnamed { get; private set; } = [];

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

    /// <summary>Leaves rows out that have no value in a column; which are left.</summary>
    public int[] Drop(IEnumerable<TableColumn> columns)
    {
        var missing = string.Join(
            " OR ",
            columns.Select(c => c.IsFloating ? $"{c.Sql} IS NULL OR isnan({c.Sql})" : $"{c.Sql} IS NULL")
        );
        int[] kept = [.. Integers($"CAST({missing} AS INTEGER)").Index().Where(r => r.Item == 0).Select(r => r.Index)];
        Run($"DELETE FROM source WHERE {missing}");
        Describe();
        return kept;
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

    public static string List(IEnumerable<string> texts) => $"[{string.Join(", ", texts.Select(Literal))}]";

    public void Dispose() => _db.Dispose();

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
