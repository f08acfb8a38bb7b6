using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;

namespace PostTrainGate.Reporting;

/// <summary>
/// <c>gate-result.json</c>, the result for programs. Keys and enumeration values are snake case, keys stand in a fixed
/// order and are always there, a value that does not exist (or an interval's end at infinity) is null. Two runs
/// differ in <c>seconds</c> and <c>run</c> only.
/// </summary>
public sealed class GateJson : IReportWriter
{
    private static readonly GateJsonContext Context = new(
        new JsonSerializerOptions(GateJsonContext.Default.Options) { Encoder = Encoder() }
    );

    /// <summary>How it is written, for the schema.</summary>
    internal static JsonSerializerOptions Options => Context.Options;

    /// <inheritdoc/>
    public string Name => "json";

    /// <inheritdoc/>
    public string FileName => "gate-result.json";

    /// <inheritdoc/>
    public string Summary => "The whole result for programs, versioned.";

    /// <inheritdoc/>
    public bool Always => true;

    /// <inheritdoc/>
    public string Mark => @"\A\{\s*""version"": \d+,\s*""tool"": ";

    /// <inheritdoc/>
    public string Render(GateResult result) => JsonSerializer.Serialize(result, Context.GateResult) + "\n";

    /// <summary>What an inspection found, written the same way.</summary>
    internal static string Write(Models.ModelInspection model) =>
        JsonSerializer.Serialize(model, Context.ModelInspection) + "\n";

    // Letters of every language as they are; HTML's own characters stay escaped, as the file may be pasted into a page.
    // The sign that replaces a broken character is escaped too, as the encoder itself writes it so.
    private static JavaScriptEncoder Encoder()
    {
        var letters = new TextEncoderSettings(UnicodeRanges.All);
        letters.ForbidCharacter('\uFFFD');
        return JavaScriptEncoder.Create(letters);
    }

    /// <summary>Reads what <see cref="Render"/> wrote.</summary>
    /// <exception cref="JsonException">The text is not a result of this version.</exception>
    public static GateResult Parse(string json)
    {
        var result = JsonSerializer.Deserialize(json, Context.GateResult)
            ?? throw new JsonException("The file contains no result.");
        return result.Version == 1
            ? result
            : throw new JsonException($"The result has version {result.Version}; this tool reads version 1.");
    }
}

/// <summary>Serializers of the result, made at build time.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    NewLine = "\n",
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    Converters = [
        typeof(FiniteNumber),
        typeof(SnakeCase<RunOutcome>),
        typeof(SnakeCase<Verdict>),
        typeof(SnakeCase<Severity>),
        typeof(SnakeCase<Metrics.Better>),
        typeof(SnakeCase<OutputHead>),
        typeof(SnakeCase<Correction>),
        typeof(SnakeCase<HarmStanding>),
        typeof(SnakeCase<Repairs.HarmKind>),
    ]
)]
[JsonSerializable(typeof(GateResult))]
[JsonSerializable(typeof(Models.ModelInspection))]
internal sealed partial class GateJsonContext : JsonSerializerContext;

/// <summary>Enumeration values by name, snake case, numbers refused.</summary>
internal sealed class SnakeCase<T>()
    : JsonStringEnumConverter<T>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where T : struct, Enum;

/// <summary>JSON has no NaN and no infinity: null stands for them.</summary>
internal sealed class FiniteNumber : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
        reader.GetDouble();

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        if (double.IsFinite(value))
            writer.WriteNumberValue(value);
        else
            writer.WriteNullValue();
    }
}
