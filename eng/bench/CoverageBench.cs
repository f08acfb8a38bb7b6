using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using TorchSharp;

namespace PostTrainGate.Bench;

/// <summary>
/// How often a 95 % interval holds the truth: data sets drawn from populations with known rates, every kind of group
/// metric. Options:
/// <c>--sets N</c> (1000) data sets for each line, <c>--seed N</c> (1), <c>--only TEXT</c> lines that contain it.
/// </summary>
internal static class CoverageBench
{
    /// <summary>Shares of true and false positives, false and true negatives of each level, and its rows.</summary>
    private sealed record Population(string Name, bool HasPrivileged, params (double[] Cells, int Rows)[] Levels)
    {
        /// <summary>How many times as far apart as they should be the log-odds of scores are.</summary>
        public double Sureness { get; init; } = 1.3;
    }

    private static readonly Population[] Populations =
    [
        new("German", true, ([0.50, 0.10, 0.15, 0.25], 90), ([0.60, 0.15, 0.10, 0.15], 210)),
        new("Adult", true, ([0.06, 0.02, 0.05, 0.87], 1000), ([0.19, 0.08, 0.12, 0.61], 2000)),
        new("no difference", true, Like(0.5, 0.8, 120), Like(0.5, 0.8, 240)),
        new("two equal", false, Like(0.5, 0.8, 200), Like(0.5, 0.8, 200)),
        new("two apart by noise", false, Like(0.5, 0.8, 200), Like(0.56, 0.8, 200)),
        new("two far apart", false, Like(0.3, 0.8, 200), Like(0.7, 0.8, 200)),
        new("three equal", false, Like(0.4, 0.85, 150), Like(0.4, 0.85, 150), Like(0.4, 0.85, 150)),
        new(
            "four near",
            false,
            ([0.40, 0.10, 0.10, 0.40], 150),
            ([0.35, 0.10, 0.15, 0.40], 100),
            ([0.40, 0.05, 0.10, 0.45], 80),
            ([0.30, 0.10, 0.20, 0.40], 200)
        ),
        new(
            "four, one behind",
            false,
            Like(0.5, 0.8, 200),
            Like(0.5, 0.8, 200),
            Like(0.5, 0.8, 200),
            Like(0.25, 0.8, 200)
        ),
        new(
            "four, two and two",
            false,
            Like(0.55, 0.8, 250),
            Like(0.55, 0.8, 150),
            Like(0.4, 0.8, 150),
            Like(0.4, 0.8, 250)
        ),
        new("five in steps", false, [.. Enumerable.Range(0, 5).Select(l => Like(0.3 + 0.08 * l, 0.8, 300))]),
        new("eight equal", false, [.. Enumerable.Range(0, 8).Select(_ => Like(0.5, 0.75, 150))]),
        new("eight in steps", false, [.. Enumerable.Range(0, 8).Select(l => Like(0.35 + 0.04 * l, 0.75, 200))]),
    ];

    private static readonly (string Metric, string? Rate)[] Counted =
    [
        ("statistical_parity_difference", null),
        ("disparate_impact", null),
        ("equal_opportunity_difference", null),
        ("average_odds_difference", null),
        ("average_absolute_odds_difference", null),
        ("equalized_odds_difference", null),
        ("equalized_odds_ratio", null),
        ("rate_difference_to_overall", "selection_rate"),
        ("rate_minimum", "accuracy"),
        ("rate_maximum", "selection_rate"),
        ("rate_minimum", "f1"),
        ("differential_fairness", null),
        ("theil_index", null),
        ("generalized_entropy_index", null),
        ("coefficient_of_variation", null),
        ("between_group_generalized_entropy_index", null),
        ("between_group_coefficient_of_variation", null),
        ("within_group_generalized_entropy_index", null),
    ];

    private static readonly (string Metric, string? Rate)[] Scored =
    [
        .. from metric in new[] { "rate_difference", "rate_minimum", "rate_maximum" }
        from rate in new[] { "auc", "log_loss", "calibration_error" }
        select (metric, rate),
        ("rate_ratio", "calibration_error"),
        ("rate_difference_to_overall", "calibration_error"),
    ];

