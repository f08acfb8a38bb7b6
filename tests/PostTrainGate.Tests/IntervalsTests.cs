using PostTrainGate.Statistics;
using Xunit;

namespace PostTrainGate.Tests;

public class IntervalsTests
{
    // Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I,
    // method 3.
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0.0000, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void Wilsons_interval_is_the_published_one(int hits, int count, double lower, double upper)
    {
        var m = Intervals.Proportion(hits, count, 0.95);
        Assert.Equal(hits / (double)count, m.Value);
        Assert.Equal(lower, m.Lower, 4);
        Assert.Equal(upper, m.Upper, 4);
        Assert.Equal(count, m.Count);
    }

    [Fact]
    public void The_value_lies_in_its_interval_at_every_count()
    {
        for (var n = 1; n <= 60; n++)
        {
            for (var k = 0; k <= n; k++)
            {
                var m = Intervals.Proportion(k, n, 0.95);
                Assert.True(0 <= m.Lower && m.Lower <= m.Value && m.Value <= m.Upper && m.Upper <= 1, $"{k}/{n}: {m}");
            }
        }
    }
}
