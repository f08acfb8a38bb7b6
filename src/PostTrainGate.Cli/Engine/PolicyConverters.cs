using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reading;
using PostTrainGate.Repairs;
using PostTrainGate.Schema;

namespace PostTrainGate.Cli.Engine;

/// <summary>A gate between processes: names and texts, which the other process resolves again.</summary>
internal sealed class GateRuleConverter : JsonConverter<GateRule>
{
    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, GateRule value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(
            writer,
            new GateMessage(
                value.Metric.Name,
                SettingText.Write(value.Settings),
                value.Min,
                value.Max,
                value.Drop,
                value.Severity,
                value.Accepted,
                value.Position
            ),
            EngineJson.Default.GateMessage
        );

    /// <inheritdoc/>
    public override GateRule Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var read = JsonSerializer.Deserialize(ref reader, EngineJson.Default.GateMessage)!;
        var metric = Catalog.Default.Get<IMetric>(read.Metric);
        return new()
        {
            Metric = metric,
            Settings = SettingText.Read(read.Settings, PolicyShape.Rule.Own(metric), Catalog.Default),
            Min = read.Min,
            Max = read.Max,
            Drop = read.Drop,
            Severity = read.Severity,
            Accepted = read.Accepted,
            Position = read.Position,
        };
    }
}

/// <summary>A gate as a message holds it.</summary>
internal sealed record GateMessage(
    string Metric,
    JsonObject Settings,
    double? Min,
    double? Max,
    double? Drop,
    Severity Severity,
    AcceptedFailure? Accepted,
    SourcePosition Position
);

/// <summary>Something of the catalog by its name.</summary>
internal abstract class NameConverter<T> : JsonConverter<T>
    where T : INamed
{
    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.Name);

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Catalog.Default.Get<T>(reader.GetString()!);
}

/// <inheritdoc/>
internal sealed class RepairConverter : NameConverter<IRepair>;

/// <inheritdoc/>
internal sealed class ReportConverter : NameConverter<IReportWriter>;
