using System.Diagnostics;
using System.Globalization;
using DuckDB.NET.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;

namespace PostTrainGate.Bench;

/// <summary>
/// A policy of predictions alone: twelve group metrics of a Parquet file, 1,000 replicates and more for each bootstrap.
/// Time and memory on ten million rows of four groups. The file is made once, from a seed, by DuckDB; making it is not
/// counted.
/// </summary>
internal static class FairnessBench
{
    private const string Policy = """
        version: 1
        data: { source: predictions.parquet, label: label, prediction: prediction, score: score, favorable: 1 }
        groups: { group: { column: grp } }
        gates:
          - statistical_parity_difference: { group: group, max: 0.1 }
          - disparate_impact: { group: group, min: 0.8 }
          - equal_opportunity_difference: { group: group, max: 0.1 }
          - average_odds_difference: { group: group, max: 0.1 }
          - average_absolute_odds_difference: { group: group, max: 0.1 }
          - equalized_odds_difference: { group: group, max: 0.1 }
          - predictive_parity_difference: { group: group, max: 0.1 }
          - rate_minimum: { group: group, rate: accuracy, min: 0.5 }
          - rate_difference: { group: group, rate: auc, max: 0.1 }
          - rate_maximum: { group: group, rate: calibration_error, max: 0.2 }
          - theil_index: { max: 0.5 }
          - differential_fairness: { group: group, max: 0.3 }
        """;

    public static int Run(string[] args)
    {
        var rows = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 10_000_000;
        var folder = Path.Combine(Path.GetTempPath(), $"posttraingate-fairness-{rows}");
        var file = Path.Combine(folder, "predictions.parquet");
        if (args is [_, "make"])
        {
            Make(file, rows);
            return 0;
        }

        // In a process of its own, so that this one's memory is that of measuring.
        Directory.CreateDirectory(folder);
        if (!File.Exists(file))
            Process.Start(Environment.ProcessPath!, ["fairness", $"{rows}", "make"]).WaitForExit();
        Console.WriteLine(
            $"{rows:N0} rows, {new FileInfo(file).Length / 1e6:N0} MB of Parquet, {Environment.ProcessorCount} cores"
        );
        File.WriteAllText(Path.Combine(folder, PolicyReader.FileName), Policy);

        var clock = Stopwatch.StartNew();
        var (policy, diagnostics) = PolicyReader.Read(folder);
        var (stage, lap) = ("", TimeSpan.Zero);
        var result = Gate.Run(
            policy ?? throw new GateException([.. diagnostics]),
            progress: new Relay<RunProgress>(p => Next(p.Stage))
        );
        Next("");
        foreach (var gate in result.Gates)
            Console.WriteLine($"{gate.Title, -55} {GateText.Value(gate.Original)} {gate.Original.Verdict}");
        using var process = Process.GetCurrentProcess();
        var (seconds, megabytes) = (clock.Elapsed.TotalSeconds, process.PeakWorkingSet64 / 1e6);
        Console.WriteLine(
            $"{result.Gates.Length} metrics in {seconds:F1} s (at most 60), peak memory {megabytes:F0} MB (at most "
                + "1000)"
        );
        return seconds < 60 && megabytes < 1000 ? 0 : 1;

        void Next(string next)
        {
            if (stage.Length > 0)
                Console.WriteLine($"{stage, -55} {(clock.Elapsed - lap).TotalSeconds, 6:F2} s");
            (stage, lap) = (next, clock.Elapsed);
        }
    }

    private static void Make(string file, int rows)
    {
        using var db = new DuckDBConnection("DataSource=:memory:");
        db.Open();
        var sql = $"""
            SET threads = 1; SET memory_limit = '600MB'; SELECT setseed(0.5);
            COPY (SELECT grp, label, score, CAST(score >= 0.5 AS INTEGER) AS prediction FROM (
                SELECT grp, label,
                    least(0.999, greatest(0.001, 0.4 + 0.2 * label + 0.02 * grp + 0.7 * (random() - 0.5))) AS score
                FROM (
                    SELECT i % 4 AS grp, CAST(random() < 0.4 + 0.03 * (i % 4) AS INTEGER) AS label
                    FROM range({rows}) t(i)))) TO '{file}' (FORMAT parquet)
            """;
        using var command = new DuckDBCommand(sql, db);
        command.ExecuteNonQuery();
    }
}
