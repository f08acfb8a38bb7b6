using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Models;
using PostTrainGate.Torch;

namespace PostTrainGate.Cli.Engine;

/// <summary>What a worker is asked: to run a policy, to inspect a file, or to read a history.</summary>
internal sealed record EngineRequest
{
    /// <summary>The policy to run.</summary>
    public GatePolicy? Policy { get; init; }

    /// <summary>Whether only the data of the policy is looked at.</summary>
    public bool Look { get; init; }

    /// <summary>The file to inspect.</summary>
    public string? Inspect { get; init; }

    /// <summary>How many nodes of the file are run in ONNX Runtime, instead of inspecting it; 0: none.</summary>
    public int Nodes { get; init; }

    /// <summary>The history to read.</summary>
    public string? History { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public bool Repair { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public bool Write { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public bool Full { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public string? BaseModel { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public ShardOrder? Shard { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public ImmutableArray<string>? Parts { get; init; }

    /// <summary>Folder of the cache; null: nothing is kept.</summary>
    public string? Cache { get; init; }
}

/// <summary>What a worker says: one of these, a line each.</summary>
internal sealed record EngineReply
{
    /// <summary>How far it is.</summary>
    public RunProgress? Progress { get; init; }

    /// <summary>What native code does next.</summary>
    public NativeWork.Work? Work { get; init; }

    /// <summary>Attacked inputs that the cache keeps so far.</summary>
    public long? Kept { get; init; }

    /// <summary>What the result is should the run end here.</summary>
    public GateResult? Early { get; init; }

    /// <summary>The result.</summary>
    public GateResult? Result { get; init; }

    /// <summary>What was found in a file.</summary>
    public ModelInspection? Inspection { get; init; }

    /// <summary>What the data looks like.</summary>
    public DataLook? Look { get; init; }

    /// <summary>What was read of a history.</summary>
    public HistoryRead? History { get; init; }

    /// <summary>Why there is no result.</summary>
    public ImmutableArray<Diagnostic>? Refused { get; init; }

    /// <summary>An exception that is a defect, with its trace.</summary>
    public Defect? Defect { get; init; }

    /// <summary>It ends because it was asked to.</summary>
    public bool Canceled { get; init; }
}

/// <summary>An exception of the other process.</summary>
/// <param name="Type">Its type's name.</param>
/// <param name="Message">Its message.</param>
/// <param name="Trace">All of it.</param>
internal sealed record Defect(string Type, string Message, string Trace);

/// <summary>
/// Messages as lines. Each kind is serialized by itself, so that one of progress does not wait for the serializers of a
/// whole result. Numbers go through as they are, infinities included.
/// </summary>
[JsonSourceGenerationOptions(
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    IgnoreReadOnlyProperties = true,
    Converters = [typeof(GateRuleConverter), typeof(RepairConverter), typeof(ReportConverter)]
)]
[JsonSerializable(typeof(EngineRequest))]
[JsonSerializable(typeof(GateMessage))]
[JsonSerializable(typeof(InspectRequest))]
[JsonSerializable(typeof(RunProgress))]
[JsonSerializable(typeof(NativeWork.Work))]
[JsonSerializable(typeof(GateResult))]
[JsonSerializable(typeof(ModelInspection))]
[JsonSerializable(typeof(ImmutableArray<Diagnostic>))]
[JsonSerializable(typeof(DataLook))]
[JsonSerializable(typeof(HistoryRead))]
[JsonSerializable(typeof(Defect))]
internal sealed partial class EngineJson : JsonSerializerContext
{
    // Begins a message, so that text which a native library prints is told from it (RFC 7464).
    private const char Separator = '\u001e';

    /// <summary>A request's line.</summary>
    public static string Line(EngineRequest request) =>
        request.Inspect is { } file
            ? $"i{JsonSerializer.Serialize(new InspectRequest(file, request.Nodes), Default.InspectRequest)}"
            : $"g{JsonSerializer.Serialize(request, Default.EngineRequest)}";

    /// <summary>The request that a line holds.</summary>
    public static EngineRequest Request(string line)
    {
        if (line[0] == 'g')
            return JsonSerializer.Deserialize(line.AsSpan(1), Default.EngineRequest)!;
        var (file, nodes) = JsonSerializer.Deserialize(line.AsSpan(1), Default.InspectRequest)!;
        return new() { Inspect = file, Nodes = nodes };
    }

    /// <summary>A reply's line.</summary>
    public static byte[] Line(EngineReply reply)
    {
        var (kind, json) = reply switch
        {
            { Progress: { } progress } => ('p', JsonSerializer.Serialize(progress, Default.RunProgress)),
            { Work: { } work } => ('w', JsonSerializer.Serialize(work, Default.Work)),
            { Early: { } early } => ('e', JsonSerializer.Serialize(early, Default.GateResult)),
            { Result: { } result } => ('g', JsonSerializer.Serialize(result, Default.GateResult)),
            { Inspection: { } found } => ('i', JsonSerializer.Serialize(found, Default.ModelInspection)),
            { Look: { } look } => ('l', JsonSerializer.Serialize(look, Default.DataLook)),
            { History: { } history } => ('h', JsonSerializer.Serialize(history, Default.HistoryRead)),
            { Refused: { } refused } => ('r', JsonSerializer.Serialize(refused, Default.ImmutableArrayDiagnostic)),
            { Defect: { } defect } => ('d', JsonSerializer.Serialize(defect, Default.Defect)),
            { Canceled: true } => ('c', ""),
            _ => ('n', ""),
        };
        return Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{Separator}{kind}{reply.Kept ?? 0} {json}\n")
        );
    }

    /// <summary>The reply that a line holds; null: it holds none, or a part of one whose writer was ended.</summary>
    public static EngineReply? Reply(string line)
    {
        try
        {
            return Read(line);
        }
        catch (Exception cut) when (cut is JsonException or FormatException)
        {
            return null;
        }
    }

    private static EngineReply? Read(string line)
    {
        if (line.LastIndexOf(Separator) is not (>= 0 and var at) || line.IndexOf(' ', at) is not (> 0 and var space))
            return null;
        var json = line.AsSpan(space + 1);
        EngineReply reply = line[at + 1] switch
        {
            'p' => new() { Progress = JsonSerializer.Deserialize(json, Default.RunProgress) },
            'w' => new() { Work = JsonSerializer.Deserialize(json, Default.Work) },
            'e' => new() { Early = JsonSerializer.Deserialize(json, Default.GateResult) },
            'g' => new() { Result = JsonSerializer.Deserialize(json, Default.GateResult) },
            'i' => new() { Inspection = JsonSerializer.Deserialize(json, Default.ModelInspection) },
            'l' => new() { Look = JsonSerializer.Deserialize(json, Default.DataLook) },
            'h' => new() { History = JsonSerializer.Deserialize(json, Default.HistoryRead) },
            'r' => new() { Refused = JsonSerializer.Deserialize(json, Default.ImmutableArrayDiagnostic) },
            'd' => new() { Defect = JsonSerializer.Deserialize(json, Default.Defect) },
            'c' => new() { Canceled = true },
            _ => new(),
        };
        return reply with { Kept = long.Parse(line.AsSpan(at + 2, space - at - 2), CultureInfo.InvariantCulture) };
    }
}

/// <summary>What a worker is asked of a file alone.</summary>
/// <param name="File">The file.</param>
/// <param name="Nodes">As in <see cref="EngineRequest"/>.</param>
internal sealed record InspectRequest(string File, int Nodes);
