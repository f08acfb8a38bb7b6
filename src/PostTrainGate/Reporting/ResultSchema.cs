using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

/// <summary>The JSON Schema of <c>gate-result.json</c>, from the records that it is written from.</summary>
internal static class ResultSchema
{
    /// <summary>Its file, at the repository's root.</summary>
    public const string FileName = "gate-result.schema.json";

    /// <summary>The schema's text. Keys that it does not name are allowed: later versions add some.</summary>
    public static string Generate()
    {
        var shape = GateJson.Options.GetJsonSchemaAsNode(
            typeof(GateResult),
            new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Refine }
        );
        var root = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "PostTrainGate result",
        };
        foreach (var (name, value) in shape.AsObject())
            root[name] = value?.DeepClone();
        return root.ToJsonString(new JsonSerializerOptions { WriteIndented = true, NewLine = "\n" }) + "\n";
    }

    // A number may be missing: null stands for infinity.
    private static JsonNode Refine(JsonSchemaExporterContext context, JsonNode schema) =>
        (Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type) == typeof(double)
            ? new JsonObject { ["type"] = new JsonArray("number", "null") }
            : schema;
}
