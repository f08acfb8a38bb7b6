using System.Diagnostics;
using System.Globalization;
using DuckDB.NET.Data;
using PostTrainGate.Data;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;

namespace PostTrainGate.Bench;

/// <summary>
/// Twelve group metrics of given predictions in Parquet, 1,000 replicates and more for the bootstrap: time and memory on 10 million rows of
/// four groups. The file is made once, from a seed, by DuckDB; making it is not counted.
/// </summary>
internal static class FairnessBench
{
    private static readonly (string Metric, string? Rate)[] Metrics =
    [
        ("statistical_parity_difference", null), ("disparate_impact", null), ("equal_opportunity_difference", null), ("average_odds_difference", null),
        ("average_absolute_odds_difference", null), ("equalized_odds_difference", null), ("predictive_parity_difference", null), ("rate_minimum", "accuracy"),
        ("rate_difference", "auc"), ("rate_maximum", "calibration_error"), ("theil_index", null), ("differential_fairness", null),
    ];

    public static int Run(string[] args)
    {
        var rows = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 10_000_000;
        var file = Path.Combine(Path.GetTempPath(), $"ptg-fairness-{rows}.parquet");
        if (args is [_, "make"])
        {
            Make(file, rows);
            return 0;
        }

        // In a process of its own, so that this one's memory is that of measuring.
        if (!File.Exists(file)) Process.Start(Environment.ProcessPath!, ["fairness", $"{rows}", "make"]).WaitForExit();
        Console.WriteLine($"{rows:N0} rows, {new FileInfo(file).Length / 1e6:N0} MB of Parquet, {Environment.ProcessorCount} cores");

        var clock = Stopwatch.StartNew();
        var table = PredictionTable.Count(new(new(file, file, default), "label", "prediction", "grp") { Score = "score", Favorable = "1" });
        Console.WriteLine($"counted in {clock.Elapsed.TotalSeconds:F1} s: {table.Rows:N0} rows, levels {string.Join(", ", table.Levels)}");
        foreach (var (name, rate) in Metrics)
        {
            var metric = Catalog.Metrics.OfType<TableMetric>().Single(m => m.Name == name);
            var needs = rate is not null && Catalog.Rates.Single(r => r.Name == rate).NeedsScores;
            var lap = Stopwatch.StartNew();
            var m = metric.Measure(needs ? table : table with { Scores = [] }, new GateRule { Metric = name, Rate = rate }, 0.95, seed: 1);
            Console.WriteLine($"{name + (rate is null ? "" : $" of {rate}"),-42} {m.Value,8:F5} [{m.Lower:F5}, {m.Upper:F5}] {lap.Elapsed.TotalSeconds,6:F2} s {m.Reason}");
        }

        using var process = Process.GetCurrentProcess();
        var (seconds, megabytes) = (clock.Elapsed.TotalSeconds, process.PeakWorkingSet64 / 1e6);
        Console.WriteLine($"{Metrics.Length} metrics in {seconds:F1} s (at most 60), peak memory {megabytes:F0} MB (at most 1000)");
        return seconds < 60 && megabytes < 1000 ? 0 : 1;
    }

    private static void Make(string file, int rows)
    {
        using var db = new DuckDBConnection("DataSource=:memory:");
        db.Open();
        var sql = $"""
            SET threads = 1; SET memory_limit = '600MB'; SELECT setseed(0.5);
            COPY (SELECT grp, label, score, CAST(score >= 0.5 AS INTEGER) AS prediction FROM (
                SELECT grp, label, least(0.999, greatest(0.001, 0.4 + 0.2 * label + 0.02 * grp + 0.7 * (random() - 0.5))) AS score FROM (
                    SELECT i % 4 AS grp, CAST(random() < 0.4 + 0.03 * (i % 4) AS INTEGER) AS label FROM range({rows}) t(i)))) TO '{file}' (FORMAT parquet)
            """;
        using var command = new DuckDBCommand(sql, db);
        command.ExecuteNonQuery();
    }
}
