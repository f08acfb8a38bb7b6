using PostTrainGate.Attacks;
using PostTrainGate.Metrics;
using PostTrainGate.Statistics;

namespace PostTrainGate.Tests;

/// <summary>Gates whose rows hold or not by chance, decided early and by all rows.</summary>
internal static class SimulatedGates
{
    /// <summary>Number of gates whose early verdict is not that of all rows, and the median of rows drawn.</summary>
    public static (int Wrong, int MedianDrawn) Run(int gates, int rows, double rate, GateRule rule, double confidence)
    {
        var random = new Random(17);
        var (wrong, drawn) = (0, new List<int>());
        for (var gate = 0; gate < gates; gate++)
        {
            bool[] holds = [.. Enumerable.Range(0, rows).Select(_ => random.NextDouble() < rate)];
            var all = Judge.Decide(rule, Intervals.Proportion(holds.Count(h => h), rows, confidence));
            var (hits, seen) = (0, 0);
            foreach (var chunk in AttackPlan.Chunks(Enumerable.Range(0, rows), gate))
            {
                (hits, seen) = (hits + chunk.Count(row => holds[row]), seen + chunk.Length);
                if (
                    EarlyVerdict.IsCertain(
                        rule,
                        ConfidenceSequence.Possible(hits, seen, rows, confidence),
                        rows,
                        confidence
                    )
                )
                    break;
            }

            if (Judge.Decide(rule, ConfidenceSequence.Measure(hits, seen, rows, confidence)) != all)
                wrong++;
            drawn.Add(seen);
        }

        return (wrong, drawn.Order().ElementAt(gates / 2));
    }
}
