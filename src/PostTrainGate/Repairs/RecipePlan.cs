using PostTrainGate.Foundation;
using PostTrainGate.Models;

namespace PostTrainGate.Repairs;

/// <summary>A recipe for <see cref="ModelTransform"/> as a plan.</summary>
/// <param name="Name">For reports, and for the seed of its random numbers.</param>
/// <param name="Make">
/// Makes the recipe when it is run; what it makes along the way and has to outlive it goes to
/// <see cref="RepairContext.Owned"/>.
/// </param>
/// <param name="Cost">What it takes in full, in the seconds of <see cref="TuningCost"/>.</param>
internal sealed record RecipePlan(string Name, Func<RepairContext, TransformRecipe> Make, double Cost)
    : RepairPlan(Name)
{
    /// <summary>A recipe that is known already.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="context">Model and rows.</param>
    /// <param name="passes">What a step takes, in forward passes.</param>
    /// <param name="rows">Rows that it tunes on; null: those of the repair split.</param>
    public static RecipePlan Fixed(TransformRecipe recipe, RepairContext context, double passes = 3, int? rows = null)
    {
        var (schedule, source, data) = (recipe.Schedule, context.Source, context.RepairSet);
        var steps = schedule.StepsOver(rows ?? data.Count);
        var layers = recipe.OfLastLayer && context.Features() is not null ? source.Layers[^1..] : source.Layers;
        return new(
            recipe.Name,
            _ => recipe,
            TuningCost.Measure(source, data.Inputs, layers).Seconds(steps, passes, schedule.BatchSize)
        );
    }

    /// <summary>Makes the model that tuning starts from; null: it starts from the source.</summary>
    public Func<RepairContext, OnnxClassifier>? Start { get; init; }

    /// <inheritdoc/>
    public override double Seconds => Cost;

    /// <inheritdoc/>
    public override RepairCandidate Run(RepairContext context, double share) => Run(context, share, null);

    /// <inheritdoc/>
    internal override RepairCandidate GoOn(RepairContext context, double share, OnnxClassifier from) =>
        Run(context, share, from);

    private RepairCandidate Run(RepairContext context, double share, OnnxClassifier? from)
    {
        var recipe = Make(context);
        if (Start is null)
            return Run(recipe, context.Source, from, context, share);
        using var start = Start(context);
        var candidate = Run(recipe, start, from, context, share);
        var change = WeightChange.Between(context.Source, candidate.Model).ToString();
        return candidate with { Details = candidate.Details.SetItem("weights_changed", change) };
    }

    private static RepairCandidate Run(
        TransformRecipe recipe,
        OnnxClassifier source,
        OnnxClassifier? from,
        RepairContext context,
        double share
    )
    {
        TransformRun run = new(
            source,
            context.RepairSet,
            // A random stream of its own, so that leaving out a plan changes no other.
            Seeds.Derive(context.Seed, recipe.Stream),
            context.Selection,
            context.Deadline,
            context.Progress,
            context.Cancel
        )
        {
            Share = share,
            Start = from,
        };
        if (recipe.OfLastLayer && context.Features() is { } features && features.Fits(source))
            return features.Tune(run, last => ModelTransform.Run(recipe, last));
        var twin = recipe.InTraining ? NormalizedTwin.Of(source) : null;
        return twin?.Tune(run, normalized => ModelTransform.Run(recipe, normalized)) ?? ModelTransform.Run(recipe, run);
    }
}
