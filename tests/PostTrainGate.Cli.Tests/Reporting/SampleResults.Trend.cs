using System.Collections.Immutable;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Metrics;

namespace PostTrainGate.Tests.Reporting;

internal static partial class SampleResults
{
    // The parity gets worse with the eighth run; the sixth could not measure the impact.
    private static readonly double?[][] Past =
    [
        [0.760, 0.752, 0.764, 0.757, 0.749, 0.761, 0.755, 0.763, 0.751, 0.758, 0.754],
        [-0.061, -0.055, -0.070, -0.064, -0.058, -0.067, -0.060, -0.180, -0.192, -0.185, -0.190],
        [0.163, 0.163, 0.163, 0.163, 0.163, 0.163, 0.163, 0.163, 0.163, 0.163, 0.163],
        [0.83, 0.86, 0.85, 0.88, 0.84, null, 0.87, 0.85, 0.89, 0.86, 0.85],
        [null, null, null, null, null, null, null, null, null, null, null],
    ];

    /// <summary><see cref="Repaired"/> after eleven runs, a day and a model each.</summary>
    public static GateResult Trending => Trends.Add(Repaired, Before(Repaired), new(File));

    /// <summary>The rows of the eleven runs.</summary>
    public static ImmutableArray<HistoryRow> Before(GateResult last) =>
        [.. Enumerable.Range(0, Past[0].Length).SelectMany(run => HistoryRow.From(Day(last, run), new(File), "main"))];

    /// <summary>One of the eleven runs.</summary>
    public static GateResult Day(GateResult last, int run) =>
        last with
        {
            Run = last.Run! with { Started = last.Run.Started.AddDays(run - Past[0].Length) },
            Commit = Convert.ToString(0x1000000 + run * 0x111111, 16).PadRight(40, '0'),
            Model = last.Model! with { Sha256 = new string((char)('0' + run % 10), 64) },
            Gates =
            [
                .. last.Gates.Select(
                    (g, i) =>
                        g with
                        {
                            Threshold = i == 0 && run < 3 ? "at least 0.7" : g.Threshold,
                            Original = Shifted(g.Original, Past[i][run]),
                        }
                ),
            ],
        };

    private static MeasuredValue Shifted(MeasuredValue now, double? value) =>
        value is null
            ? new(null, null, null, 0, Verdict.NotMeasured, "no rows")
            : now with
            {
                Value = value,
                Lower = now.Lower + value - now.Value,
                Upper = now.Upper + value - now.Value,
                Verdict = Math.Abs(value.Value) is > 0.1 and < 0.7 ? Verdict.Fail : Verdict.Pass,
            };
}
