using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>What group metrics do with odd groups, scores and more than two classes.</summary>
public class GroupTableTests
{
    private static readonly GroupTable Two = new(
        ["x", "y"],
        [new(40, 10, 10, 40), new(30, 20, 20, 30)],
        HasPrivileged: true
    );

    [Fact]
    public void Scores_have_the_values_worked_out_by_hand()
    {
        // Pairs of a favourable and another row: .9 > .8, .9 > .4, .8 = .8, .8 > .4.
        var s = ScoreCounts.Count([
            (0.9, 0.9, true, 1),
            (0.8, 0.8, true, 1),
            (0.8, 0.8, false, 1),
            (0.4, 0.4, false, 1),
        ]);
        Assert.Equal(3.5 / 4, s.Auc, 12);
        Assert.Equal(-(Math.Log(0.9) + Math.Log(0.8) + Math.Log(0.2) + Math.Log(0.6)) / 4, s.LogLoss, 12);
        Assert.Equal((Math.Abs(0.9 - 1) + Math.Abs(1.6 - 1) + 0.4) / 4, s.CalibrationError, 12);
        Assert.Equal(0.85, s.MeanFavorable, 12);
        Assert.Equal(0.6, s.MeanUnfavorable, 12);
        Assert.Equal(
            s.Auc,
            ScoreCounts
                .Together([
                    ScoreCounts.Count([(0.9, 0.9, true, 1), (0.8, 0.8, false, 1)]),
                    ScoreCounts.Count([(0.8, 0.8, true, 1), (0.4, 0.4, false, 1)]),
                ])
                .Auc,
            12
        );
    }

    [Theory]
    [InlineData("auc")]
    [InlineData("log_loss")]
    [InlineData("calibration_error")]
    public void A_difference_of_scores_has_an_interval_around_it(string rate)
    {
        var random = new Random(3);
        ScoreCounts Level(double shift) =>
            ScoreCounts.Count(
                Enumerable
                    .Range(0, 300)
                    .Select(i => (Math.Clamp(random.NextDouble() + (i % 2 == 0 ? shift : 0), 0.01, 0.99), i % 2 == 0))
                    .Select(r => (r.Item1, r.Item1, r.Item2, 1.0))
            );
        var m = GroupMetric.RateDifference.Measure(
            Two with
            {
                Scores = [Level(0.1), Level(0.5)],
            },
            new() { Metric = Named.Metric("rate_difference"), Rate = Named.Rate(rate) },
            0.95,
            1
        );
        Assert.True(m.Lower < m.Value && m.Value < m.Upper && m.Upper - m.Lower < 0.5, $"{m}");
    }

    // Of 50 pairs without a common row all agree, so that Wilson's interval begins at 50 / (50 + 1.96^2); every
    // replicate has 1.
    [Fact]
    public void Scores_that_separate_a_level_perfectly_do_not_make_certainty()
    {
        static ScoreCounts Separated() => ScoreCounts.Count([(0.2, 0.2, false, 50), (0.8, 0.8, true, 50)]);
        static ScoreCounts Mixed() =>
            ScoreCounts.Count([
                (0.2, 0.2, false, 40),
                (0.2, 0.2, true, 10),
                (0.8, 0.8, false, 10),
                (0.8, 0.8, true, 40),
            ]);
        var rule = new GateRule { Metric = new Accuracy(), Rate = Named.Rate("auc") };
        var lowest = GroupExtremum.Minimum.Measure(Two with { Scores = [Separated(), Separated()] }, rule, 0.95, 1);
        Assert.Equal(1, lowest.Value);
        Assert.InRange(lowest.Lower, 0.9, 0.93);
        var apart = GroupMetric.RateDifference.Measure(Two with { Scores = [Separated(), Mixed()] }, rule, 0.95, 1);
        var mixed = GroupExtremum.Minimum.Measure(Two with { Scores = [Separated(), Mixed()] }, rule, 0.95, 1);
        Assert.Equal(0.2, apart.Value, 12);
        Assert.True(apart.Upper - apart.Lower > mixed.Upper - mixed.Lower, $"{apart} {mixed}");
        // Five rows that are parted say next to nothing, also where levels stand side by side.
        var few = ScoreCounts.Count([(0.2, 0.2, false, 2), (0.8, 0.8, true, 3)]);
        var beside = new GroupTable(["x", "y"], [Two.Cells[0], new(3, 0, 0, 2)], HasPrivileged: false)
        {
            Scores = [Mixed(), few],
        };
        var wide = GroupMetric.RateDifference.Measure(beside, rule, 0.95, 1);
        Assert.True(wide is { Lower: 0, Upper: > 0.3 }, $"{wide}");
    }

    // Of two rows each, the highest and the lowest level may be anywhere, but not farther apart than rates can be.
    [Fact]
    public void A_difference_of_rates_of_hardly_any_rows_stays_below_one()
    {
        var table = new GroupTable(
            ["x", "y", "z"],
            [new(1, 1, 0, 0), new(0, 0, 1, 1), new(1, 0, 0, 1)],
            HasPrivileged: false
        );
        var m = GroupMetric.StatisticalParityDifference.Measure(table, new() { Metric = new Accuracy() }, 0.95, 1);
        Assert.Equal((1, 1), (m.Value, m.Upper));
        Assert.InRange(m.Lower, 0, 0.5);
    }

