using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
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

    /// <summary>How much to try.</summary>
    public Effort Effort { get; init; } = Effort.Normal;

    /// <summary>When to stop whatever is left to try: an emergency, which is reported.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Whether a repair may add nodes to the graph.</summary>
    public GraphUse Graph { get; init; }

    /// <summary>What may get worse without keeping a repair from being proposed.</summary>
    public ImmutableArray<HarmKind> Accept { get; init; } = [];

    /// <summary>Where the proposed model is written; null: beside the model as <c>NAME.repaired.onnx</c>.</summary>
    public PolicyPath? Output { get; init; }

    /// <summary>Whether the best candidate is written though it is not proposed, beside that path.</summary>
    public bool WriteRefused { get; init; }

    /// <summary>Where the section stands.</summary>
    public SourcePosition Position { get; init; }
}

/// <summary>
/// How much a repair may try, counted in passes over the rows and not by the clock: the same policy proposes the same
/// model on every machine.
/// </summary>
public enum Effort
{
    /// <summary>About a minute of two cores.</summary>
    Quick,

    /// <summary>About five minutes.</summary>
    Normal,

    /// <summary>About twelve minutes; goes on where a candidate passes already, for one that changes less.</summary>
    Thorough,
}

/// <summary>What a repair may do to the model's graph.</summary>
public enum GraphUse
{
    /// <summary>Only weights change.</summary>
    Keep,

    /// <summary>Nodes may be added before the output.</summary>
    Extend,
}

/// <summary>What a repair may make worse although no gate of the policy looks at it.</summary>
public enum HarmKind
{
    /// <summary>Difference of selection rates between the levels of a group.</summary>
    StatisticalParityDifference,

    /// <summary>Difference of true positive rates.</summary>
    EqualOpportunityDifference,

    /// <summary>Mean of the absolute differences of true and false positive rates.</summary>
    AverageAbsoluteOddsDifference,

    /// <summary>Accuracy of the level that fares worst.</summary>
    GroupAccuracy,

    /// <summary>Calibration error of the level that fares worst.</summary>
    GroupCalibration,

    /// <summary>Share of a class's rows that are recognized.</summary>
    ClassAccuracy,
}

/// <summary>What the kinds of harm are measured by.</summary>
internal static class HarmKinds
{
    /// <summary>The metrics of a group that each get worse when another one is repaired.</summary>
    public static ImmutableArray<(GroupMetric Metric, HarmKind Kind)> OfGroups { get; } =
    [
        .. GroupMetric.Guarded.Zip([
            HarmKind.StatisticalParityDifference,
            HarmKind.EqualOpportunityDifference,
            HarmKind.AverageAbsoluteOddsDifference,
        ]),
    ];
}
