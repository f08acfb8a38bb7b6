using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using Xunit;

namespace PostTrainGate.Tests;

public class SelectionTests
{
    [Fact]
    public void A_margin_counts_half_intervals_and_is_negative_on_the_wrong_side()
    {
        var rule = new GateRule { Metric = GroupMetric.StatisticalParityDifference, Max = 0.10 };
        Assert.Equal(-2, Selection.Margin(rule, new(-0.20, -0.25, -0.15, 100)), 6);
        Assert.Equal(1, Selection.Margin(rule, new(0.05, 0.00, 0.10, 100)), 6);
    }

    [Fact]
    public void A_gate_that_is_met_by_far_cannot_pay_for_one_that_is_not()
    {
        var rule = new GateRule { Metric = new Accuracy(), Min = 0.5 };
        var far = Selection.Margin(rule, new(0.99, 0.98, 1.00, 1000));
        var failing = Selection.Margin(rule, new(0.40, 0.38, 0.42, 1000));
        Assert.True(far + failing < 0);
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
