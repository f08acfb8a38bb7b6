using PostTrainGate.Policy;

namespace PostTrainGate;

/// <summary>How to run a gate, beyond what the policy says.</summary>
public sealed record GateOptions
{
    /// <summary>Whether a failing gate may be repaired.</summary>
    public bool Repair { get; init; } = true;

    /// <summary>The model of the base branch, for <c>drop</c>; null when there is none.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Whether report files and the repaired model are written.</summary>
    public bool Write { get; init; } = true;
}

/// <summary>Measures, judges, repairs on the repair split, chooses on the selection split, measures again on the test split.</summary>
public static class Gate
{
    /// <summary>Runs a policy.</summary>
    /// <exception cref="GateException">The model or the data cannot be used; nothing was written.</exception>
    public static GateResult Run(GatePolicy policy, GateOptions? options = null, IProgress<RunProgress>? progress = null,
        CancellationToken cancel = default) => throw new NotImplementedException();
}
