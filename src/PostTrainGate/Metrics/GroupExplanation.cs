using System.Collections.Immutable;
using PostTrainGate.Data;

namespace PostTrainGate.Metrics;

/// <summary>What a group metric is made of: each rate by level, the two levels that drive it, and what would bring them together.</summary>
internal static class GroupExplanation
{
    /// <summary>The measurement with its explanation.</summary>
    /// <param name="measured">The measurement.</param>
    /// <param name="table">The table it comes from.</param>
    /// <param name="rates">The rates it compares.</param>
    /// <param name="group">The group; null: all rows are one level.</param>
    /// <param name="evaluation">The model on the rows.</param>
    /// <param name="confidence">Level of every interval.</param>
    public static Measurement With(Measurement measured, GroupTable table, Rate[] rates, GroupColumn? group, Evaluation evaluation, double confidence)
    {
        if (!measured.IsMeasured || group is null || rates.Length == 0) return measured;
        var driving = rates.MaxBy(r => Spread(table, r))!;
        return measured with
        {
            Breakdowns = [.. rates.Select(r => new Breakdown($"{Words(r)} by {group.Name}",
                [.. table.Levels.Select((name, l) => Part(name, table, l, r, confidence))]))],
            Notes = Spread(table, driving) > 0 ? Notes(table, driving, group, evaluation) : [],
        };
    }

    private static BreakdownPart Part(string name, GroupTable table, int level, Rate rate, double confidence)
    {
        var counts = table.Cells[level];
        return rate.Part?.Invoke(counts) is var (hits, total)
            ? BreakdownPart.Of(name, total == 0 ? null : Intervals.Proportion(hits, (int)total, confidence))
            : new(name, rate.Of(table[level]), null, null, (int)counts.Count);
    }

    private static ImmutableArray<string> Notes(GroupTable table, Rate rate, GroupColumn group, Evaluation evaluation)
    {
        int[] levels = [.. Enumerable.Range(0, table.Cells.Length)];
        var (low, high) = (levels.MinBy(l => rate.Of(table[l])), levels.MaxBy(l => rate.Of(table[l])));
        var goal = rate.Of(table[high]);
        var text = $"The {Words(rate)} is lowest for '{table.Levels[low]}', {GateText.Measured(rate.Of(table[low]))}, and highest for "
            + $"'{table.Levels[high]}', {GateText.Measured(goal)}";
        if (rate.Part?.Invoke(table.Cells[low]) is not var (hits, total)) return [$"{text}."];
        var missing = Math.Round(goal * total - hits);
        text += $"; {missing} of {total} {rate.Base} of '{table.Levels[low]}' make the difference.";
        return Threshold(table, rate, low, (int)Math.Round(goal * total), group, evaluation) is { } threshold ? [text, threshold] : [text];
    }

    // Of two classes the favourable one is predicted above a score of 0.5. Rates of those predicted so rise as that threshold falls.
    private static string? Threshold(GroupTable table, Rate rate, int level, int wanted, GroupColumn group, Evaluation evaluation)
    {
        var data = evaluation.Data;
        Func<bool, bool>? counts = rate == Rate.Selection ? _ => true
            : rate == Rate.TruePositive ? f => f : rate == Rate.FalsePositive ? f => !f : null;
        if (counts is null || data.ClassNames.Length != 2 || wanted < 1) return null;
        var scores = evaluation.Scores(data.Favorable);
        double[] sorted = [.. Enumerable.Range(0, data.Count)
            .Where(i => GroupTable.LevelOf(group, i) == level && counts(data.LabelValues[i] == data.Favorable)).Select(i => scores[i]).OrderDescending()];
        return sorted.Length < wanted ? null : $"A threshold of {GateText.Measured(sorted[wanted - 1])} instead of 0.5 on the score of "
            + $"'{data.ClassNames[data.Favorable]}' would bring the {Words(rate)} of '{table.Levels[level]}' there; choose it on other rows than these.";
    }

    private static double Spread(GroupTable table, Rate rate)
    {
        var byLevel = Enumerable.Range(0, table.Cells.Length).Select(l => rate.Of(table[l])).ToArray();
        return byLevel.Max() - byLevel.Min();
    }

    private static string Words(Rate rate) => rate.Name.Replace('_', ' ');
}
