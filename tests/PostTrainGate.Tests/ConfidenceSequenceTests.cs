using PostTrainGate.Attacks;
using PostTrainGate.Metrics;
using PostTrainGate.Statistics;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>The confidence sequence against its definition, and gates that are decided with it against gates that see
/// every row.</summary>
public class ConfidenceSequenceTests
{
    [Theory]
    [InlineData(1, 0.95)]
    [InlineData(7, 0.8)]
    [InlineData(23, 0.95)]
    [InlineData(60, 0.99)]
    public void It_is_the_prior_posterior_ratio_of_a_uniform_prior(int total, double confidence)
    {
        for (var drawn = 0; drawn <= total; drawn++)
        {
            for (var hits = 0; hits <= drawn; hits++)
            {
                // As Waudby-Smith and Ramdas define it: prior over posterior of every candidate, by Bayes' rule in
                // full.
                var prior = 1.0 / (total + 1);
                double Likelihood(int k) => Choose(k, hits) * Choose(total - k, drawn - hits) / Choose(total, drawn);
                var evidence = Enumerable.Range(0, total + 1).Sum(k => prior * Likelihood(k));
                var possible = Enumerable
                    .Range(0, total + 1)
                    .Where(k => Likelihood(k) > 0 && prior / (prior * Likelihood(k) / evidence) < 1 / (1 - confidence))
                    .ToArray();
                Assert.Equal((possible[0], possible[^1]), ConfidenceSequence.Possible(hits, drawn, total, confidence));
                // A stretch, as the ends are all that is kept.
                Assert.Equal(possible[^1] - possible[0] + 1, possible.Length);
            }
        }
    }

    [Fact]
    public void Over_every_order_of_a_small_set_the_truth_leaves_with_its_probability_at_most()
    {
        const int total = 12;
        for (var truth = 0; truth <= total; truth++)
        {
            // Every order is as likely as any other: all of them, as masks of the rows that hold.
            var (orders, left) = (0, 0);
            for (var mask = 0; mask < 1 << total; mask++)
            {
                if (int.PopCount(mask) != truth)
                    continue;
                orders++;
                var hits = 0;
                for (var drawn = 1; drawn <= total; drawn++)
                {
                    hits += mask >> (drawn - 1) & 1;
                    var (least, most) = ConfidenceSequence.Possible(hits, drawn, total, 0.8);
                    if (truth >= least && truth <= most)
                        continue;
                    left++;
                    break;
                }
            }

            Assert.InRange(left / (double)orders, 0, 0.2);
        }
    }

    [Fact]
    public void Once_every_row_is_drawn_it_is_the_measurement_of_all_rows()
    {
        foreach (var (hits, total) in new[] { (0, 40), (40, 40), (563, 1000), (1, 100_000), (70_000, 100_000) })
            Assert.Equal(Intervals.Proportion(hits, total, 0.95), ConfidenceSequence.Measure(hits, total, total, 0.95));
    }

    [Theory]
    [InlineData(0.5, null)]
    [InlineData(null, 0.5)]
    [InlineData(0.45, 0.55)]
    public void A_verdict_is_certain_where_every_possible_number_gives_it_and_is_that_of_the_interval(
        double? min,
        double? max
    )
    {
        const int total = 200;
        var rule = new GateRule
        {
            Metric = Named.Metric("robust_accuracy"),
            Min = min,
            Max = max,
        };
        Verdict Of(int k) => Judge.Decide(rule, Intervals.Proportion(k, total, 0.95));
        for (var drawn = 8; drawn <= total; drawn += 8)
        {
            for (var hits = 0; hits <= drawn; hits++)
            {
                var possible = ConfidenceSequence.Possible(hits, drawn, total, 0.95);
                if (!EarlyVerdict.IsCertain(rule, possible, total, 0.95))
                    continue;
                var verdict = Judge.Decide(rule, ConfidenceSequence.Measure(hits, drawn, total, 0.95));
                for (var k = possible.Least; k <= possible.Most; k++)
                    Assert.Equal(verdict, Of(k));
            }
        }
    }

    // What a gate does, with rows that hold or not by the toss of a coin. Near the threshold, where errors live, and
    // far from it.
    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.55)]
    // A full run of 1,000 rows passes or is inconclusive: the threshold between the two verdicts is right here.
    [InlineData(0.57)]
    [InlineData(0.6)]
    [InlineData(0.63)]
    [InlineData(0.65)]
    [InlineData(0.9)]
    public void Of_a_thousand_gates_at_most_five_in_a_hundred_differ_from_all_rows(double rate)
    {
        var (wrong, drawn) = SimulatedGates.Run(
            1000,
            1000,
            rate,
            new() { Metric = Named.Metric("robust_accuracy"), Min = 0.6 },
            0.95
        );
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"rate {rate}: {wrong / 10.0} % differ, median {drawn} of 1000 rows"
        );
        Assert.InRange(wrong, 0, 50);
        if (Math.Abs(rate - 0.6) > 0.2)
            Assert.InRange(drawn, 1, 100);
    }

    [Fact]
    public void The_order_of_rows_is_a_shuffle_that_a_seed_repeats()
    {
        var rows = Enumerable.Range(0, 1000).ToArray();
        var chunks = AttackPlan.Chunks(rows, 3).ToArray();
        Assert.Equal(rows, chunks.SelectMany(c => c).Order());
        Assert.Equal(chunks.SelectMany(c => c), AttackPlan.Chunks(rows, 3).SelectMany(c => c));
        Assert.NotEqual(chunks[0], AttackPlan.Chunks(rows, 4).First());
        Assert.Equal([32, 32, 32, 48, 72, 108, 162, 243, 250, 21], chunks.Select(c => c.Length));
        // Rows come at every place: the mean of the first chunk's numbers over many seeds is the middle.
        Assert.InRange(
            Enumerable.Range(0, 400).Average(seed => AttackPlan.Chunks(rows, seed).First().Average()),
            490,
            509
        );
    }

    private static double Choose(int n, int k)
    {
        if (k < 0 || k > n)
            return 0;
        var product = 1.0;
        for (var i = 1; i <= k; i++)
            product = product * (n - k + i) / i;
        return product;
    }
}
