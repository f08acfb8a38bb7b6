using System.Collections.Immutable;
using PostTrainGate.Attacks;

namespace PostTrainGate.Repairs;

/// <summary>
/// Plans adversarial tuning for the gates under attack that failed, as long as the policy's effort allows.
/// </summary>
public sealed class AdversarialRepair : IRepair
{
    // Best first. Attacked rows alone make the most robust model, clean ones beside them keep more accuracy: the
    // tournament finds out which of them the policy needs.
    private static readonly Func<Adversarial, Adversarial>[] Grid =
    [
        a => At(a, 0.1) with { CleanShare = 0.3 },
        a => a,
        a => At(a, 0.02) with { CleanShare = 0.3 },
        a => a with { AttackSteps = 3, Reach = 2, CleanShare = 0.3 },
        a => a with { CleanShare = 0.5 },
    ];

    // Part of the policy's effort that a plan can use: the tournament goes on with one or two of them. That of a course
    // which gains accuracy back. And that of the one which spends what is left: a single long course, since several
    // short ones, whose rates fall to nothing each, come to a stand where a long one goes on.
    private const double MostOfEffort = 0.6,
        SettlingPart = 0.06,
        PressingPart = 0.64;

    private static Adversarial At(Adversarial a, double rate) =>
        a with
        {
            Schedule = a.Schedule with { LearningRate = rate },
        };

    // Mostly clean rows, in small steps.
    private static Adversarial Settled(Adversarial a) =>
        At(a, a.Schedule.LearningRate / 5) with
        {
            CleanShare = Math.Max(0.8, a.CleanShare),
            Variant = ", settled",
        };

    // No clean rows, and nothing but the labels to learn: the pull toward clean activations costs a pass and a little
    // robustness.
    private static Adversarial Pressed(Adversarial a) =>
        a with
        {
            CleanShare = 0,
            TargetWeight = 0,
            Variant = ", pressed",
        };

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
    public IEnumerable<RepairPlan> Plan(RepairContext context)
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
        foreach (var form in budgets.Select(b => b.Form).OfType<TabularConstraints>())
            context.Owned.Add(form);
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs);
        foreach (var change in Grid)
        {
            var recipe = change(new Adversarial { Budgets = budgets });
            recipe = At(recipe, recipe.Schedule.LearningRate * Depth.RateOf(context.Source));
            yield return Within(recipe, context.Seconds * MostOfEffort) with
            {
                Settling = Within(Settled(recipe), context.Seconds * SettlingPart),
                Pressing = Within(Pressed(recipe), context.Seconds * PressingPart),
            };
        }

        RecipePlan Within(Adversarial recipe, double seconds)
        {
            // Units of one forward pass: 3 of each attack step and of tuning, 1 of the clean targets.
            var passes = 3 * recipe.AttackSteps + 3 + (recipe.TargetWeight > 0 ? 1 : 0);
            var steps = cost.Steps(seconds, passes, recipe.Schedule.BatchSize, context.RepairSet.Count);
            recipe = recipe with { Schedule = recipe.Schedule with { Steps = steps } };
            return RecipePlan.Fixed(recipe.Recipe(context.Source), context, passes);
        }
    }
}
