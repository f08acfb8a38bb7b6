namespace PostTrainGate.Cli.Engine;

/// <summary>What a worker may use before it is ended.</summary>
/// <param name="Memory">Bytes of resident memory.</param>
/// <param name="Time">Time of the whole run.</param>
internal sealed record EngineLimits(long Memory, TimeSpan Time)
{
    private const long InspectedBase = 1536L << 20;

    /// <summary>What a run may use where the policy does not say it: four fifths of what the machine or container has, and six hours.</summary>
    public static EngineLimits Of(Policy.GatePolicy policy)
    {
        _ = policy;
        return new(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 5 * 4, TimeSpan.FromHours(6));
    }

    /// <summary>Enough to read a file, rebuild it, and run it once in two engines.</summary>
    public static EngineLimits OfInspection(string file)
    {
        var size = OfModel(file);
        return new(InspectedBase + 6 * size, Models.ClassifierLoader.Limit(size) + TimeSpan.FromSeconds(1));
    }

    private static long OfModel(string file) =>
        File.Exists(file) ? new FileInfo(file).Length + Models.OnnxFile.ExternalFiles(file).Where(File.Exists).Sum(f => new FileInfo(f).Length) : 0;
}