    // A calibration error is what these are about; other scores are those of a population as it is.
    private static readonly (string Name, double Value)[] Surenesses =
    [
        ("as sure as right", 1),
        ("twice as sure", 2),
        ("not sure enough", 0.7),
    ];

    /// <summary>How many of a line's intervals hold the truth, and lie above it.</summary>
    private sealed record Line(
        Population Population,
        string Metric,
        double Truth,
        int Measured,
        int Holds,
        int Above,
        int Sets
    )
    {
        public override string ToString() =>
            $"{Population.Name + ": " + Metric, -75} truth {Truth, 7:F4} held {Holds / (double)Measured, 6:P1} above "
            + "it "
            + $"{Above / (double)Measured, 5:P1}{(Measured < Sets ? $" ({Sets - Measured} not measured)" : "")}";
    }

    public static int Run(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        torch.set_num_threads(1); // lines side by side instead
        var (sets, seed, only) = (
            Options.Count(args, "--sets") ?? 1000,
            Options.Count(args, "--seed") ?? 1,
            Options.Text(args, "--only") ?? ""
        );
        var counted =
            from p in Populations
            from m in Counted
            select (p, m, Draw: (Func<Population, Random?, int, GroupTable>)Table);
        var ofScores = Populations
            .Where(p => p.Levels.Length == 2 || p.Name.StartsWith("four", StringComparison.Ordinal))
            .ToList();
        var scored = ofScores
            .SelectMany(p => Scored.Select(m => (p, m)))
            .Concat(
                ofScores
                    .SelectMany(p => Surenesses, (p, s) => p with { Name = $"{p.Name}, {s.Name}", Sureness = s.Value })
                    .SelectMany(p => Scored.Where(m => m.Rate == "calibration_error").Select(m => (p, m)))
            )
            .Select(l => (l.p, l.m, Draw: (Func<Population, Random?, int, GroupTable>)ScoredTable));
        var lines = counted
            .Concat(scored)
            .Select(l => (l.p, l.m, Name: l.m.Rate is null ? l.m.Metric : $"{l.m.Metric} of {l.m.Rate}", l.Draw))
            .Where(l => $"{l.p.Name}: {l.Name}".Contains(only, StringComparison.Ordinal))
            .ToList();
        var results = lines
            .AsParallel()
            .AsOrdered()
            .WithMergeOptions(ParallelMergeOptions.NotBuffered)
            .Select(l => Simulate(l.p, l.m, l.Name, l.Draw, sets, seed));
        List<Line> measured = [];
        foreach (var line in results)
        {
            measured.Add(line);
            Console.WriteLine(line);
        }

        Pooled("metric", measured, l => l.Metric);
        Pooled("population", measured, l => l.Population.Name);
        var inside = measured.Count(l => l.Holds / (double)l.Measured is >= 0.93 and <= 0.97);
        Console.WriteLine($"all {Share(measured):P1}; {inside} of {measured.Count} lines within 93 % to 97 %");
        return 0;
    }

    private static void Pooled(string name, List<Line> lines, Func<Line, string> by)
    {
        Console.WriteLine($"by {name}:");
        foreach (var group in lines.GroupBy(by))
            Console.WriteLine($"  {group.Key, -60} {Share(group), 6:P1}");
    }

    private static double Share(IEnumerable<Line> lines) =>
        lines.Sum(l => l.Holds) / (double)lines.Sum(l => l.Measured);

