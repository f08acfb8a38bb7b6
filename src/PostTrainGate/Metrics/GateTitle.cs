namespace PostTrainGate.Metrics;

/// <summary>Titles of gates.</summary>
internal static class GateTitle
{
    /// <summary>The metric by the group and under the attack that the gate names.</summary>
    public static string Plain(GateRule rule) => WithAttack(rule, WithGroup(rule, Name(rule)));

    /// <summary>The metric's name in words.</summary>
    public static string Name(GateRule rule) => rule.Metric.Name.Replace('_', ' ');

    /// <summary>Adds the group.</summary>
    public static string WithGroup(GateRule rule, string title) =>
        rule.Group is { } group ? $"{title} by {group}" : title;

    private static string WithAttack(GateRule rule, string title) =>
        rule.Attack is { } attack ? $"{title}, {attack.Words}" : title;
}
