using PostTrainGate.Metrics;
using PostTrainGate.Statistics;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Sizes that were measured with noise: how far from the true ones their estimate is on average, and what
/// intervals say.</summary>
public class DebiasedAbsoluteSumTests
{
    // A hundred thousand terms tell a mean to 0.01 of an error.
    [Theory]
    [InlineData(0, 0.798)]
    [InlineData(0.5, 0.396)]
    [InlineData(1, 0.167)]
    [InlineData(2, 0.017)]
    [InlineData(5, 0)]
    public void The_bias_of_a_term_is_at_most_a_quarter_of_its_error(double size, double biasAsMeasured)
    {
        var random = new Random(5);
        NoisyTerm[] terms = [.. Enumerable.Range(0, 100_000).Select(_ => new NoisyTerm(size + Normal(random), 1))];
        Assert.Equal(biasAsMeasured, terms.Average(t => Math.Abs(t.Value)) - size, 0.01);
        var (sum, down, up) = DebiasedAbsoluteSum.Compute(terms);
        Assert.InRange(sum / terms.Length - size, -0.25, 0.25);
        // The error of one of them, as it strays.
        var each = terms.Select(t => DebiasedAbsoluteSum.Compute([t]).Value).ToArray();
        var middle = each.Average();
        var strays = Math.Sqrt(each.Average(v => (v - middle) * (v - middle)));
        Assert.InRange(strays, 0.97, 1.21);
        Assert.InRange(down / Math.Sqrt(terms.Length), 0.8 * strays, 1.05 * strays);
        Assert.InRange(up / Math.Sqrt(terms.Length), 0.9 * strays, 1.15 * strays);
    }

    [Fact]
    public void Scores_that_are_right_hardly_ever_have_an_interval_above_zero()
    {
        var (random, above, largest) = (new Random(6), 0, 0.0);
        const int Sets = 400;
        for (var set = 0; set < Sets; set++)
        {
            var table = new GroupTable(["a", "b"], [new(25, 25, 25, 25), new(50, 50, 50, 50)], HasPrivileged: false)
            {
                Scores = [Right(random, 100), Right(random, 200)],
            };
            var m = GroupExtremum.Maximum.Measure(
                table,
                new GateRule { Metric = Named.Metric("rate_maximum"), Rate = Named.Rate("calibration_error") },
                0.95,
                set
            );
            if (m.Lower > 0)
                above++;
            largest = Math.Max(largest, m.Upper);
        }

        Assert.InRange(above / (double)Sets, 0, 0.08);
        Assert.InRange(largest, 0.05, 0.4);
    }

    [Fact]
    public void Bins_without_any_error_are_not_certain_to_have_none()
    {
        var exact = ScoreCounts.Count([
            (0.25, 0.25, true, 5),
            (0.25, 0.25, false, 15),
            (0.75, 0.75, true, 15),
            (0.75, 0.75, false, 5),
        ]);
        var table = new GroupTable(["a"], [new(15, 5, 5, 15)], HasPrivileged: false) { Scores = [exact] };
        var rate = Catalog.Default.Rates.Single(r => r.Name == "calibration_error");
        var m = LevelRate.Measure(table, 0, rate, 0.95, 1);
        Assert.Equal((0, 0), (m.Value, m.Lower));
        Assert.InRange(m.Upper, 0.01, 0.2);
        Assert.Equal(0, exact.CalibrationError, 12);
    }

    // Labels drawn with the probability that the score says.
    private static ScoreCounts Right(Random random, int rows) =>
        ScoreCounts.Count(
            Enumerable.Range(0, rows).Select(_ => random.NextDouble()).Select(s => (s, s, random.NextDouble() < s, 1.0))
        );

    private static double Normal(Random random) =>
        MathNet.Numerics.Distributions.Normal.InvCDF(0, 1, Math.Clamp(random.NextDouble(), 1e-12, 1 - 1e-12));
}
