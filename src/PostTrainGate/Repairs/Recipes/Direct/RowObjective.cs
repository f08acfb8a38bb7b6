using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// What logits of the repair rows cost: the share of wrong rows, what each gate that is counted on predictions misses in
/// units of what the source misses, and classes given up. For searches without gradients.
/// </summary>
internal sealed class RowObjective
{
    // The smallest miss of the source that counts as a unit.
    private const double LeastUnit = 0.01;

    // A class that is predicted for so many rows has to keep half of them: one answer for everybody is fair, and useless.
    private const double CommonClass = 0.05,
        LeastOfClass = 0.5;

    private readonly EvaluationSet _data;
    private readonly int[] _before;
    private readonly (GateRule Gate, double Unit)[] _gates;

    /// <summary>The objective of a policy's gates.</summary>
    /// <param name="context">Gates.</param>
    /// <param name="data">The rows; not owned.</param>
    /// <param name="before">[n, classes]: logits of the source for these rows.</param>
    /// <param name="aim">How far beyond the threshold to aim: 1 is the threshold, 0 the best there is.</param>
    public RowObjective(RepairContext context, EvaluationSet data, Tensor before, double aim)
    {
        _data = data;
        var rows = new LogitPredictions(data, before);
        _before = Counts(rows);
        _gates =
        [
            .. context
                .Gates.Where(IsCounted)
                .Select(g => g.Aimed(aim))
                .Select(g => (g, Math.Max(LeastUnit, Miss(g, rows) is var m && double.IsFinite(m) ? m : 0))),
        ];
    }

    /// <summary>Whether a gate is a function of predictions and thresholds, so that it can be counted here.</summary>
    public static bool IsCounted(GateRule gate) =>
        gate.Metric is Accuracy or TableMetric && (gate.Min is not null || gate.Max is not null);

    /// <summary>Of a failed gate, whether it rests on the favorable predictions and not on scores alone.</summary>
    public static bool IsDecided(GateRule gate) => IsCounted(gate) && gate.Rate is not { NeedsScores: true };

    /// <summary>The cost of logits [n, classes]; the lower the better.</summary>
    public double Of(Tensor logits)
    {
        var rows = new LogitPredictions(_data, logits);
        var cost = (_data.Count - rows.Right) / (double)_data.Count;
        foreach (var (was, now) in _before.Zip(Counts(rows)))
            if (was >= CommonClass * _data.Count)
                cost += Math.Max(0, 1 - now / (LeastOfClass * was));
        foreach (var (gate, unit) in _gates)
        {
            var miss = Miss(gate, rows);
            cost += double.IsNaN(miss) ? 1 : Math.Max(0, miss) / unit;
        }

        return cost;
    }

    private int[] Counts(LogitPredictions rows)
    {
        var counts = new int[_data.ClassNames.Length];
        foreach (var predicted in rows.Classes)
            counts[predicted]++;
        return counts;
    }

    /// <summary>By how much a figure misses its thresholds; negative where it meets them.</summary>
    private static double Miss(GateRule gate, LogitPredictions rows) => Judge.Missed(gate, Value(gate, rows));

    private static double Value(GateRule gate, LogitPredictions rows)
    {
        if (gate.Metric is not TableMetric metric)
            return ((IPredictionMetric)gate.Metric).Measure(rows, gate, 0.95, 0).Value;
        if (gate.Average == ClassView.Favorable)
            return Of(rows.Favorable);
        var each = Enumerable.Range(0, rows.ClassNames.Length).Select(Of);
        return gate.Average == ClassView.Macro ? each.Average()
            : gate.Metric.Better is Better.Higher or Better.NearOne ? each.Min()
            : each.Max();

        double Of(int favorable)
        {
            var scored = gate.Rate is { NeedsScores: true } ? favorable : (int?)null;
            var value = rows.Rows(gate.Group, scored) is { } counted
                ? metric.Value(GroupTable.Count(counted, favorable), gate)
                : double.NaN;
            return Judge.Judged(metric.Better, new(value, value, value, 1)).Value;
        }
    }
}
