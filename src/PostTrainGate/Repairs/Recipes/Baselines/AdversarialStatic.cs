using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Adversarial fine-tuning on a static set, as the published comparison of Dare has it (Jiang et al., TOSEM 2024): one
/// attack perturbs the repair rows once, on the source; the model is tuned on what it found, with the true labels.
/// Rows that the attack does not break are left out; rows that are wrong without it stay as they are. The release
/// mixes no clean rows in; half of them is the usual remedy.
/// </summary>
internal sealed class AdversarialStatic : IRepair
{
    private const int MostRows = 2000;
    private const int Epochs = 20;

    private static readonly (IAttack Attack, string Name, double Passes)[] Attacks =
    [
        (GradientAttack.Fgsm, "fgsm", 2),
        (GradientAttack.Bim, "bim", 30),
        (GradientAttack.Pgd, "pgd", 120),
        (CarliniWagner.Instance, "carlini_wagner", 300),
        (Jsma.Instance, "jsma", 100),
    ];

    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "adversarial_static";

    /// <inheritdoc/>
    public string Summary =>
        "Tunes on adversarial rows that one attack made of the source, once (baselines AT-FGSM to AT-JSMA).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.UnderAttack().Length == 0 ? "no gate with an attack failed" : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        var largest = context.UnderAttack().Select(g => g.Attack!).MaxBy(a => a.Epsilon)!;
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs);
        foreach (var (attack, name, passes) in Attacks)
        {
            var settings = Settings(attack, largest);
            // Made once for both plans.
            var found = new Lazy<Tensor[]>(() =>
            {
                var made = Found(context, settings);
                foreach (var tensor in made)
                    context.Owned.Add(tensor);
                return made;
            });
            foreach (var clean in new[] { 0.5, 0 })
            {
                var rows = (int)Math.Min(MostRows, context.RepairSet.Count) * (clean > 0 ? 2 : 1);
                var plan = RecipePlan.Fixed(Recipe(name, clean, () => found.Value), context, rows: rows);
                yield return plan with
                {
                    Cost = plan.Cost + cost.Seconds(rows / 250.0, passes, 250),
                };
            }
        }
    }

    /// <summary>The attack under the gate's budget; a minimal one has none.</summary>
    internal static AttackSettings Settings(IAttack attack, AttackSettings gate)
    {
        var fits = attack.Norms.Contains(gate.Norm);
        var settings = new AttackSettings(attack, fits ? gate.Norm : attack.Norms[0], gate.Epsilon);
        return attack is IMinimalAttack or Jsma ? settings with { Epsilon = double.PositiveInfinity } : settings;
    }

    /// <summary>
    /// Adversarial rows, the clean rows they come from, and their labels: of those that the source has right what the
    /// attack found, of the others the rows as they are.
    /// </summary>
    internal static Tensor[] Found(RepairContext context, AttackSettings settings)
    {
        using var gradients = enable_grad(); // asked for where a recipe's rows are made, without any
        using var scope = NewDisposeScope();
        using var random = new Generator((ulong)Seeds.Derive(context.Seed, "adversarial_static rows"));
        var chosen = randperm(context.RepairSet.Count, generator: random)
            .narrow(0, 0, Math.Min(MostRows, context.RepairSet.Count));
        var (inputs, labels) = (
            context.RepairSet.Inputs.index_select(0, chosen),
            context.RepairSet.Labels.index_select(0, chosen)
        );
        var run = new AttackRun(settings, Seeds.Derive(context.Seed, settings.Name))
        {
            KeepExamples = true,
            Cancel = context.Cancel,
        };
        Tensor examples;
        long[] kept;
        if (settings.Attack is IMinimalAttack)
        {
            using var distances = AttackHarness.Distances(context.Source, inputs, labels, run);
            examples = distances.Examples!.clone();
            kept = [.. Kept(i => !distances.Correct[i] || double.IsFinite(distances.Distance[i]))];
        }
        else
        {
            using var outcome = AttackHarness.Run(context.Source, inputs, labels, run);
            examples = outcome.Examples!.clone();
            kept = [.. Kept(i => !outcome.Robust[i])];
        }

        var places = tensor(kept);
        return
        [
            examples.index_select(0, places).DetachFromDisposeScope(),
            inputs.index_select(0, places).DetachFromDisposeScope(),
            labels.index_select(0, places).DetachFromDisposeScope(),
        ];

        IEnumerable<long> Kept(Func<int, bool> where) =>
            Enumerable.Range(0, (int)labels.shape[0]).Where(where).Select(i => (long)i);
    }

    private static TransformRecipe Recipe(string attack, double clean, Func<Tensor[]> found) =>
        new(
            FormattableString.Invariant($"adversarial_static {attack}{(clean > 0 ? $", {clean:P0} clean" : "")}"),
            OnnxClassifier.LogitsTap,
            _ =>
            {
                var (rows, plain, labels) = (found()[0], found()[1], found()[2]);
                return clean == 0
                    ? new(rows.alias()) { Labels = labels.alias(), Description = $"rows made by {attack}, once" }
                    : new(cat([rows, plain], 0))
                    {
                        Labels = cat([labels, labels], 0),
                        Description = $"rows made by {attack}, once, and as many clean ones",
                    };
            },
            Baselines.LabelsOnly,
            Slices.Everything,
            new()
            {
                Epochs = Epochs,
                BatchSize = 32,
                LearningRate = 1e-4,
            }
        )
        {
            LabelWeight = 1,
            TargetWeight = 0,
            Notes = ImmutableSortedDictionary<string, string>.Empty.Add("attack", attack),
        };
}
