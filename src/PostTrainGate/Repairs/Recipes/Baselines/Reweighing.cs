using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Reweighing (Kamiran and Calders, Knowledge and Information Systems 2012; AIF360's Reweighing): each row's loss
/// counts P(group) P(label) / P(group, label), by which group and label are independent. As published the model is
/// trained anew with these weights; tuning the given model is the variant that is a repair of it.
/// </summary>
internal sealed class Reweighing : IRepair
{
    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "reweighing";

    /// <inheritdoc/>
    public string Summary =>
        "Trains with weights by which group and label are independent (Kamiran and Calders 2012; baseline REW).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.ByGroup().Length == 0 ? "no gate with a group failed" : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        foreach (var group in context.FailedGroups())
        {
            yield return RecipePlan.Fixed(Recipe(group, ""), context);
            yield return RecipePlan.Fixed(Recipe(group, " from scratch"), context) with
            {
                Start = c => FreshWeights.Draw(c.Source, c.Seed),
            };
        }
    }

    private static TransformRecipe Recipe(GroupColumn group, string variant) =>
        new(
            $"reweighing{variant} ({group.Name})",
            OnnxClassifier.LogitsTap,
            Baselines.Rows,
            (context, _) =>
            {
                var weights = tensor(new GroupCells(context.Data, group).Weights());
                return new(
                    (logits, batch) => Loss(logits, batch.Labels!, weights.index_select(0, batch.Index)),
                    "labels"
                );
            },
            Slices.Everything,
            variant.Length == 0 ? Baselines.FineTuning : Baselines.FromScratch
        )
        {
            Notes = ImmutableSortedDictionary<string, string>.Empty.Add("group", group.Name),
        };

    private static Tensor Loss(Tensor logits, Tensor labels, Tensor weights) =>
        nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.None).mul(weights).mean();
}
