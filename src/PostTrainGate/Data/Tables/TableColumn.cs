using System.Collections.Immutable;

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
internal sealed record Codes(ImmutableArray<string> Values, int[]? Index)
{
    /// <summary>Whether the policy lists the values: then each is known, whether rows have it or not.</summary>
    public bool Listed { get; init; }
}

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
