using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>
/// The JSON Schema of the policy for editors, generated from what the reader checks and the catalog's names. It is
/// draft-07: what the
/// YAML language servers of the common editors validate with; later drafts are read in part or not at all.
/// </summary>
public static class PolicySchema
{
    /// <summary>Name of the file at the top of the repository.</summary>
    public const string FileName = "posttraingate.schema.json";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n",
    };

    /// <summary>The whole file.</summary>
    public static string Generate() => Generate(Catalog.Default);

    internal static string Generate(ICatalog catalog)
    {
        var schema = new JsonObject
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = "PostTrainGate policy",
            ["description"] = "What a neural classifier has to hold before it ships: posttraingate.yml.",
        };
        foreach (var (name, value) in PolicyShape.Root.Schema(catalog).ToList())
            schema[name] = value?.DeepClone();
        schema["anyOf"] = new JsonArray(
            Required(PolicyShape.Model.Name),
            new JsonObject
            {
                ["properties"] = new JsonObject
                {
                    [PolicyShape.DataKey.Name] = Required(
                        PolicyShape.Data.Prediction.Name,
                        PolicyShape.DataKey.Summary
                    ),
                },
            }
        );
        schema["definitions"] = new JsonObject { ["fraction"] = NumberShape.Fraction() };
        return schema.ToJsonString(Indented) + "\n";

        static JsonObject Required(string key, string? description = null)
        {
            var schema = new JsonObject { ["required"] = new JsonArray(key) };
            if (description is not null)
                schema["description"] = description;
            return schema;
        }
    }
}
