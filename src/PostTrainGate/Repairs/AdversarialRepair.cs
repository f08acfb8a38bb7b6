using System.Collections.Immutable;
using PostTrainGate.Attacks;

namespace PostTrainGate.Repairs;

/// <summary>Tries adversarial tuning for the gates under attack that failed, as long as the policy's budget allows.</summary>
public sealed class AdversarialRepair : IRepair
{
    /// <summary>Share of the policy's budget that each candidate is planned for, best first.</summary>
    private static readonly (Func<Adversarial, Adversarial> Change, double Share)[] Grid =
    [
        (a => a, 0.35),
        (a => a with { Schedule = a.Schedule with { LearningRate = 0.02 } }, 0.2),
        (a => a with { AttackSteps = 3, Reach = 2 }, 0.35),
    ];

    /// <inheritdoc/>
    public string Name => "adversarial";

    /// <inheritdoc/>
    public string Summary => "Inputs attacked at every step keep their labels and the activations of clean ones (fast adversarial training, Wong et al. 2020, in the same transform).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) => context.UnderAttack().Length == 0 ? "no gate under an attack failed" : null;

    /// <inheritdoc/>
    public IEnumerable<RepairCandidate> Repair(RepairContext context) => RepairSearch.Over(context, Recipes(context));

    private static IEnumerable<TransformRecipe> Recipes(RepairContext context)
    {
        // Of several epsilons in one norm the largest covers the others.
        ImmutableArray<Budget> budgets = [.. context.UnderAttack().GroupBy(g => g.Attack!.Norm).OrderBy(g => g.Key)
            .Select(g => Budget.Of(g.Select(r => r.Attack!).MaxBy(a => a.Epsilon)!, context.Source.Input))];
        var seconds = (context.Policy.Repair ?? new()).Budget.TotalSeconds;
        var cost = TuningCost.Of(context.Source, context.RepairSet.Inputs);
        foreach (var (change, share) in Grid)
        {
            var recipe = change(new Adversarial { Budgets = budgets });
            var passes = 3 * recipe.AttackSteps + 4; // units of one forward pass: attack 1 + 1, clean targets 1, tuning 3; attack's overhead
            var steps = cost.Steps(seconds * share, passes, recipe.Schedule.BatchSize, context.RepairSet.Count);
            yield return (recipe with { Schedule = recipe.Schedule with { Steps = steps } }).Recipe(context.Source);
        }
    }
}
