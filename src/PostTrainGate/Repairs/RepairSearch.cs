using PostTrainGate.Foundation;
using PostTrainGate.Metrics;

namespace PostTrainGate.Repairs;

/// <summary>What the repairs of the catalog share: recipes, one after the other, until time is up.</summary>
internal static class RepairSearch
{
    /// <summary>
    /// Runs recipes in order. Each has a random stream of its own, so that leaving one out changes no other.
    /// </summary>
    /// <param name="context">Model, rows, selection and time.</param>
    /// <param name="recipes">Best first.</param>
    public static IEnumerable<RepairCandidate> Over(RepairContext context, IEnumerable<TransformRecipe> recipes)
    {
        foreach (var recipe in recipes)
        {
            context.Cancel.ThrowIfCancellationRequested();
            if (DateTime.UtcNow >= context.Deadline.ToUniversalTime())
                yield break;
            yield return ModelTransform.Run(
                recipe,
                new(
                    context.Source,
                    context.RepairSet,
                    Seeds.Derive(context.Seed, recipe.Stream),
                    context.Selection,
                    context.Deadline,
                    context.Progress,
                    context.Cancel
                )
            );
        }
    }

    /// <summary>Failed gates under an attack.</summary>
    public static GateRule[] UnderAttack(this RepairContext context) =>
        [.. context.Failed.Where(g => g.Attack is { Epsilon: < double.PositiveInfinity })];

    /// <summary>Failed gates by group.</summary>
    public static GateRule[] ByGroup(this RepairContext context) =>
        [.. context.Failed.Where(g => g.Group is { } name && context.RepairSet.Groups.ContainsKey(name))];
}
