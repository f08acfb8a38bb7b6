using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Repairs;
using PostTrainGate.Tests.Repairs;
using Xunit;

namespace PostTrainGate.Tests;

public class SelectionTests
{
    private static readonly GateRule Parity = new() { Metric = GroupMetric.StatisticalParityDifference, Max = 0.10 };

    [Theory]
    [InlineData(-0.20, -0.25, -0.15, 1, 0.15)] // the size is 0.20, and half an interval 0.05
    [InlineData(-0.20, -0.25, -0.15, 0, 0.10)]
    [InlineData(0.05, 0.00, 0.10, 1, 0.00)]
    [InlineData(0.02, 0.00, 0.04, 2, -0.04)]
    public void A_gate_lacks_the_distance_to_its_threshold_and_a_margin(
        double value,
        double lower,
        double upper,
        double margin,
        double lacks
    ) => Assert.Equal(lacks, Selection.Lacking(Parity, new(value, lower, upper, 100), margin), 6);

    [Fact]
    public void Of_two_thresholds_the_one_that_is_further_away_counts()
    {
        var rule = new GateRule
        {
            Metric = new Accuracy(),
            Min = 0.5,
            Max = 0.9,
        };
        Assert.Equal(0.1, Selection.Lacking(rule, new(0.4, 0.38, 0.42, 1000), 0), 6);
        Assert.Equal(0.05, Selection.Lacking(rule, new(0.95, 0.94, 0.96, 1000), 0), 6);
    }

    [Fact]
    public void Gates_come_before_harm_harm_before_accuracy_and_accuracy_before_churn()
    {
        SelectionScore best = new(true, 0, 0.80)
        {
            Passed = 2,
            Harm = 0,
            Churn = 0.05,
        };
        SelectionScore[] falling =
        [
            best,
            best with
            {
                Churn = 0.10,
            },
            best with
            {
                Accuracy = 0.79,
                Churn = 0,
            },
            best with
            {
                Harm = 0.1,
                Accuracy = 0.9,
            },
            best with
            {
                Gap = 0.5,
                Accuracy = 0.9,
            },
            best with
            {
                Passed = 1,
                Gap = 0.2,
            },
            best with
            {
                Admissible = false,
            },
        ];
        for (var i = 1; i < falling.Length; i++)
            Assert.True(falling[i - 1].CompareTo(falling[i]) > 0, $"{i - 1} against {i}");
        Assert.True(best.Suffices);
        Assert.False(falling[4].Suffices);
    }

    [Fact]
    public void What_is_beyond_the_threshold_by_its_margin_earns_nothing_more()
    {
        SelectionScore enough = new(true, 0, 0.80) { Passed = 2, Churn = 0.05 };
        Assert.True(enough.CompareTo(enough with { Churn = 0.06 }) > 0);
        Assert.True(Selection.Lacking(Parity, new(0.00, -0.01, 0.01, 100), 1) < 0);
    }

    [Fact]
    public void Of_a_gap_only_what_chance_explains_gives_way_to_accuracy()
    {
        SelectionScore near = new(true, 0.18, 0.80),
            accurate = new(true, 0.22, 0.81);
        Assert.True(accurate.CompareTo(near) > 0);
        Assert.True((near with { Resolution = 0.03 }).CompareTo(accurate with { Resolution = 0.03 }) > 0);
    }

    // 50 rows: a share has a standard error of 0.07 at most, and the smallest lack that counts is 0.01.
    [Theory]
    [InlineData(0.99, 0.07, 0.1)]
    [InlineData(0.1, 0.1, 0.1)]
    public void Chance_is_less_of_a_gate_that_lacks_much(double min, double least, double most)
    {
        using var toy = new RepairToy(RepairToy.Attacked with { Min = min });
        Assert.InRange(((Selection)toy.Context.Selection).Source.Resolution, least, most);
    }

    [Fact]
    public void Seeds_differ_by_purpose_and_index_and_repeat()
    {
        var seeds = Enumerable
            .Range(0, 50)
            .SelectMany(i =>
                new[] { Seeds.Derive(7, "test", i), Seeds.Derive(7, "select", i), Seeds.Derive(8, "test", i) }
            );
        Assert.Equal(150, seeds.Distinct().Count());
        Assert.Equal(Seeds.Derive(7, "test", 3), Seeds.Derive(7, "test", 3));
    }
}
