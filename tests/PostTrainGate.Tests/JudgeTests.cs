using PostTrainGate.Metrics;
using Xunit;

namespace PostTrainGate.Tests;

public class JudgeTests
{
    [Theory]
    [InlineData(0.80, 0.75, 0.85, Verdict.Pass)]
    [InlineData(0.70, 0.65, 0.74, Verdict.Fail)]
    [InlineData(0.76, 0.70, 0.82, Verdict.Inconclusive)]
    public void A_minimum_is_met_when_the_whole_interval_is_above_it(
        double value,
        double lower,
        double upper,
        Verdict expected
    ) => Assert.Equal(expected, Judge.Decide(Rule(Better.Higher) with { Min = 0.75 }, new(value, lower, upper, 100)));

    [Theory]
    [InlineData(-0.05, -0.09, -0.01, Verdict.Pass)]
    [InlineData(-0.25, -0.35, -0.15, Verdict.Fail)]
    [InlineData(0.25, 0.15, 0.35, Verdict.Fail)]
    [InlineData(0.02, -0.20, 0.05, Verdict.Inconclusive)]
    public void A_signed_difference_is_judged_by_its_size(double value, double lower, double upper, Verdict expected) =>
        Assert.Equal(expected, Judge.Decide(Rule(Better.NearZero) with { Max = 0.10 }, new(value, lower, upper, 100)));

    [Theory]
    [InlineData(0.95, 0.85, 1.05, Verdict.Pass)]
    [InlineData(1.60, 1.40, 1.90, Verdict.Fail)]
    [InlineData(0.60, 0.50, 0.70, Verdict.Fail)]
    [InlineData(1.10, 0.90, 1.35, Verdict.Inconclusive)]
    public void A_ratio_is_judged_from_both_sides(double value, double lower, double upper, Verdict expected) =>
        Assert.Equal(expected, Judge.Decide(Rule(Better.NearOne) with { Min = 0.80 }, new(value, lower, upper, 100)));

    [Fact]
    public void What_was_not_measured_never_passes() =>
        Assert.Equal(
            Verdict.NotMeasured,
            Judge.Decide(Rule(Better.Higher) with { Min = 0 }, Measurement.NotMeasured("no rows"))
        );

    [Fact]
    public void A_drop_needs_a_base()
    {
        var rule = Rule(Better.Higher) with { Drop = 0.01 };
        Assert.Equal(Verdict.NotMeasured, Judge.Decide(rule, new(0.9, 0.88, 0.92, 100)));
        Assert.Equal(Verdict.Pass, Judge.Decide(rule, new(0.9, 0.88, 0.92, 100), new(0.905, 0.88, 0.93, 100)));
        Assert.Equal(Verdict.Fail, Judge.Decide(rule, new(0.9, 0.88, 0.92, 100), new(0.92, 0.90, 0.94, 100)));
        // With an interval of the difference, that interval decides.
        Measurement now = new(0.9, 0.88, 0.92, 100),
            before = new(0.905, 0.88, 0.93, 100);
        Assert.Equal(Verdict.Pass, Judge.Decide(rule, now, before, new Measurement(0.005, 0, rule.Drop!.Value, 100)));
        Assert.Equal(Verdict.Inconclusive, Judge.Decide(rule, now, before, new Measurement(0.005, -0.02, 0.03, 100)));
        Assert.Equal(Verdict.Fail, Judge.Decide(rule, now, before, new Measurement(0.05, 0.04, 0.06, 100)));
        Assert.Equal(Verdict.Pass, Judge.Decide(rule, now, before, Measurement.NotMeasured("no interval")));
    }

    private static GateRule Rule(Better better) => new() { Metric = new NamedMetric("any", "Any.", better) };
}
