using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Metrics;
using PostTrainGate.Tests.Repairs;

namespace PostTrainGate.Bench;

/// <summary>
/// Every kind of gate, failed by a small model and repaired: one row a kind, as the reproduction page has it.
/// <c>mend [METRIC ...] [--seconds 60] [--rate accuracy] [--methods policy]</c>.
/// </summary>
internal static class MendBench
{
    public static int Run(string[] args)
    {
        var seconds = Options.Number(args, "--seconds") ?? 60;
        var rate = Rate.All.First(r => r.Name == (Options.Text(args, "--rate") ?? "false_positive_rate"));
        var methods = Options.Text(args, "--methods")?.Split(',');
        var repairs = Catalog.Default.Repairs.Where(r => methods?.Contains(r.Name) ?? r.ByDefault).ToArray();
        var metrics = Catalog.Default.Metrics.Where(m => !args.Any(IsMetric) || args.Contains(m.Name)).ToArray();
        var (kinds, passed) = (0, 0);
        Console.WriteLine("| gate | threshold | before | after | verdict | accuracy lost | method | candidates | s |");
        Console.WriteLine("|---|--:|--:|--:|---|--:|---|--:|--:|");
        foreach (var metric in metrics)
        {
            var clock = Stopwatch.StartNew();
            var its = metric.Keys.Contains(GateKeys.Rate) ? rate : null;
            kinds++;
            if (Mending.Try(metric, its, seconds, repairs) is not { } m)
            {
                Console.WriteLine($"| {metric.Name} | | | | not failed by the model | | | | |");
                continue;
            }

            passed += m.Passes ? 1 : 0;
            var threshold = m.Gate.Min is { } min ? $"≥ {min:F3}" : $"≤ {m.Gate.Max:F3}";
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {metric.Name} | {threshold} | {m.Before:F3} | {m.After:F3} | {m.Verdict} | {m.Cost:F3} | {m.Method} | "
                        + $"{m.Candidates} | {clock.Elapsed.TotalSeconds:F0} |"
                )
            );
        }

        Console.WriteLine($"\n{passed} of {kinds} kinds pass at no more than two points of accuracy");
        return 0;
    }

    private static bool IsMetric(string name) => Catalog.Default.Metrics.Any(m => m.Name == name);
}
