using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using PostTrainGate.Models;
using PostTrainGate.Policy;

namespace PostTrainGate.Cli.Engine;

/// <summary>What a worker is asked: to run a policy, or to inspect a file.</summary>
internal sealed record EngineRequest
{
    /// <summary>The policy to run.</summary>
    public GatePolicy? Policy { get; init; }

    /// <summary>The file to inspect.</summary>
    public string? Inspect { get; init; }

    /// <summary>How many nodes of the file are run in ONNX Runtime, instead of inspecting it; 0: none.</summary>
    public int Nodes { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public bool Repair { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public bool Write { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public bool Full { get; init; }

    /// <summary>As in <see cref="GateOptions"/>.</summary>
    public string? BaseModel { get; init; }

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

    /// <summary>The result.</summary>
    public GateResult? Result { get; init; }

    /// <summary>What was found in a file.</summary>
    public ModelInspection? Inspection { get; init; }

    /// <summary>Why there is no result.</summary>
    public ImmutableArray<Diagnostic>? Refused { get; init; }

    /// <summary>An exception that is a defect, with its trace.</summary>
    public Defect? Defect { get; init; }

    /// <summary>It ends because it was asked to.</summary>
    public bool Cancelled { get; init; }
}

/// <summary>An exception of the other process.</summary>
/// <param name="Type">Its type's name.</param>
/// <param name="Message">Its message.</param>
/// <param name="Trace">All of it.</param>
internal sealed record Defect(string Type, string Message, string Trace);

/// <summary>Serializers of both, made at build time. Numbers go through as they are, infinities included.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, IgnoreReadOnlyProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EngineRequest))]
[JsonSerializable(typeof(EngineReply))]
internal sealed partial class EngineJson : JsonSerializerContext
{
    /// <summary>Begins a message, so that text which a native library prints is told from it (RFC 7464).</summary>
    public const char Separator = '\u001e';

    /// <summary>A message's line.</summary>
    public static byte[] Line(EngineReply reply) =>
        [(byte)Separator, .. JsonSerializer.SerializeToUtf8Bytes(reply, Default.EngineReply), (byte)'\n'];

    /// <summary>The message that a line holds; null: it holds none.</summary>
    public static EngineReply? Reply(string line) => line.LastIndexOf(Separator) is >= 0 and var at
        ? JsonSerializer.Deserialize(line.AsSpan(at + 1), Default.EngineReply) : null;
}
