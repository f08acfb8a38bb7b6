using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Gating;

/// <summary>What a repair does to measures that the policy does not gate, in words, the same in every report.</summary>
internal static class HarmText
{
    /// <summary>What got worse by an amount that matters, the gravest first.</summary>
    public static ImmutableArray<HarmReport> Worsened(RepairSummary repair) =>
        [.. Ordered(repair).Where(h => h.Standing != HarmStanding.None)];

    /// <summary>Every measure, the gravest first, equals as they are.</summary>
    public static ImmutableArray<HarmReport> Ordered(RepairSummary repair) =>
        [
            .. repair
                .Harm.OrderByDescending(h => Weight(h.Standing))
                .ThenByDescending(h => h.Standing == HarmStanding.None ? 0 : h.Worsening),
        ];

    /// <summary>That nothing got worse, in one sentence; null where something did or nothing was measured.</summary>
    public static string? Nothing(RepairSummary repair) =>
        repair.Harm.Length == 0 || !Worsened(repair).IsEmpty ? null
        : repair.Harm.Length == 1 ? "The one other measure got no worse by an amount that matters."
        : $"None of {repair.Harm.Length} other measures got worse by an amount that matters.";

    /// <summary>What follows from a change.</summary>
    public static string Words(HarmReport harm) =>
        harm.Standing switch
        {
            HarmStanding.Blocks => "blocks the repair",
            HarmStanding.Possible => "worse, may be chance",
            HarmStanding.Accepted => "worse, accepted by the policy",
            _ => harm.Worsening > 0 ? "a little worse" : "no worse",
        };

    /// <summary>By how much it is worse: <c>+0.050 [0.012, 0.088]</c>.</summary>
    public static string Worsening(HarmReport harm)
    {
        var text = Signed(harm.Worsening);
        return harm is { Lower: { } lower, Upper: { } upper }
            ? $"{text} [{Numbers.Measured(lower)}, {Numbers.Measured(upper)}]"
            : text;
    }

    /// <summary>
    /// A change for the worse in one line: <c>accuracy of class bad: 0.700 → 0.640, worse by 0.060 [0.012, 0.108]; may
    /// be chance</c>.
    /// </summary>
    public static string Line(HarmReport harm)
    {
        var standing = harm.Standing switch
        {
            HarmStanding.Blocks => "blocks the repair",
            HarmStanding.Accepted => "accepted by the policy",
            _ => "may be chance",
        };
        return $"{harm.Title}: {Numbers.Measured(harm.Before)} → {Numbers.Measured(harm.After)}, worse by "
            + $"{Worsening(harm).TrimStart('+')}; {standing}";
    }

    private static string Signed(double value) => value > 0 ? $"+{Numbers.Measured(value)}" : Numbers.Measured(value);

    private static int Weight(HarmStanding standing) =>
        standing switch
        {
            HarmStanding.Blocks => 3,
            HarmStanding.Possible => 2,
            HarmStanding.Accepted => 1,
            _ => 0,
        };
}
