using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Repairs;

/// <summary>The <c>repair</c> section.</summary>
public sealed record RepairPolicy
{
    /// <summary>The repairs to try, in this order.</summary>
    public ImmutableArray<IRepair> Methods { get; init; } = [];

    /// <summary>Glob of ONNX files of the training history, ascending by name; null: none kept.</summary>
    public PolicyPath? Snapshots { get; init; }

    /// <summary>How much accuracy a repair may cost, in [0,1].</summary>
    public double MaxAccuracyDrop { get; init; } = 0.02;

    /// <summary>Time for all methods together.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Where the proposed model is written; null: beside the model as <c>NAME.repaired.onnx</c>.</summary>
    public PolicyPath? Output { get; init; }

    /// <summary>Where the section stands.</summary>
    public SourcePosition Position { get; init; }
}
