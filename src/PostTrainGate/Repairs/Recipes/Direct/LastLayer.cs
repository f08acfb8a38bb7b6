using System.Collections.Immutable;
using PostTrainGate.Data;

namespace PostTrainGate.Repairs;

/// <summary>
/// Deep feature reweighting (Kirichenko, Izmailov and Wilson, ICLR 2023): the features stay, the last layer is trained
/// again on rows of which each group and label has equally many.
/// </summary>
internal sealed class LastLayer : IRepair
{
    private static readonly TuningSchedule Schedule = new()
    {
        Steps = 400,
        BatchSize = 512,
        LearningRate = 3e-3,
        WeightDecay = 1e-4,
        WarmUp = 0.05,
        Decay = true,
    };

    /// <inheritdoc/>
    public string Name => "last_layer";

    /// <inheritdoc/>
    public string Summary =>
        "Trains the last layer again on rows balanced by group and label (DFR, Kirichenko et al., ICLR 2023).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.ByGroup().Length == 0 ? "no gate with a group failed"
        : context.Source.Layers.IsEmpty ? "the model has no weighted layer"
        : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        foreach (var group in context.FailedGroups())
        {
            foreach (var fresh in new[] { false, true })
            {
                var recipe = Recipe(group, fresh ? " from scratch" : "");
                yield return RecipePlan.Fixed(recipe, context, passes: 2) with
                {
                    Start = fresh ? c => FreshWeights.Draw(c.Source, c.Seed, last: 1) : null,
                };
            }
        }
    }

    /// <summary>The recipe for a group.</summary>
    internal static TransformRecipe Recipe(GroupColumn group, string variant = "") =>
        new(
            $"last_layer{variant} ({group.Name})",
            Models.OnnxClassifier.LogitsTap,
            context =>
            {
                var rows = new GroupCells(context.Data, context.Data.Groups[group.Name]).Balanced(context.Random);
                return new(context.Data.Inputs.index_select(0, rows))
                {
                    Labels = context.Data.Labels.index_select(0, rows),
                    Positions = rows,
                    Description = "rows, balanced by group and label",
                };
            },
            Baselines.LabelsOnly,
            Slices.Head,
            Schedule
        )
        {
            LabelWeight = 1,
            TargetWeight = 0,
            OfLastLayer = true,
            Notes = ImmutableSortedDictionary<string, string>.Empty.Add("group", group.Name),
        };
}
