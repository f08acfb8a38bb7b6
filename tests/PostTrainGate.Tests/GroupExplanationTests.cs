using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using PostTrainGate.Data;
using PostTrainGate.Metrics;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>What a report says of a group metric: who drives it, through which cell, and which threshold would mend
/// it.</summary>
public class GroupExplanationTests
{
    [Theory]
    [InlineData("statistical_parity_difference", null)]
    [InlineData("disparate_impact", null)]
    [InlineData("equal_opportunity_difference", null)]
    [InlineData("average_odds_difference", null)]
    [InlineData("rate_difference", "false_negative_rate")]
    [InlineData("rate_minimum", "true_positive_rate")]
    public void The_threshold_that_it_names_gives_the_value_that_it_states(string name, string? rate)
    {
        var rows = Simulated();
        var metric = Catalog.Default.Metrics.OfType<TableMetric>().Single(m => m.Name == name);
        var higher = metric.Better is Better.Higher or Better.NearOne;
        var rule = new GateRule
        {
            Metric = metric,
            Rate = Named.RateOrNone(rate),
            Group = "sex",
            Min = higher ? 0.9 : null,
            Max = higher ? null : 0.02,
        };
        var measured = Measure(metric, rows, rule);
        var found = Regex.Match(
            measured.Notes[1],
            "^For '(.+)', a threshold of ([0-9.]+) instead of 0.5 on the score of 'good' would give ([-0-9.]+) "
                + "on these rows"
        );
        Assert.True(found.Success, measured.Notes[1]);
        var (level, threshold, stated) = (
            rows.Group!.Levels.IndexOf(found.Groups[1].Value),
            Number(found.Groups[2]),
            Number(found.Groups[3])
        );

        var moved = rows with
        {
            Predictions =
            [
                .. rows.Predictions.Select(
                    (p, i) =>
                        rows.Group.LevelOf[i] == level
                            ? rows.Scores![i] > threshold
                                ? 1
                                : 0
                            : p
                ),
            ],
        };
        var value = metric.Value(GroupTable.Count(moved with { Scores = null }, 1), rule);
        Assert.Equal(stated, value, 0.00051);
        Assert.True(Judge.Decide(rule, measured) != Verdict.Pass && Judged(value) != Judged(measured.Value));
        if (name is "statistical_parity_difference" or "disparate_impact" or "equal_opportunity_difference")
            Assert.Equal(Verdict.Pass, Judge.Decide(rule, new(value, value, value, 1)));

        double Judged(double v) => Judge.Judged(metric.Better, new(v, v, v, 1)).Value;
    }

    // Selected are 10 true and 10 false positives of 100 women, 40 and 15 of 100 men.
    [Fact]
    public void It_names_the_level_and_the_cell_that_drive_the_difference()
    {
        var rows = Counted(
            (0, 1, 1, 10),
            (0, 0, 1, 10),
            (0, 1, 0, 40),
            (0, 0, 0, 40),
            (1, 1, 1, 40),
            (1, 0, 1, 15),
            (1, 1, 0, 10),
            (1, 0, 0, 35)
        );
        var measured = Measure(
            GroupMetric.StatisticalParityDifference,
            rows,
            new()
            {
                Metric = GroupMetric.StatisticalParityDifference,
                Group = "sex",
                Max = 0.1,
            }
        );
        Assert.Equal(
            [
                "The selection rate is lowest for 'female' (0.200) and highest for 'male' (0.550). "
                    + "The gap equals 35 of the 100 rows in 'female', mostly true positives: 10 of 100 versus 40 "
                    + "of 100.",
            ],
            measured.Notes
        );
        Assert.Equal(
            [("female", 0.2, 100), ("male", 0.55, 100)],
            measured.Breakdowns[0].Parts.Select(p => (p.Name, p.Value!.Value, p.Count))
        );
        Assert.All(measured.Breakdowns[0].Parts, p => Assert.True(p.Lower < p.Value && p.Value < p.Upper));

        var odds = Measure(
            GroupMetric.EqualizedOddsDifference,
            rows,
            new()
            {
                Metric = GroupMetric.EqualizedOddsDifference,
                Group = "sex",
                Max = 0.1,
            }
        );
        Assert.StartsWith(
            "The true positive rate is lowest for 'female' (0.200) and highest for 'male' (0.800). The gap "
                + "equals 30 of the 50 rows "
                + "with a favorable label in 'female', mostly true positives: 10 of 50 versus 40 of 50.",
            odds.Notes[0],
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_rate_that_is_no_share_has_an_interval_for_each_level_too()
    {
        var measured = Measure(
            GroupMetric.RateDifference,
            Simulated(),
            new()
            {
                Metric = GroupMetric.RateDifference,
                Group = "sex",
                Rate = Named.Rate("balanced_accuracy"),
                Max = 0.1,
            }
        );
        Assert.All(measured.Breakdowns[0].Parts, p => Assert.True(p.Lower < p.Value && p.Value < p.Upper));
    }

    private static double Number(Group group) => double.Parse(group.Value, CultureInfo.InvariantCulture);

    private static Measurement Measure(TableMetric metric, PredictedRows rows, GateRule rule) =>
        ((IPredictionMetric)metric).Measure(
            new PredictionCounts(
                ["bad", "good"],
                1,
                rows with
                {
                    Group = null,
                },
                ImmutableDictionary<string, PredictedRows>.Empty.Add("sex", rows)
            ),
            rule,
            0.95,
            1
        );

    private static GroupColumn Sex(IEnumerable<int> levels) => new("sex", ["female", "male"], [.. levels], 1, ["sex"]);

    private static PredictedRows Counted(params (int Level, int Label, int Prediction, int Count)[] cells) =>
        new([.. cells.Select(c => c.Label)], [.. cells.Select(c => c.Prediction)], Sex(cells.Select(c => c.Level)))
        {
            Counts = [.. cells.Select(c => c.Count)],
        };

    private static PredictedRows Simulated()
    {
        var random = new Random(4);
        int[] levels = [.. Enumerable.Range(0, 800).Select(i => i % 2)];
        int[] labels = [.. levels.Select(_ => random.Next(2))];
        double[] scores =
        [
            .. levels.Select(
                (l, i) => Math.Clamp(0.3 + 0.15 * l + 0.2 * labels[i] + 0.5 * (random.NextDouble() - 0.5), 0, 1)
            ),
        ];
        return new([.. labels], [.. scores.Select(s => s > 0.5 ? 1 : 0)], Sex(levels)) { Scores = scores };
    }
}