    private static Line Simulate(
        Population population,
        (string Name, string? Rate) m,
        string name,
        Func<Population, Random?, int, GroupTable> draw,
        int sets,
        int seed
    )
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var metric = Catalog.Default.Metrics.OfType<TableMetric>().Single(t => t.Name == m.Name);
        var rule = new GateRule { Metric = metric, Rate = m.Rate is null ? null : Catalog.Default.Get<Rate>(m.Rate) };
        // The figure of the population: of shares, or for scores of very many rows.
        var scored = m.Rate is not null && Catalog.Default.Rates.Single(r => r.Name == m.Rate).NeedsScores;
        var truth = metric.Value(draw(population, scored ? new Random(77) : null, 4000), rule);
        var random = new Random(Seeds.Derive(seed, $"{population.Name}: {name}")); // every line draws its own data sets
        var (holds, above, measured) = (0, 0, 0);
        for (var d = 0; d < sets; d++)
        {
            var found = metric.Measure(draw(population, random, 1), rule, 0.95, d + seed * 100_000);
            if (!found.IsMeasured)
                continue;
            measured++;
            if (found.Lower <= truth + 1e-12 && truth - 1e-12 <= found.Upper)
                holds++;
            else if (found.Lower > truth)
                above++;
        }

        return new(population, name, truth, Math.Max(1, measured), holds, above, sets);
    }

    // Base rate of favourable labels, and how often a prediction is right, whatever the label.
    private static (double[] Cells, int Rows) Like(double favorable, double right, int rows) =>
        ([favorable * right, (1 - favorable) * (1 - right), favorable * (1 - right), (1 - favorable) * right], rows);

    // Rows drawn, or the expected counts of very many.
    private static GroupTable Table(Population population, Random? random, int times) =>
        new(
            [.. population.Levels.Select((_, l) => $"{l}")],
            [
                .. population.Levels.Select(level =>
                    random is null
                        ? Confusion([.. level.Cells.Select(c => c * level.Rows * 1e6)])
                        : Confusion(Draw(level.Cells, level.Rows * times, random))
                ),
            ],
            population.HasPrivileged
        );

    // A label by the level's share of favourable ones; a score whose log-odds are those of the label's classes given
    // noisy evidence, as much too sure as the population says.
    private static GroupTable ScoredTable(Population population, Random? random, int times)
    {
        var tables = population
            .Levels.Select(level =>
            {
                var (favorable, right) = (level.Cells[0] + level.Cells[2], level.Cells[0] + level.Cells[3]);
                var apart = 2 * Quantile(right);
                var (rows, cells) = (new Dictionary<(int, bool), int>(), new double[4]);
                for (var i = 0; i < level.Rows * times; i++)
                {
                    var label = random!.NextDouble() < favorable;
                    var evidence = apart * ((label ? apart : -apart) / 2 + Normal(random));
                    var odds = population.Sureness * evidence + Math.Log(favorable / (1 - favorable));
                    var score = 1 / (1 + Math.Exp(-odds));
                    var step = (int)Math.Round(score * 10_000); // so many different scores that ties are rare
                    rows[(step, label)] = rows.GetValueOrDefault((step, label)) + 1;
                    cells[(label ? 0 : 1) + (score > 0.5 ? 0 : 2)]++;
                }

                return (
                    Confusion(cells),
                    ScoreCounts.Count(
                        rows.Select(r => (r.Key.Item1 / 10_000.0, r.Key.Item1 / 10_000.0, r.Key.Item2, (double)r.Value))
                    )
                );
            })
            .ToArray();
        return new([.. tables.Select((_, l) => $"{l}")], [.. tables.Select(t => t.Item1)], population.HasPrivileged)
        {
            Scores = [.. tables.Select(t => t.Item2)],
        };
    }

    private static double Quantile(double p) => MathNet.Numerics.Distributions.Normal.InvCDF(0, 1, p);

    private static double Normal(Random random) => Quantile(Math.Clamp(random.NextDouble(), 1e-12, 1 - 1e-12));

    private static Confusion Confusion(double[] c) => new(c[0], c[1], c[2], c[3]);

    private static double[] Draw(double[] shares, int rows, Random random)
    {
        var counts = new double[4];
        for (var i = 0; i < rows; i++)
        {
            var u = random.NextDouble();
            var cell = 0;
            while (cell < 3 && (u -= shares[cell]) >= 0)
                cell++;
            counts[cell]++;
        }

        return counts;
    }
}
