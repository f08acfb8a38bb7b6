using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

/// <summary>What a repair does to a measure that the policy does not gate.</summary>
public sealed record HarmReport
{
    /// <summary>What <c>repair.accept</c> accepts a worsening by.</summary>
    public required HarmKind Kind { get; init; }

    /// <summary>For people.</summary>
    public required string Title { get; init; }

    /// <summary>The source on the test split; of a difference its size.</summary>
    public required double Before { get; init; }

    /// <summary>The repaired model on the same rows.</summary>
    public required double After { get; init; }

    /// <summary>By how much it is worse; negative when it is better.</summary>
    public required double Worsening { get; init; }

    /// <summary>Lower end of the interval of <see cref="Worsening"/>; null where there is none.</summary>
    public double? Lower { get; init; }

    /// <summary>Upper end of it.</summary>
    public double? Upper { get; init; }

    /// <summary>What follows from it.</summary>
    public required HarmStanding Standing { get; init; }
}

/// <summary>What follows from a change for the worse.</summary>
public enum HarmStanding
{
    /// <summary>It is no worse, or not by an amount that matters.</summary>
    None,

    /// <summary>It is worse by an amount that matters, but that may be chance.</summary>
    Possible,

    /// <summary>It is worse, and the policy accepts that.</summary>
    Accepted,

    /// <summary>It is worse beyond chance: the repair is not proposed.</summary>
    Blocks,
}