    [Fact]
    public void A_rate_that_rests_on_too_few_rows_is_not_measured()
    {
        var m = GroupMetric.EqualOpportunityDifference.Measure(
            Two with
            {
                MinCount = 51,
            },
            new() { Metric = new Accuracy() },
            0.95,
            1
        );
        Assert.Equal("level 'x' has 50 rows for the true positive rate, below 'min_count: 51'", m.Reason);
        Assert.True(
            GroupMetric
                .StatisticalParityDifference.Measure(
                    Two with
                    {
                        MinCount = 51,
                    },
                    new() { Metric = new Accuracy() },
                    0.95,
                    1
                )
                .IsMeasured
        );
    }

    [Fact]
    public void The_lowest_and_highest_rate_are_those_of_a_level()
    {
        var rule = new GateRule { Metric = new Accuracy(), Rate = Named.Rate("true_positive_rate") };
        var (low, high) = (
            GroupExtremum.Minimum.Measure(Two, rule, 0.95, 1),
            GroupExtremum.Maximum.Measure(Two, rule, 0.95, 1)
        );
        Assert.Equal(0.6, low.Value, 12);
        Assert.Equal(0.8, high.Value, 12);
        Assert.True(low.Lower < 0.6 && low.Upper > 0.6 && high.Lower < 0.8 && high.Upper > 0.8);
    }

    [Fact]
    public void Inequality_within_groups_is_what_is_not_between_them()
    {
        double Value(BenefitMetric metric) =>
            metric.Measure(Two with { HasPrivileged = false }, new() { Metric = metric }, 0.95, 1).Value;
        Assert.Equal(
            Value(BenefitMetric.Entropy),
            Value(BenefitMetric.BetweenEntropy) + Value(BenefitMetric.WithinEntropy),
            12
        );
    }

    // Selection rates of classes 0, 1, 2: level a .5 .25 .25, level b .25 .5 .25.
    [Theory]
    [InlineData(ClassView.Favorable, -0.25)]
    [InlineData(ClassView.Macro, 0.5 / 3)]
    [InlineData(ClassView.Worst, -0.25)]
    public void Of_several_classes_one_or_their_mean_or_the_worst_counts(ClassView classes, double expected)
    {
        float[] predicted =
        [
            .. Enumerable
                .Range(0, 80)
                .Select(i =>
                    (float)(
                        i < 40 ? Math.Max(0, i / 10 - 1)
                        : i < 50 ? 0
                        : i < 70 ? 1
                        : 2
                    )
                ),
        ];
        var m = Measure(
            predicted,
            new()
            {
                Metric = Named.Metric("statistical_parity_difference"),
                Group = "g",
                Average = classes,
            }
        );
        Assert.Equal(expected, m.Value, 6);
    }

    [Theory]
    [InlineData("accuracy", 1)]
    [InlineData("true_positive_rate", 0)]
    public void That_the_accuracy_of_one_class_is_meant_is_said(string rate, int notes)
    {
        float[] predicted = [.. Enumerable.Range(0, 80).Select(i => (float)(i % 3))];
        var m = Measure(
            predicted,
            new()
            {
                Metric = GroupExtremum.Minimum,
                Group = "g",
                Rate = Named.Rate(rate),
            }
        );
        Assert.True(m.IsMeasured);
        Assert.Equal(notes, m.Notes.Count(n => n.StartsWith("Of 3 classes, this ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("rate_difference", "auc")]
    [InlineData("rate_difference", "selection_rate")]
    [InlineData("statistical_parity_difference", null)]
    [InlineData("theil_index", null)]
    [InlineData("accuracy", null)]
    [InlineData("consistency", null)]
    public void Scores_that_are_not_numbers_are_said_whatever_is_measured(string metric, string? rate)
    {
        float[] predicted = [.. Enumerable.Range(0, 80).Select(i => i < 3 ? float.NaN : i % 3)];
        var m = Measure(
            predicted,
            new()
            {
                Metric = Named.Metric(metric),
                Group = "g",
                Rate = Named.RateOrNone(rate),
            }
        );
        Assert.Equal("the model's scores are not numbers in 3 of 80 rows", m.Reason);
    }

    private static Measurement Measure(float[] predicted, GateRule rule)
    {
        using var model = new FunctionClassifier(
            [1],
            3,
            x => -(x - arange(3)).abs(),
            new InputPolicy { Lower = 0, Upper = 3 }
        );
        var group = new GroupColumn(
            "g",
            ["a", "b"],
            [.. Enumerable.Range(0, predicted.Length).Select(i => i / 40)],
            Privileged: 0,
            ["g"]
        );
        using var data = new EvaluationSet(
            tensor(predicted).unsqueeze(1),
            tensor(Enumerable.Range(0, predicted.Length).Select(i => (long)(i % 3)).ToArray()),
            ["0", "1", "2"],
            ImmutableDictionary<string, GroupColumn>.Empty.Add("g", group),
            null,
            favorable: 0
        );
        using var evaluation = new Evaluation(model, data);
        var policy = new GatePolicy
        {
            File = "",
            Folder = "",
            Data = null!,
            Gates = [rule],
            Correction = Correction.None,
        };
        return new GateMeter(policy, data, "test", default).Measure(evaluation).Single();
    }
}
