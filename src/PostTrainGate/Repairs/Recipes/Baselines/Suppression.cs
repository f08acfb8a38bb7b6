using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Suppression (Kamiran and Calders 2012): the model is trained without the protected columns. Here the weights of the
/// first layer that read them are 0 and stay so, which is as if the columns were not there.
/// </summary>
internal sealed class Suppression : IRepair
{
    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "suppression";

    /// <inheritdoc/>
    public string Summary =>
        "Trains without the protected columns, whose weights stay 0 (Kamiran and Calders 2012; baseline SUPP).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.ByGroup().Length == 0 ? "no gate with a group failed"
        : !Slices.ReadsColumnsOf(context.FailedGroups(), context.Source, context.RepairSet)
            ? "the model reads no column of the group"
        : !ReadsInput(context) ? "the first layer does not read the input's columns one by one"
        : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        GroupColumn[] groups = [.. context.FailedGroups()];
        foreach (var fresh in new[] { false, true })
        {
            var recipe = new TransformRecipe(
                $"suppression{(fresh ? " from scratch" : "")} ({string.Join(", ", groups.Select(g => g.Name))})",
                OnnxClassifier.LogitsTap,
                Baselines.Rows,
                Baselines.LabelsOnly,
                c => Others(groups, c),
                fresh ? Baselines.FromScratch : Baselines.FineTuning
            )
            {
                LabelWeight = 1,
                TargetWeight = 0,
            };
            yield return RecipePlan.Fixed(recipe, context) with
            {
                Start = c => Without(groups, c, fresh),
            };
        }
    }

    private static bool ReadsInput(RepairContext context)
    {
        var model = context.Source;
        return model.InputShape.Length == 1
            && !model.IsLowered
            && model.Layers.Length > 0
            && model.Parameters[model.Layers[0].Weight].shape[model.Layers[0].InputAxis] == model.InputShape[0];
    }

    // All weights but those that read the columns.
    private static WeightSlice Others(GroupColumn[] groups, TransformContext context)
    {
        var columns = Slices.ColumnsOf(groups, context).Masks.ToDictionary(m => m.Key, m => m.Value?.logical_not());
        return new(
            Slices.All(context.Source, context.Source.Layers).SetItems(columns),
            "all weights but those that read the group's columns"
        );
    }

    private static OnnxClassifier Without(GroupColumn[] groups, RepairContext context, bool fresh)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var model = fresh ? FreshWeights.Draw(context.Source, context.Seed) : context.Source.Clone();
        using var random = new Generator(0);
        var slice = Slices.ColumnsOf(groups, new(model, context.RepairSet, OnnxClassifier.LogitsTap, random));
        foreach (var (name, mask) in slice.Masks)
            model.Parameters[name].masked_fill_(mask!, 0);
        return model;
    }
}
