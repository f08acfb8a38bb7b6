using System.Globalization;
using System.Text.Json.Nodes;

namespace PostTrainGate.Schema;

/// <summary>Policy text as JSON.</summary>
internal static class SchemaText
{
    /// <summary>A default as it would be written, as the JSON value that YAML makes of it.</summary>
    public static JsonNode Literal(string text) =>
        text switch
        {
            "true" => true,
            "false" => false,
            _ when int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) =>
                whole,
            _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
            _ => text,
        };
}
