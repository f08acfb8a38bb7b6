using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>What data looks like before a policy says how to read it: for whoever writes the first one.</summary>
internal sealed record DataLook
{
    /// <summary>Most distinct values that are listed; a column with more has none listed.</summary>
    public const int MostValues = 1000;

    /// <summary>Rows.</summary>
    public required int Rows { get; init; }

    /// <summary>Columns in the order of the file, the label among them.</summary>
    public required ImmutableArray<ColumnLook> Columns { get; init; }

    /// <summary>The column that holds the labels, where the kind of file settles it.</summary>
    public string? Label { get; init; }

    /// <summary>Shape of a row, for arrays and images; empty for a table.</summary>
    public ImmutableArray<long> Shape { get; init; } = [];

    /// <summary>The smallest input, for arrays and images.</summary>
    public double Lowest { get; init; }

    /// <summary>The largest input, for arrays and images.</summary>
    public double Highest { get; init; }

    /// <summary>Whether rows are columns of a table.</summary>
    public bool IsTable => Shape.IsEmpty;

    /// <summary>Reads the data of a policy as far as nothing depends on the policy's choices.</summary>
    /// <exception cref="GateException">PTG3xxx.</exception>
    public static DataLook Read(EvaluationPolicy policy)
    {
        using var scope = NewDisposeScope();
        var source = policy.Data.Source;
        var (inputs, columns, label) = DataReader.FormatOf(source, DataFormat.All).Read(policy, null, []);
        using var table = columns;
        if (table.Rows == 0)
            throw source.Position.Error(DiagnosticCodes.DataEmpty, $"{Wording.Quote(source.Text)} has no rows.");
        return new()
        {
            Rows = table.Rows,
            Columns = [.. table.Columns.Select(c => Column(table, c))],
            Label = inputs is null ? null : label,
            Shape = inputs is null ? [] : [.. inputs.shape.Skip(1)],
            Lowest = inputs is null ? 0 : Number(inputs.min()),
            Highest = inputs is null ? 0 : Number(inputs.max()),
        };
    }

    private static double Number(Tensor value) => value.to(float64).item<double>();

    private static ColumnLook Column(Table table, TableColumn column)
    {
        var missing = table.Long($"SELECT count(*) - count({column.Sql}) FROM source");
        if (column.Kind == ColumnKind.Other)
            return new(column.Name, column.Kind, [], missing, 0, 0);
        var values = table.Query(
            $"SELECT CAST({column.Sql} AS VARCHAR), count(*) FROM source WHERE {column.Sql} IS NOT NULL "
                + $"GROUP BY {column.Sql} ORDER BY {column.Sql} LIMIT {MostValues + 1}",
            row => new ValueLook(row.GetString(0), Convert.ToInt32(row.GetValue(1), CultureInfo.InvariantCulture))
        );
        var (lowest, highest) = column.Kind == ColumnKind.Number ? Ends(table, column) : (0, 0);
        return new(column.Name, column.Kind, values.Length > MostValues ? [] : values, missing, lowest, highest);
    }

    private static (double Lowest, double Highest) Ends(Table table, TableColumn column) =>
        table.Query(
            $"SELECT coalesce(min(CAST({column.Sql} AS DOUBLE)), 0), coalesce(max(CAST({column.Sql} AS DOUBLE)), 0) "
                + "FROM source",
            (DbDataReader row) => (row.GetDouble(0), row.GetDouble(1))
        )[0];
}

/// <summary>A column.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it can be for the gate.</param>
/// <param name="Values">Its distinct values in order; empty where there are too many.</param>
/// <param name="Missing">Rows without a value.</param>
/// <param name="Lowest">The smallest number.</param>
/// <param name="Highest">The largest number.</param>
internal sealed record ColumnLook(
    string Name,
    ColumnKind Kind,
    ImmutableArray<ValueLook> Values,
    long Missing,
    double Lowest,
    double Highest
);

/// <summary>A value of a column, and in how many rows it stands.</summary>
/// <param name="Text">The value.</param>
/// <param name="Count">Its rows.</param>
internal sealed record ValueLook(string Text, int Count);
