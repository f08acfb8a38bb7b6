using System.Globalization;
using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Reject option classification (Kamiran, Karim and Zhang, ICDM 2012; AIF360): near the threshold the unprivileged get
/// the favorable outcome and the privileged do not. Which is one threshold for each: lower by the margin, or higher.
/// </summary>
internal sealed class RejectOption : IRepair
{
    private const int Thresholds = 100;
    private const int Margins = 50;
    private const double Bound = 0.05; // of the equal opportunity difference
    private const double MostShift = 30; // a threshold of 0 or 1

    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "reject_option";

    /// <inheritdoc/>
    public string Summary =>
        "Near the threshold the outcome goes by the group (Kamiran et al., ICDM 2012; baseline ROC).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context)
    {
        if (context.ByGroup().Length == 0)
            return "no gate with a group failed";
        if (context.Source.Classes != 2)
            return "the model has more than two classes";
        string? reason = "the group has no privileged level";
        return context
            .FailedGroups()
            .Where(g => g.Privileged is not null)
            .Any(g => GroupRules.Find(context, g, out reason) is not null)
            ? null
            : reason;
    }

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs).Seconds(1, 1, context.RepairSet.Count);
        foreach (var group in context.FailedGroups().Where(g => g.Privileged is not null))
            if (GroupRules.Find(context, group, out _) is { } rules)
                yield return new DirectPlan($"reject_option ({group.Name})", cost, run => Make(run, group, rules));
    }

    private static DirectResult Make(DirectRun run, GroupColumn group, GroupRules rules)
    {
        using var _ = no_grad();
        var data = run.Context.RepairSet;
        var scores = run
            .Context.Source.LogitsOfAll(data.Inputs)
            .to(ScalarType.Float64)
            .softmax(1)
            .select(1, data.Favorable)
            .contiguous()
            .data<double>()
            .ToArray();
        var (threshold, margin) = Fit(data, group, scores);
        var result = GroupThresholds.Realize(
            run,
            group,
            rules,
            [Shift(threshold - margin), Shift(threshold + margin)] // unprivileged, privileged
        );
        return result with
        {
            Details = result
                .Details.SetItem("threshold", threshold.ToString("G4", CultureInfo.InvariantCulture))
                .SetItem("margin", margin.ToString("G4", CultureInfo.InvariantCulture)),
        };

        static double Shift(double p) => Math.Clamp(Math.Log((1 - p) / p), -MostShift, MostShift);
    }

    /// <summary>
    /// Threshold and margin, as the reference fits them: among those whose equal opportunity difference is within the
    /// bound the best balanced accuracy, else the smallest difference.
    /// </summary>
    internal static (double Threshold, double Margin) Fit(EvaluationSet data, GroupColumn group, double[] scores)
    {
        // Sorted scores by side and label: a share above a threshold is then a search.
        var sorted = new double[2, 2][];
        for (var side = 0; side < 2; side++)
        for (var good = 0; good < 2; good++)
            sorted[side, good] =
            [
                .. Enumerable
                    .Range(0, data.Count)
                    .Where(i =>
                        GroupColumn.CountedLevel(group, i) == side
                        && data.LabelValues[i] == data.Favorable == (good == 1)
                    )
                    .Select(i => scores[i])
                    .Order(),
            ];
        var (best, nearest) = ((0.5, 0.0, double.NegativeInfinity), (0.5, 0.0, double.PositiveInfinity));
        for (var t = 0; t < Thresholds; t++)
        {
            var threshold = 0.01 + 0.98 * t / (Thresholds - 1);
            for (var m = 0; m < Margins; m++)
            {
                var margin = Math.Min(threshold, 1 - threshold) * m / (Margins - 1);
                double[] at = [threshold - margin, threshold + margin];
                var difference = Math.Abs(Rate(0, 1, at) - Rate(1, 1, at));
                var balanced = (Both(1, at) + 1 - Both(0, at)) / 2;
                if (difference <= Bound && balanced > best.Item3)
                    best = (threshold, margin, balanced);
                if (difference < nearest.Item3)
                    nearest = (threshold, margin, difference);
            }
        }

        return double.IsFinite(best.Item3) ? (best.Item1, best.Item2) : (nearest.Item1, nearest.Item2);

        double Above(int side, int good, double[] at) => sorted[side, good].Length - UpTo(sorted[side, good], at[side]);
        double Rate(int side, int good, double[] at) => Above(side, good, at) / Math.Max(1, sorted[side, good].Length);
        double Both(int good, double[] at) =>
            (Above(0, good, at) + Above(1, good, at)) / Math.Max(1, sorted[0, good].Length + sorted[1, good].Length);
    }

    // How many sorted values are at most a bound.
    private static int UpTo(double[] sorted, double bound)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (sorted[middle] <= bound)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}
