using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Foundation;

namespace PostTrainGate.Metrics;

/// <summary>
/// What a group metric is made of: each rate by level, the two levels and the cell of the table that drive it, and what
/// threshold on the score would close the gap.
/// </summary>
/// <param name="table">The table that was measured.</param>
/// <param name="rows">The rows it was counted from.</param>
/// <param name="predictions">Where they come from.</param>
/// <param name="rule">The gate.</param>
/// <param name="of">The metric's figure of a table.</param>
/// <param name="better">Which way it gets better.</param>
internal sealed class GroupExplanation(
    GroupTable table,
    PredictedRows rows,
    IPredictions predictions,
    GateRule rule,
    Func<GroupTable, double> of,
    Better better
)
{
    private const int MostThresholds = 2000;

    private static readonly (string Name, Func<Confusion, Confusion> Alone)[] Cells =
    [
        ("true positives", c => new(c.TruePositives, 0, 0, 0)),
        ("false positives", c => new(0, c.FalsePositives, 0, 0)),
        ("false negatives", c => new(0, 0, c.FalseNegatives, 0)),
        ("true negatives", c => new(0, 0, 0, c.TrueNegatives)),
    ];

    /// <summary>The measurement with its explanation.</summary>
    /// <param name="measured">The measurement.</param>
    /// <param name="rates">The rates it compares.</param>
    /// <param name="confidence">Level of every interval.</param>
    /// <param name="seed">Seed of bootstraps.</param>
    public Measurement With(Measurement measured, Rate[] rates, double confidence, int seed)
    {
        if (!measured.IsMeasured || rows.Group is not { } group || rates.Length == 0)
            return measured;
        var driving = rates.MaxBy(Spread)!;
        return measured with
        {
            Breakdowns =
            [
                .. rates.Select(r => new Breakdown(
                    $"{Words(r)} by {group.Name}",
                    [
                        .. table.Levels.Select(
                            (name, l) =>
                                BreakdownPart.FromMeasurement(name, LevelRate.Measure(table, l, r, confidence, seed))
                        ),
                    ]
                )),
            ],
            Notes = Spread(driving) > 0 ? Notes(driving, measured) : [],
        };
    }

    private ImmutableArray<string> Notes(Rate rate, Measurement measured)
    {
        int[] levels = [.. Enumerable.Range(0, table.Cells.Length)];
        var (low, high) = (levels.MinBy(l => rate.Compute(table[l])), levels.MaxBy(l => rate.Compute(table[l])));
        var text =
            $"The {Words(rate)} is lowest for '{Name(low)}' ({Numbers.Measured(rate.Compute(table[low]))}) "
            + "and highest for "
            + $"'{Name(high)}' ({Numbers.Measured(rate.Compute(table[high]))})";
        if (rate.Part is { } part && part(table.Cells[low]) is var (hits, total))
        {
            var missing = Math.Round(rate.Compute(table[high]) * total - hits);
            text +=
                $". The gap equals {missing} of the {total} {rate.Base} in '{Name(low)}', {Driving(part, low, high)}";
        }

        return
            Judge.Decide(rule with { Drop = null }, measured) != Verdict.Pass && Threshold(low, high) is { } threshold
            ? [$"{text}.", threshold]
            : [$"{text}."];
    }

    // Of the cells that a share counts, the one in which the levels lie furthest apart.
    private string Driving(Func<Confusion, (double Hits, double Total)> part, int low, int high)
    {
        double Hits(int level, Func<Confusion, Confusion> alone) => part(alone(table.Cells[level])).Hits;
        double Total(int level) => part(table.Cells[level]).Total;
        var (name, alone) = Cells.MaxBy(c => Hits(high, c.Alone) / Total(high) - Hits(low, c.Alone) / Total(low));
        return $"mostly {name}: {Hits(low, alone)} of {Total(low)} versus {Hits(high, alone)} of {Total(high)}";
    }

    // Of two classes the favorable one is predicted above a threshold on its score. Another threshold for the level
    // that gets it less often is looked for first; one for the other level where that does not meet the gate.
    private string? Threshold(int low, int high)
    {
        if (
            predictions.ClassNames.Length != 2
            || !table.Scores.IsEmpty
            || predictions.Rows(rows.Group!.Name, predictions.Favorable)?.Scores is not { } scores
        )
            return null;
        int[] order =
            Rate.Selection.Compute(table[low]) <= Rate.Selection.Compute(table[high]) ? [low, high] : [high, low];
        var found = order.Select(l => (Level: l, Best: Best(l, scores))).Where(f => f.Best.Text.Length > 0).ToArray();
        if (found.Length == 0)
            return null;
        var (level, best) = found.FirstOrDefault(
            f =>
                Judge.Decide(rule with { Drop = null }, new(f.Best.Value, f.Best.Value, f.Best.Value, 0))
                == Verdict.Pass,
            found.MinBy(f => Badness(f.Best.Value))
        );
        if (Badness(best.Value) >= Badness(of(table)))
            return null;
        var halves = Enumerable
            .Range(0, scores.Length)
            .All(i => scores[i] == 0.5 || scores[i] > 0.5 == (rows.Predictions[i] == predictions.Favorable));
        return $"For '{Name(level)}', a threshold of {best.Text}{(halves ? " instead of 0.5" : "")} on the score of "
            + $"'{predictions.ClassNames[predictions.Favorable]}' would give {Numbers.Measured(best.Value)} on "
            + "these rows; "
            + "choose the threshold on other rows.";
    }

    // The threshold between two scores of a level that makes the metric best.
    private (string Text, double Value) Best(int level, double[] scores)
    {
        var entries = Enumerable
            .Range(0, scores.Length)
            .Where(i => GroupColumn.CountedLevel(rows.Group, i) == level)
            .GroupBy(i => scores[i])
            .OrderBy(g => g.Key)
            .ToArray();
        if (entries.Length < 2)
            return ("", double.NaN);
        // Rows below each score.
        var (favorable, unfavorable) = (new double[entries.Length + 1], new double[entries.Length + 1]);
        for (var e = 0; e < entries.Length; e++)
        {
            double Rows(bool wanted) =>
                entries[e].Sum(i => rows.Labels[i] == predictions.Favorable == wanted ? rows.Count(i) : 0);
            (favorable[e + 1], unfavorable[e + 1]) = (favorable[e] + Rows(true), unfavorable[e] + Rows(false));
        }

        var step = Math.Max(1, entries.Length / MostThresholds);
        var best = Enumerable
            .Range(1, entries.Length - 1)
            .Where(e => e % step == 0)
            .Select(e => (Above: e, Value: With(e)))
            .Where(t => !double.IsNaN(t.Value))
            .DefaultIfEmpty((Above: 0, Value: double.NaN))
            .MinBy(t => (Badness(t.Value), Math.Abs(entries[t.Above].Key - 0.5)));
        return best.Above == 0
            ? ("", double.NaN)
            : (Between(entries[best.Above - 1].Key, entries[best.Above].Key), best.Value);

        double With(int e) =>
            of(
                table with
                {
                    Cells = table.Cells.SetItem(
                        level,
                        new(
                            favorable[^1] - favorable[e],
                            unfavorable[^1] - unfavorable[e],
                            favorable[e],
                            unfavorable[e]
                        )
                    ),
                }
            );
    }

    private double Badness(double value)
    {
        var judged = Judge.Judged(better, new(value, value, value, 0)).Value;
        return better is Better.NearZero or Better.Lower ? judged : -judged;
    }

    // With as few decimals as tell the two scores apart.
    private static string Between(double below, double above)
    {
        var middle = (below + above) / 2;
        var decimals = Enumerable
            .Range(2, 12)
            .FirstOrDefault(d => Math.Round(middle, d) is var r && r > below && r < above, 15);
        return middle.ToString($"F{decimals}", CultureInfo.InvariantCulture);
    }

    private double Spread(Rate rate)
    {
        var byLevel = Enumerable.Range(0, table.Cells.Length).Select(l => rate.Compute(table[l])).ToArray();
        return byLevel.Max() - byLevel.Min();
    }

    // A condition's true and false say nothing without its name.
    private string Name(int level) =>
        table.Levels is ["false", "true"] ? $"{rows.Group!.Name}={table.Levels[level]}" : table.Levels[level];

    private static string Words(Rate rate) => rate.Name.Replace('_', ' ');
}
