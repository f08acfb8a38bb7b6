using System.Globalization;
using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// One threshold for each side of a group (Hardt, Price and Srebro, NeurIPS 2016), which matches or beats what training
/// for fairness reaches (Cruz and Hardt, ICLR 2024): a shift of the favorable logit, chosen on the repair rows. The
/// shift is added as nodes that read the group's column, so the policy has to allow an extended graph.
/// </summary>
internal sealed class GroupThresholds : IRepair
{
    private const int Points = 13;
    private const int Rounds = 5;
    private const double Widest = 3; // of the first grid, in standard deviations of the logit differences

    private static readonly double[] Shares = [1, 0.75, 0.5, 0.25];

    /// <inheritdoc/>
    public string Name => "group_thresholds";

    /// <inheritdoc/>
    public string Summary =>
        "One threshold for each level of a group, as nodes that read its column (Hardt et al. 2016; Cruz and Hardt, "
        + "ICLR 2024).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context)
    {
        if (!context.ByGroup().Any(RowObjective.IsDecided))
            return "no gate on predicted classes by group failed";
        string? reason = null;
        return context.FailedGroups().Any(g => GroupRules.Find(context, g, out reason) is not null) ? null : reason;
    }

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs).Seconds(1, 1, context.RepairSet.Count);
        foreach (var group in context.FailedGroups())
        {
            if (GroupRules.Find(context, group, out _) is not { } rules)
                continue;
            foreach (var aim in new[] { 0.7, 0.3 })
                yield return new DirectPlan(
                    string.Create(CultureInfo.InvariantCulture, $"group_thresholds, aim {aim:G2} ({group.Name})"),
                    cost,
                    run => Make(run, group, rules, aim)
                );
        }
    }

    private static DirectResult Make(DirectRun run, GroupColumn group, GroupRules rules, double aim)
    {
        using var _ = no_grad();
        var (source, data) = (run.Context.Source, run.Context.RepairSet);
        var logits = run.Context.SourceLogits();
        var shifts = Search(run, group, logits, new(run.Context, data, logits, aim));
        DirectResult? best = null;
        SelectionScore bestScore = default;
        // Two graphs have no weights between them, so that shorter steps are tried here.
        foreach (var share in Shares)
        {
            var result = Realize(run, group, rules, [.. shifts.Select(s => share * s)]);
            var score = run.Context.Selection.Score(result.Model);
            if (best is null || score.CompareTo(bestScore) > 0)
            {
                best?.Model.Dispose();
                (best, bestScore) = (result, score);
            }
            else
            {
                result.Model.Dispose();
            }
        }

        return best!;
    }

    /// <summary>The model with the shifts in its graph, or as it was where they cannot be.</summary>
    internal static DirectResult Realize(DirectRun run, GroupColumn group, GroupRules rules, double[] shifts)
    {
        var model = rules.Apply(run.Context.Source, run.Context.RepairSet.Favorable, shifts);
        return new(
            model ?? run.Context.Source.Clone(),
            ("group", group.Name),
            ("graph", model is null ? "kept: it cannot hold the thresholds" : "extended"),
            ("shift", string.Join(", ", shifts.Select(s => s.ToString("G3", CultureInfo.InvariantCulture))))
        );
    }

    // Side by side, over a grid that gets finer round by round.
    private static double[] Search(DirectRun run, GroupColumn group, Tensor logits, RowObjective objective)
    {
        var data = run.Context.RepairSet;
        var sides = group.Privileged is null ? group.Levels.Length : 2;
        var width = Widest * Math.Max(1e-3, logits.sub(logits.mean([1], keepdim: true)).std().item<float>());
        var (shifts, best) = (new double[sides], objective.Of(logits));
        for (var round = 0; round < Rounds; round++, width /= 3)
        for (var side = 0; side < sides; side++)
        {
            var middle = shifts[side];
            foreach (var step in DirectSearch.Steps(width, Points))
            {
                if (run.IsLate)
                    return shifts;
                using var scope = NewDisposeScope();
                var tried = (double[])shifts.Clone();
                tried[side] = middle + step;
                if (objective.Of(Shifted(logits, data, group, tried)) is var cost && cost < best)
                    (best, shifts) = (cost, tried);
            }
        }

        return shifts;
    }

    /// <summary>Logits with the favorable one shifted for each side.</summary>
    internal static Tensor Shifted(Tensor logits, EvaluationSet data, GroupColumn group, double[] shifts)
    {
        using var scope = NewDisposeScope();
        var rows = Enumerable
            .Range(0, data.Count)
            .Select(i => GroupColumn.CountedLevel(group, i) is >= 0 and var side ? (float)shifts[side] : 0)
            .ToArray();
        var shifted = logits.clone();
        shifted.select(1, data.Favorable).add_(tensor(rows));
        return shifted.MoveToOuterDisposeScope();
    }
}
