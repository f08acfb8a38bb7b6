using PostTrainGate.Metrics;

namespace PostTrainGate.Repairs;

/// <summary>Which failed gates a repair can address, and what it aims at.</summary>
internal static class FailedGates
{
    /// <summary>Failed gates under an attack.</summary>
    public static GateRule[] UnderAttack(this RepairContext context) =>
        [.. context.Failed.Where(g => g.Attack is { Epsilon: < double.PositiveInfinity })];

    /// <summary>Failed gates by group.</summary>
    public static GateRule[] ByGroup(this RepairContext context) =>
        [.. context.Failed.Where(g => g.Group is { } name && context.RepairSet.Groups.ContainsKey(name))];

    /// <summary>
    /// The gate with room before its threshold, as figures of other rows scatter: a maximum of a share of it, a minimum
    /// so much nearer to 1.
    /// </summary>
    /// <param name="gate">The gate.</param>
    /// <param name="aim">1 is the threshold; 0 asks for a maximum of 0 and half of what a minimum leaves to 1.</param>
    public static GateRule Aimed(this GateRule gate, double aim) =>
        gate with
        {
            Max = gate.Max * aim,
            Min = gate.Min is { } min && min < 1 ? 1 - (1 - min) * (0.5 + aim / 2) : gate.Min,
        };
}
