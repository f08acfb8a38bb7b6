using PostTrainGate.Metrics;

namespace PostTrainGate.Repairs;

/// <summary>Which failed gates a repair can address.</summary>
internal static class FailedGates
{
    /// <summary>Failed gates under an attack.</summary>
    public static GateRule[] UnderAttack(this RepairContext context) =>
        [.. context.Failed.Where(g => g.Attack is { Epsilon: < double.PositiveInfinity })];

    /// <summary>Failed gates by group.</summary>
    public static GateRule[] ByGroup(this RepairContext context) =>
        [.. context.Failed.Where(g => g.Group is { } name && context.RepairSet.Groups.ContainsKey(name))];
}
