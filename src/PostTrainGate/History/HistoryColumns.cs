using System.Data.Common;
using System.Text.Json;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.History;

/// <summary>The columns of a history's files: a contract with whoever queries them. A later version may add some.</summary>
internal static class HistoryColumns
{
    /// <summary>Version of the columns, which each row carries.</summary>
    public const int Format = 1;

    /// <summary>A column: its name, its type in DuckDB, and what it holds of a row.</summary>
    public sealed record Column(string Name, string Type, Func<HistoryRow, object?> Of);

    /// <summary>All of them, in their order.</summary>
    public static Column[] All { get; } =
    [
        new("format", "INTEGER", _ => Format),
        new("time", "TIMESTAMP", r => r.Time),
        new("commit", "VARCHAR", r => r.Commit),
        new("reference", "VARCHAR", r => r.Reference),
        new("policy", "VARCHAR", r => r.Policy),
        new("leg", "VARCHAR", r => r.Leg),
        new("gate", "VARCHAR", r => r.Gate),
        new("gate_id", "VARCHAR", r => r.GateId),
        new("metric", "VARCHAR", r => r.Metric),
        new("group_name", "VARCHAR", r => r.Group),
        new("rate", "VARCHAR", r => r.Rate),
        new("attack", "VARCHAR", r => r.Attack),
        new("norm", "VARCHAR", r => r.Norm),
        new("epsilon", "DOUBLE", r => r.Epsilon),
        new("samples", "INTEGER", r => r.Samples),
        new("better", "VARCHAR", r => Name(r.Better)),
        new("threshold", "VARCHAR", r => r.Threshold),
        new("min", "DOUBLE", r => r.Min),
        new("max", "DOUBLE", r => r.Max),
        new("drop", "DOUBLE", r => r.Drop),
        new("severity", "VARCHAR", r => Name(r.Severity)),
        new("value", "DOUBLE", r => r.Original.Value),
        new("lower", "DOUBLE", r => r.Original.Lower),
        new("upper", "DOUBLE", r => r.Original.Upper),
        new("confidence", "DOUBLE", r => r.Confidence),
        new("count", "INTEGER", r => r.Original.Count),
        new("verdict", "VARCHAR", r => Name(r.Original.Verdict)),
        new("repaired_value", "DOUBLE", r => r.Repaired?.Value),
        new("repaired_lower", "DOUBLE", r => r.Repaired?.Lower),
        new("repaired_upper", "DOUBLE", r => r.Repaired?.Upper),
        new("repaired_count", "INTEGER", r => r.Repaired?.Count),
        new("repaired_verdict", "VARCHAR", r => r.Repaired is { } repaired ? Name(repaired.Verdict) : null),
        new("outcome", "VARCHAR", r => Name(r.Outcome)),
        new("model", "VARCHAR", r => r.Model),
        new("model_sha256", "VARCHAR", r => r.ModelSha256),
        new("tool", "VARCHAR", r => r.Tool),
    ];

    /// <summary>A row of an answer that has all columns.</summary>
    /// <exception cref="FormatException">A value is none that the column can hold.</exception>
    public static HistoryRow Read(DbDataReader row)
    {
        if (Whole("format") is not Format)
            throw new FormatException($"its rows have the format {Whole("format")}, and this version reads {Format}");
        return new()
        {
            Time = DateTime.SpecifyKind(row.GetDateTime(row.GetOrdinal("time")), DateTimeKind.Utc),
            Commit = Text("commit"),
            Reference = Text("reference"),
            Policy = Needed("policy"),
            Leg = Text("leg") ?? "",
            Gate = Needed("gate"),
            GateId = Needed("gate_id"),
            Metric = Needed("metric"),
            Group = Text("group_name"),
            Rate = Text("rate"),
            Attack = Text("attack"),
            Norm = Text("norm"),
            Epsilon = Number("epsilon"),
            Samples = Whole("samples"),
            Better = Parse<Better>("better"),
            Threshold = Needed("threshold"),
            Min = Number("min"),
            Max = Number("max"),
            Drop = Number("drop"),
            Severity = Parse<Severity>("severity"),
            Original = Reading(""),
            Repaired = Text("repaired_verdict") is null ? null : Reading("repaired_"),
            Confidence = Number("confidence") is { } level and > 0 and < 1 ? level : throw Bad("confidence"),
            Outcome = Parse<RunOutcome>("outcome"),
            Model = Text("model"),
            ModelSha256 = Text("model_sha256"),
            Tool = Needed("tool"),
        };

        MeasuredValue Reading(string prefix) =>
            new(
                Number($"{prefix}value"),
                Number($"{prefix}lower"),
                Number($"{prefix}upper"),
                Whole($"{prefix}count") ?? 0,
                Parse<Verdict>($"{prefix}verdict")
            );

        string Needed(string column) => Text(column) ?? throw Bad(column);
        string? Text(string column) => At(column) is { } at ? row.GetString(at) : null;
        int? Whole(string column) => At(column) is { } at ? row.GetInt32(at) : null;
        double? Number(string column) =>
            At(column) is { } at && row.GetDouble(at) is var number && double.IsFinite(number) ? number : null;
        int? At(string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : at;
        T Parse<T>(string column)
            where T : struct, Enum =>
            Enum.GetValues<T>().Where(v => Name(v) == Text(column)).Select(v => (T?)v).FirstOrDefault()
            ?? throw Bad(column);
        FormatException Bad(string column) => new($"its column '{column}' has a value that no run writes");
    }

    /// <summary>A value as <c>gate-result.json</c> writes it.</summary>
    public static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
