using PostTrainGate.Gating;

namespace PostTrainGate.Cli.Engine;

/// <summary>What a worker may use before it is ended.</summary>
/// <param name="Memory">Bytes of resident memory.</param>
/// <param name="Time">Time of the whole run.</param>
internal sealed record EngineLimits(long Memory, TimeSpan Time)
{
    private const long InspectedBase = 1536L << 20,
        Large = 64L << 20;

    /// <summary>What to do where the time was too short, after a blank; empty where nobody set it.</summary>
    public string MoreTime { get; private init; } = "";

    /// <summary>The same of memory.</summary>
    public string MoreMemory { get; private init; } = "";

    /// <summary>What a run may use, as the policy says it.</summary>
    public static EngineLimits FromPolicy(GatePolicy policy) =>
        new(policy.Limits.Memory ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 5 * 4, policy.Limits.Time)
        {
            MoreTime = " Raise limits.time in the policy.",
            MoreMemory = " Raise limits.memory in the policy, or give the machine more.",
        };

    /// <summary>Enough to read a file, rebuild it, and run it once in two engines.</summary>
    public static EngineLimits OfInspection(string file)
    {
        var size = OfModel(file);
        return new(InspectedBase + 6 * size, TimeSpan.FromMinutes(10)); // what is done says itself how long it may take
    }

    /// <summary>Enough to read a history, which holds some numbers a run.</summary>
    public static EngineLimits OfHistory { get; } = new(3L << 30, TimeSpan.FromMinutes(1));

    // A file that keeps its weights elsewhere is small itself.
    private static long OfModel(string file)
    {
        if (new FileInfo(file) is not { Exists: true, Length: var length })
            return 0;
        return length
            + (
                length > Large
                    ? 0
                    : Models.OnnxFile.ExternalFiles(file).Where(File.Exists).Sum(f => new FileInfo(f).Length)
            );
    }
}
