using System.Collections.Immutable;
using PostTrainGate.Data;

namespace PostTrainGate.Metrics;

/// <summary>How the favourable outcome was predicted for the rows of one level of a group.</summary>
/// <param name="TruePositives">Favourable, and predicted so.</param>
/// <param name="FalsePositives">Not favourable, but predicted so.</param>
/// <param name="FalseNegatives">Favourable, but not predicted so.</param>
/// <param name="TrueNegatives">Not favourable, and not predicted so.</param>
public readonly record struct Confusion(double TruePositives, double FalsePositives, double FalseNegatives, double TrueNegatives)
{
    /// <summary>Number of rows.</summary>
    public double Count => TruePositives + FalsePositives + FalseNegatives + TrueNegatives;
}

/// <summary>A share of the rows of a level.</summary>
/// <param name="Base">In words, the rows it is a share of; they have to be there.</param>
/// <param name="Hits">How many rows count.</param>
/// <param name="Total">Of how many.</param>
public sealed record Rate(string Base, Func<Confusion, double> Hits, Func<Confusion, double> Total)
{
    /// <summary>Share of rows with a favourable prediction.</summary>
    public static Rate Selection { get; } = new("rows", c => c.TruePositives + c.FalsePositives, c => c.Count);

    /// <summary>Of the rows that deserve the favourable outcome, the share predicted so.</summary>
    public static Rate TruePositive { get; } =
        new("rows whose label is favourable", c => c.TruePositives, c => c.TruePositives + c.FalseNegatives);

    /// <summary>Of the rows that do not deserve the favourable outcome, the share predicted so all the same.</summary>
    public static Rate FalsePositive { get; } =
        new("rows whose label is not favourable", c => c.FalsePositives, c => c.FalsePositives + c.TrueNegatives);

    /// <summary>The rate; NaN without any row that it is a share of.</summary>
    public double Of(Confusion cells) => Hits(cells) / Total(cells);
}

/// <summary>A confusion table per level of a group, from which every group metric is derived.</summary>
/// <param name="Levels">Names of the levels.</param>
/// <param name="Cells">Table of each level.</param>
/// <param name="HasPrivileged">
/// Whether there are exactly two levels, first the unprivileged one (everything that is not privileged), then the privileged one.
/// Otherwise levels stand side by side.
/// </param>
public sealed record GroupTable(ImmutableArray<string> Levels, ImmutableArray<Confusion> Cells, bool HasPrivileged)
{
    /// <summary>Counts. Rows whose level is missing are left out; classes other than the favourable one are taken together.</summary>
    /// <param name="labels">True class of each row.</param>
    /// <param name="predictions">Predicted class of each row.</param>
    /// <param name="group">Level of each row.</param>
    /// <param name="favorable">The class that counts as favourable.</param>
    public static GroupTable Count(ImmutableArray<int> labels, ImmutableArray<int> predictions, GroupColumn group, int favorable)
    {
        ImmutableArray<string> levels = group.Privileged is { } p ? [Unprivileged(group, p), group.Levels[p]] : group.Levels;
        var counts = new int[levels.Length, 4];
        for (var i = 0; i < labels.Length; i++)
        {
            if (group.LevelOf[i] < 0) continue;
            var level = group.Privileged is { } privileged ? (group.LevelOf[i] == privileged ? 1 : 0) : group.LevelOf[i];
            counts[level, (labels[i] == favorable ? 0 : 1) + (predictions[i] == favorable ? 0 : 2)]++;
        }

        return new(levels, [.. levels.Select((_, l) => new Confusion(counts[l, 0], counts[l, 1], counts[l, 2], counts[l, 3]))],
            group.Privileged is not null);
    }

    /// <summary>Number of rows.</summary>
    public int Rows => (int)Cells.Sum(c => c.Count);

    /// <summary>
    /// How far a value that each level has lies apart: unprivileged - privileged as AIF360 has it, or maximum - minimum over levels side
    /// by side as fairlearn has it.
    /// </summary>
    public double Spread(ReadOnlySpan<double> byLevel)
    {
        if (HasPrivileged) return byLevel[0] - byLevel[1];
        var (least, most) = (byLevel[0], byLevel[0]);
        foreach (var value in byLevel) (least, most) = (Math.Min(least, value), Math.Max(most, value));
        return most - least;
    }

    private static string Unprivileged(GroupColumn group, int privileged) =>
        group.Levels.Length == 2 ? group.Levels[1 - privileged] : $"not {group.Levels[privileged]}";
}
