using System.Collections.Immutable;
using PostTrainGate.Attacks;

namespace PostTrainGate.Repairs;

/// <summary>
/// Tries adversarial tuning for the gates under attack that failed, as long as the policy's budget allows.
/// </summary>
public sealed class AdversarialRepair : IRepair
{
    // Each with the share of the policy's budget that it is planned for, best first.
    private static readonly (Func<Adversarial, Adversarial> Change, double Share)[] Grid =
    [
        (a => a, 0.35),
        (a => Slower(a), 0.2),
        (a => a with { AttackSteps = 3, Reach = 2 }, 0.35),
    ];

    // A changed category is a large step: where only a single class withstands it, tuning on attacked rows alone ends
    // there.
    private static readonly (Func<Adversarial, Adversarial>, double)[] GridOfTables =
    [
        .. Grid,
        (a => Slower(a) with { CleanShare = 0.5 }, 0.1),
    ];

    private static Adversarial Slower(Adversarial a) => a with { Schedule = a.Schedule with { LearningRate = 0.02 } };

    /// <inheritdoc/>
    public string Name => "adversarial";

    /// <inheritdoc/>
    public string Summary =>
        "Adversarial training that keeps the labels and clean activations of attacked inputs "
        + "(after fast adversarial training, Wong et al. 2020).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.UnderAttack().Length == 0 ? "no gate with an attack failed" : null;

    /// <inheritdoc/>
    public IEnumerable<RepairCandidate> Repair(RepairContext context) => RepairSearch.Over(context, Recipes(context));

    private static IEnumerable<TransformRecipe> Recipes(RepairContext context)
    {
        // Of several epsilons in one norm the largest covers the others; rows of a table that keep their form are a
        // budget of their own.
        AttackRun[] runs =
        [
            .. context
                .UnderAttack()
                .Select(g => new AttackRun(g.Attack!, 0) { Layout = context.RepairSet.Layout })
                .GroupBy(r => (r.Settings.Norm, r.Attack.KeepsForm))
                .OrderBy(g => g.Key)
                .Select(g => g.MaxBy(r => (r.Settings.Epsilon, r.Settings.Categories))!),
        ];
        var input = context.Source.Input;
        ImmutableArray<Budget> budgets =
        [
            .. runs.Select(r => Budget.FromSettings(r.Settings, input) with { Form = r.Form(input) }),
        ];
        try
        {
            foreach (var recipe in Recipes(context, budgets))
                yield return recipe;
        }
        finally
        {
            foreach (var budget in budgets)
                budget.Form?.Dispose();
        }
    }

    private static IEnumerable<TransformRecipe> Recipes(RepairContext context, ImmutableArray<Budget> budgets)
    {
        var seconds = context.TimeLimit.TotalSeconds;
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs);
        foreach (var (change, share) in budgets.Any(b => b.Form is not null) ? GridOfTables : Grid)
        {
            var recipe = change(new Adversarial { Budgets = budgets });
            // Units of one forward pass: attack 1 + 1, clean targets 1, tuning 3; attack's overhead.
            var passes = 3 * recipe.AttackSteps + 4;
            var steps = cost.Steps(seconds * share, passes, recipe.Schedule.BatchSize, context.RepairSet.Count);
            yield return (recipe with { Schedule = recipe.Schedule with { Steps = steps } }).Recipe(context.Source);
        }
    }
}
