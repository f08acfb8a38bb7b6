using System.Collections.Immutable;
using System.Text.Json;
using PostTrainGate.Data;
using PostTrainGate.Metrics;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public class GroupMetricTests
{
    private static readonly GateRule OwnRates = new() { Metric = GroupMetric.StatisticalParityDifference };

    [Theory]
    [InlineData("adult", "sex")]
    [InlineData("adult", "race")]
    [InlineData("german", "sex")]
    [InlineData("german", "age")]
    public void Every_metric_is_AIF360s_figure_and_equalized_odds_fairlearns(string dataset, string attribute)
    {
        using var reference = JsonDocument.Parse(
            File.ReadAllText(Fixtures.Elsewhere($"reference/fairness/{dataset}_{attribute}.json"))
        );
        var aif360 = reference.RootElement.GetProperty("aif360_classification");
        var fairlearn = reference.RootElement.GetProperty("fairlearn");
        var table = Table(dataset, attribute, privileged: 1);
        Assert.Equal(reference.RootElement.GetProperty("n").GetInt32(), table.Rows);

        void Same(GroupMetric metric, JsonElement expected)
        {
            var m = metric.Measure(table, OwnRates, 0.95, seed: 1);
            Assert.Equal(expected.GetDouble(), m.Value, 1e-6);
            Assert.True(m.Lower < m.Value && m.Value < m.Upper, $"{metric.Name}: {m}");
            Assert.Equal(table.Rows, m.Count);
        }

        Same(GroupMetric.StatisticalParityDifference, aif360.GetProperty("statistical_parity_difference"));
        Same(GroupMetric.DisparateImpact, aif360.GetProperty("disparate_impact"));
        Same(GroupMetric.EqualOpportunityDifference, aif360.GetProperty("equal_opportunity_difference"));
        Same(GroupMetric.AverageOddsDifference, aif360.GetProperty("average_odds_difference"));
        Same(GroupMetric.AverageAbsoluteOddsDifference, aif360.GetProperty("average_abs_odds_difference"));
        Same(GroupMetric.EqualizedOddsDifference, aif360.GetProperty("equalized_odds_difference"));
        Same(GroupMetric.EqualizedOddsDifference, fairlearn.GetProperty("equalized_odds_difference"));
    }

    [Theory]
    [InlineData("adult", "sex")]
    [InlineData("german", "age")]
    public void Without_a_privileged_level_the_figures_are_fairlearns(string dataset, string attribute)
    {
        using var reference = JsonDocument.Parse(
            File.ReadAllText(Fixtures.Elsewhere($"reference/fairness/{dataset}_{attribute}.json"))
        );
        var fairlearn = reference.RootElement.GetProperty("fairlearn");
        var table = Table(dataset, attribute, privileged: null);
        double Value(GroupMetric metric) => metric.Measure(table, OwnRates, 0.95, seed: 1).Value;

        Assert.Equal(
            fairlearn.GetProperty("demographic_parity_difference").GetDouble(),
            Value(GroupMetric.StatisticalParityDifference),
            1e-6
        );
        Assert.Equal(
            fairlearn.GetProperty("demographic_parity_ratio").GetDouble(),
            Value(GroupMetric.DisparateImpact),
            1e-6
        );
        Assert.Equal(
            fairlearn.GetProperty("true_positive_rate_difference").GetDouble(),
            Value(GroupMetric.EqualOpportunityDifference),
            1e-6
        );
        Assert.Equal(
            fairlearn.GetProperty("equalized_odds_difference").GetDouble(),
            Value(GroupMetric.EqualizedOddsDifference),
            1e-6
        );
    }

    // Rates by level worked out by hand: selection .5 .25 .75, true positive 1 .5 .5, false positive 0 0 1.
    private static readonly GroupTable ThreeLevels = new(
        ["a", "b", "c"],
        [new(20, 0, 0, 20), new(10, 0, 10, 20), new(10, 20, 10, 0)],
        HasPrivileged: false
    );

    [Fact]
    public void Of_several_levels_the_outermost_count()
    {
        Assert.Equal(0.5, GroupMetric.StatisticalParityDifference.Measure(ThreeLevels, OwnRates, 0.95, 1).Value, 12);
        Assert.Equal(1 / 3.0, GroupMetric.DisparateImpact.Measure(ThreeLevels, OwnRates, 0.95, 1).Value, 12);
        Assert.Equal(0.5, GroupMetric.EqualOpportunityDifference.Measure(ThreeLevels, OwnRates, 0.95, 1).Value, 12);
        Assert.Equal(0.75, GroupMetric.AverageOddsDifference.Measure(ThreeLevels, OwnRates, 0.95, 1).Value, 12);
        Assert.Equal(1.0, GroupMetric.EqualizedOddsDifference.Measure(ThreeLevels, OwnRates, 0.95, 1).Value, 12);
    }

    [Fact]
    public void Everything_that_is_not_privileged_is_unprivileged_and_missing_levels_are_left_out()
    {
        var group = new GroupColumn("g", ["a", "b", "c"], [0, 1, 2, 2, -1, 1], Privileged: 1, ["g"]);
        var table = GroupTable.Count(new([1, 1, 0, 2, 1, 0], [1, 0, 1, 1, 1, 0], group), favorable: 1);
        Assert.Equal(["not b", "b"], table.Levels);
        Assert.Equal(new Confusion(1, 2, 0, 0), table.Cells[0]);
        Assert.Equal(new Confusion(0, 0, 1, 1), table.Cells[1]);
    }

    [Fact]
    public void What_a_level_lacks_is_said_and_never_counts_as_zero()
    {
        void NotMeasured(GroupMetric metric, string reason, params Confusion[] cells)
        {
            var m = metric.Measure(new(["x", "y"], [.. cells], HasPrivileged: true), OwnRates, 0.95, 1);
            Assert.Equal(reason, m.Reason);
            Assert.True(double.IsNaN(m.Value));
        }

        var full = new Confusion(50, 50, 50, 50);
        NotMeasured(GroupMetric.StatisticalParityDifference, "level 'x' has no rows", default, full);
        NotMeasured(
            GroupMetric.EqualOpportunityDifference,
            "level 'y' has no rows with a favorable label",
            full,
            new(0, 5, 0, 5)
        );
        NotMeasured(
            GroupMetric.EqualizedOddsDifference,
            "level 'x' has no rows with an unfavorable label",
            new(5, 0, 5, 0),
            full
        );
        NotMeasured(
            GroupMetric.DisparateImpact,
            "the selection rate of level 'y' is 0, so the ratio is undefined",
            full,
            new(0, 0, 50, 50)
        );
        Assert.Equal(
            "the group has a single level, so there is nothing to compare",
            GroupMetric.StatisticalParityDifference.Measure(new(["x"], [full], false), OwnRates, 0.95, 1).Reason
        );
        Assert.Equal(
            0,
            GroupMetric
                .DisparateImpact.Measure(new(["x", "y"], [new(0, 0, 50, 50), full], true), OwnRates, 0.95, 1)
                .Value
        );
    }

    [Fact]
    public void A_level_too_small_for_an_interval_has_no_verdict()
    {
        var m = GroupMetric.EqualOpportunityDifference.Measure(
            new(["x", "y"], [new(1, 0, 0, 1), new(50, 50, 50, 50)], true),
            OwnRates,
            0.95,
            1
        );
        Assert.Equal("too few rows for an interval; the smallest level, 'x', has 2 rows", m.Reason);
    }

    [Fact]
    public void Rows_that_all_agree_do_not_make_certainty()
    {
        var m = GroupMetric.StatisticalParityDifference.Measure(
            new(["x", "y"], [new(4, 4, 0, 0), new(50, 50, 50, 50)], true),
            OwnRates,
            0.95,
            1
        );
        Assert.Equal(0.5, m.Value);
        Assert.True(m.Upper - m.Lower > 0.1, $"{m}");
    }

    private static GroupTable Table(string dataset, string attribute, int? privileged)
    {
        using var scope = NewDisposeScope();
        using var description = JsonDocument.Parse(File.ReadAllText(Fixtures.Elsewhere($"fairness/{dataset}.json")));
        var column = description
            .RootElement.GetProperty("columns")
            .EnumerateArray()
            .Select(c => c.GetString())
            .ToList()
            .IndexOf(attribute);
        var data = NpzFile.Read(Fixtures.Elsewhere($"fairness/{dataset}.npz"));
        var predictions = NpzFile.Read(Fixtures.Elsewhere($"fairness/{dataset}_pred.npz"))["pred_test"];
        var group = new GroupColumn(
            attribute,
            ["0", "1"],
            Ints(data["x_test"].select(1, column)),
            privileged,
            [attribute]
        );
        return GroupTable.Count(new(Ints(data["y_test"]), Ints(predictions), group), favorable: 1);
    }

    private static ImmutableArray<int> Ints(Tensor values) => [.. values.to(int32).contiguous().data<int>()];
}
