using System.Collections.Immutable;
using PostTrainGate.Data;

namespace PostTrainGate.Metrics;

/// <summary>How the favorable outcome was predicted for the rows of one level of a group.</summary>
/// <param name="TruePositives">Favorable, and predicted so.</param>
/// <param name="FalsePositives">Not favorable, but predicted so.</param>
/// <param name="FalseNegatives">Favorable, but not predicted so.</param>
/// <param name="TrueNegatives">Not favorable, and not predicted so.</param>
public readonly record struct Confusion(
    double TruePositives,
    double FalsePositives,
    double FalseNegatives,
    double TrueNegatives
)
{
    /// <summary>Number of rows.</summary>
    public double Count => TruePositives + FalsePositives + FalseNegatives + TrueNegatives;

    /// <summary>Rows whose label is favorable.</summary>
    public double Favorable => TruePositives + FalseNegatives;

    /// <summary>Rows whose label is not favorable.</summary>
    public double Unfavorable => FalsePositives + TrueNegatives;

    /// <summary>Rows predicted favorable.</summary>
    public double Selected => TruePositives + FalsePositives;

    /// <summary>Rows not predicted favorable.</summary>
    public double Rejected => FalseNegatives + TrueNegatives;

    /// <summary>The rows of both.</summary>
    public static Confusion operator +(Confusion a, Confusion b) =>
        new(
            a.TruePositives + b.TruePositives,
            a.FalsePositives + b.FalsePositives,
            a.FalseNegatives + b.FalseNegatives,
            a.TrueNegatives + b.TrueNegatives
        );
}

/// <summary>A confusion table per level of a group, from which every group metric is derived.</summary>
/// <param name="Levels">Names of the levels.</param>
/// <param name="Cells">Table of each level.</param>
/// <param name="HasPrivileged">
/// Whether there are exactly two levels, first the unprivileged one (everything that is not privileged), then the
/// privileged one. Otherwise levels stand side by side.
/// </param>
public sealed record GroupTable(ImmutableArray<string> Levels, ImmutableArray<Confusion> Cells, bool HasPrivileged)
{
    /// <summary>Scores of each level, for rates that come from them; empty otherwise.</summary>
    public ImmutableArray<ScoreCounts> Scores { get; init; } = [];

    /// <summary>Fewest rows that a rate of a level may rest on.</summary>
    public int MinCount { get; init; } = 1;

    /// <summary>
    /// Counts. Rows whose level is missing are left out; classes other than the favorable one are taken together.
    /// </summary>
    /// <param name="rows">The rows; with scores of the favorable class where rates of scores are asked for.</param>
    /// <param name="favorable">The class that counts as favorable.</param>
    public static GroupTable Count(PredictedRows rows, int favorable)
    {
        var group = rows.Group;
        ImmutableArray<string> levels = group switch
        {
            null => ["all"],
            { Privileged: { } p } => [Unprivileged(group, p), group.Levels[p]],
            _ => group.Levels,
        };
        var counts = new int[levels.Length, 4];
        List<(double, double, bool, double)>[] scored =
        [
            .. levels.Select(_ => new List<(double, double, bool, double)>()),
        ];
        for (var i = 0; i < rows.Labels.Length; i++)
        {
            if (GroupColumn.CountedLevel(group, i) is not (>= 0 and var level))
                continue;
            counts[level, (rows.Labels[i] == favorable ? 0 : 1) + (rows.Predictions[i] == favorable ? 0 : 2)] +=
                rows.Count(i);
            if (rows.Scores is { } scores)
                scored[level].Add(((rows.Steps ?? scores)[i], scores[i], rows.Labels[i] == favorable, rows.Count(i)));
        }

        return new(
            levels,
            [.. levels.Select((_, l) => new Confusion(counts[l, 0], counts[l, 1], counts[l, 2], counts[l, 3]))],
            group?.Privileged is not null
        )
        {
            MinCount = group?.MinCount ?? 1,
            Scores = rows.Scores is null ? [] : [.. scored.Select(ScoreCounts.Count)],
        };
    }

    /// <summary>Number of rows.</summary>
    public int Rows => (int)Cells.Sum(c => c.Count);

    /// <summary>What is known of one level.</summary>
    public LevelRows this[int level] => new(Cells[level], Scores.IsEmpty ? null : Scores[level]);

    /// <summary>What is known of all levels together.</summary>
    public LevelRows Overall =>
        new(Cells.Aggregate((a, b) => a + b), Scores.IsEmpty ? null : ScoreCounts.Together(Scores));

    /// <summary>
    /// How far a value that each level has lies apart: unprivileged - privileged as AIF360 has it, or maximum - minimum
    /// over levels side by side as fairlearn has it.
    /// </summary>
    public double Spread(ReadOnlySpan<double> byLevel)
    {
        if (HasPrivileged)
            return byLevel[0] - byLevel[1];
        var (least, most) = (byLevel[0], byLevel[0]);
        foreach (var value in byLevel)
            (least, most) = (Math.Min(least, value), Math.Max(most, value));
        return most - least;
    }

    /// <summary>Why a rate has no value in some level; null when it has one in each.</summary>
    public string? WhyNot(Rate rate)
    {
        for (var level = 0; level < Cells.Length; level++)
        {
            if (double.IsNaN(rate.Compute(this[level])))
                return $"level '{Levels[level]}' has no {rate.Base}";
            if (rate.Rows(Cells[level]) is var rows && rows < MinCount)
                return $"level '{Levels[level]}' has {rows} rows for the {rate.Name.Replace('_', ' ')}, "
                    + $"below 'min_count: {MinCount}'";
        }

        return null;
    }

    private static string Unprivileged(GroupColumn group, int privileged) =>
        group.Levels.Length == 2 ? group.Levels[1 - privileged] : $"not {group.Levels[privileged]}";
}
