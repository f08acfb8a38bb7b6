using PostTrainGate.Metrics;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Whether a 95 % interval of a group metric holds the truth as often as it says, over simulated data
/// sets.</summary>
public class GroupIntervalTests(ITestOutputHelper output)
{
    private const int DataSets = 400;

    // Probabilities of the four cells and number of rows, per level.
    private static readonly Dictionary<string, (Confusion[] Cells, int[] Rows, bool HasPrivileged)> Populations = new()
    {
        ["as in German credit"] = ([new(0.50, 0.10, 0.15, 0.25), new(0.60, 0.15, 0.10, 0.15)], [90, 210], true),
        ["as in Adult"] = ([new(0.06, 0.02, 0.05, 0.87), new(0.19, 0.08, 0.12, 0.61)], [1000, 2000], true),
        ["no difference"] = ([new(0.40, 0.10, 0.10, 0.40), new(0.40, 0.10, 0.10, 0.40)], [120, 240], true),
        ["few rows"] = ([new(0.30, 0.10, 0.20, 0.40), new(0.45, 0.10, 0.05, 0.40)], [30, 60], true),
        ["four levels"] = (
            [
                new(0.40, 0.10, 0.10, 0.40),
                new(0.35, 0.10, 0.15, 0.40),
                new(0.40, 0.05, 0.10, 0.45),
                new(0.30, 0.10, 0.20, 0.40),
            ],
            [150, 100, 80, 200],
            false
        ),
        ["one of four behind"] = (
            [
                new(0.40, 0.10, 0.10, 0.40),
                new(0.40, 0.10, 0.10, 0.40),
                new(0.40, 0.10, 0.10, 0.40),
                new(0.20, 0.05, 0.05, 0.70),
            ],
            [200, 200, 200, 200],
            false
        ),
        ["four equal levels"] = (
            [.. Enumerable.Repeat(new Confusion(0.40, 0.10, 0.10, 0.40), 4)],
            [120, 160, 200, 240],
            false
        ),
    };

    // 400 data sets tell a share of 95 % to 2.2 %; the benchmark 'coverage' looks at more of them and at more
    // populations.
    [Theory]
    [InlineData("as in German credit", "statistical_parity_difference", 0.98)]
    [InlineData("as in German credit", "average_absolute_odds_difference", 0.99)]
    [InlineData("as in Adult", "statistical_parity_difference", 0.98)]
    [InlineData("no difference", "average_absolute_odds_difference", 0.98)]
    [InlineData("few rows", "equal_opportunity_difference", 0.98)]
    [InlineData("few rows", "equalized_odds_difference", 0.98)]
    [InlineData("four levels", "equalized_odds_difference", 0.99)]
    [InlineData("four levels", "differential_fairness", 0.99)]
    [InlineData("one of four behind", "statistical_parity_difference", 0.99)]
    [InlineData("one of four behind", "average_odds_difference", 0.99)]
    [InlineData("four equal levels", "statistical_parity_difference", 0.99)]
    [InlineData("as in German credit", "rate_minimum accuracy", 0.98)]
    [InlineData("four equal levels", "rate_maximum selection_rate", 0.98)]
    [InlineData("four equal levels", "rate_minimum f1", 0.98)]
    public void A_95_percent_interval_holds_the_truth_as_often_as_it_says(string population, string name, double most)
    {
        var (cells, rows, hasPrivileged) = Populations[population];
        GroupTable Table(Func<Confusion, int, Confusion> of) =>
            new([.. cells.Select((_, l) => $"level {l}")], [.. cells.Select(of)], hasPrivileged);

        var parts = name.Split(' ');
        var metric = Catalog.Default.Metrics.OfType<TableMetric>().Single(m => m.Name == parts[0]);
        GateRule rule = new() { Metric = metric, Rate = Named.RateOrNone(parts.ElementAtOrDefault(1)) };
        Confusion All(Confusion c, int level) =>
            new(
                c.TruePositives * rows[level] * 1e6,
                c.FalsePositives * rows[level] * 1e6,
                c.FalseNegatives * rows[level] * 1e6,
                c.TrueNegatives * rows[level] * 1e6
            );
        var truth = metric.Value(Table(All), rule);
        var random = new Random(11);
        var holds = 0;
        for (var d = 0; d < DataSets; d++)
        {
            var m = metric.Measure(Table((c, l) => Draw(random, c, rows[l])), rule, 0.95, d);
            Assert.True(m.IsMeasured, m.Reason);
            if (m.Lower <= truth && truth <= m.Upper)
                holds++;
        }

        output.WriteLine($"{population}, {name} {truth:F3}: {holds / (double)DataSets:P1}");
        Assert.InRange(holds / (double)DataSets, 0.925, most);
    }

    private static Confusion Draw(Random random, Confusion p, int rows)
    {
        var counts = new int[4];
        for (var i = 0; i < rows; i++)
        {
            var u = random.NextDouble();
            counts[
                u < p.TruePositives ? 0
                : u < p.TruePositives + p.FalsePositives ? 1
                : u < 1 - p.TrueNegatives ? 2
                : 3
            ]++;
        }

        return new(counts[0], counts[1], counts[2], counts[3]);
    }
}
