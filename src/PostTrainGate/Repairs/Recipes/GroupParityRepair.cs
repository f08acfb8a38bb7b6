using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Metrics;

namespace PostTrainGate.Repairs;

/// <summary>Tries group parity for the gates by group that failed, over a small grid of weights.</summary>
public sealed class GroupParityRepair : IRepair
{
    private static readonly (bool OwnColumnsOnly, double Weight, double Rate)[] Grid =
    [
        (false, 10, 3e-4),
        (true, 10, 1e-2),
        (false, 30, 3e-4),
        (true, 100, 1e-2),
        (false, 100, 3e-4),
        (false, 3, 3e-4),
    ];

    /// <inheritdoc/>
    public string Name => "group_parity";

    /// <inheritdoc/>
    public string Summary =>
        "A penalty beside the label loss pulls the groups' mean scores together (after Kamishima et al. 2012).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.ByGroup().Length == 0 ? "no gate with a group failed" : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context) =>
        Recipes(context).Select(r => RecipePlan.Fixed(r, context));

    private static IEnumerable<TransformRecipe> Recipes(RepairContext context)
    {
        ImmutableArray<ParityDemand> demands =
        [
            .. context.ByGroup().Select(g => Demand(g, context.RepairSet)).DistinctBy(d => (d.Group.Name, d.Scope)),
        ];
        var readsGroup = Slices.ReadsColumnsOf(demands.Select(d => d.Group), context.Source, context.RepairSet);
        return from setting in Grid
            where readsGroup || !setting.OwnColumnsOnly
            let parity = new GroupParity
            {
                Demands = demands,
                Weight = setting.Weight,
                OwnColumnsOnly = setting.OwnColumnsOnly,
            }
            select (parity with { Schedule = parity.Schedule with { LearningRate = setting.Rate } }).Recipe(
                context.Source
            );
    }

    // Which rows a metric compares the groups on.
    private static ParityDemand Demand(GateRule gate, EvaluationSet data) =>
        new(data.Groups[gate.Group!], gate.Metric.Compares(gate));
}
