using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Models;

namespace PostTrainGate.Repairs;

/// <summary>Plans Dare on the training history, or on a short history made for it where none was kept.</summary>
public sealed class DareRepair : IRepair
{
    private const int MadeSnapshots = 8;

    // Every snapshot predicts the whole pool; more rows would find more of the same kind.
    private const int Pool = 5000;

    /// <inheritdoc/>
    public string Name => "dare";

    /// <inheritdoc/>
    public string Summary =>
        "Inputs on which an older snapshot was more confident learn its internal representation "
        + "(Dare, Jiang et al., ASE 2022).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        context.UnderAttack().Length == 0 ? "no gate with an attack failed" : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context) =>
        Plan(
            context,
            [
                d => d with { Pool = Pool },
                d => d with { Pool = Pool, Variant = DareVariant.NoSlice },
                d => d.AsPublished(),
            ]
        );

    /// <summary>Plans of some variants, which share one history.</summary>
    internal static IEnumerable<RepairPlan> Plan(RepairContext context, IEnumerable<Func<Dare, Dare>> grid)
    {
        ImmutableArray<OnnxClassifier> kept = [.. context.Snapshots.Where(s => SameShape(context.Source, s))];
        var notes = ImmutableSortedDictionary<string, string>.Empty;
        if (kept.Length < context.Snapshots.Length)
        {
            notes = notes.Add(
                "snapshots_left_out",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{context.Snapshots.Length - kept.Length} whose layers differ from the model's"
                )
            );
        }

        var history = new Lazy<ImmutableArray<OnnxClassifier>>(() => kept.Length > 0 ? kept : Made(context));
        foreach (var variant in grid)
        {
            var named = variant(new Dare { Snapshots = [context.Source] }).Recipe(context.Source);
            yield return RecipePlan.Fixed(named, context) with
            {
                Make = _ =>
                {
                    var recipe = variant(new Dare { Snapshots = history.Value }).Recipe(context.Source);
                    var all = kept.Length > 0 ? notes : notes.Add("substitute", Substitute(history.Value.Length));
                    return recipe with { Notes = recipe.Notes.AddRange(all) };
                },
            };
        }
    }

    private static string Substitute(int states) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{DiagnosticCodes.RepairSubstitute}: no training snapshots were given; "
                + $"{states} states of a short fine-tuning replace them"
        );

    private static ImmutableArray<OnnxClassifier> Made(RepairContext context)
    {
        var made = MakeHistory(context);
        foreach (var model in made)
            context.Owned.Add(model);
        return made;
    }

    /// <summary>
    /// The substitute for a history: states along a short fine-tuning of all weights with a cyclic learning rate, as
    /// snapshot ensembles are made (Huang et al. 2017), the source being the final model still.
    /// </summary>
    internal static ImmutableArray<OnnxClassifier> MakeHistory(RepairContext context)
    {
        var keeper = new Keeper();
        var recipe = new TransformRecipe(
            "dare: a history in place of snapshots",
            OnnxClassifier.LogitsTap,
            c => new TuningInputs(c.Data.Inputs) { Labels = c.Data.Labels, Description = "rows of the repair split" },
            (_, _) => new TuningTargets((tapped, _) => tapped.sum().mul(0), "none"),
            Slices.Everything,
            new TuningSchedule
            {
                Steps = 60 * MadeSnapshots,
                LearningRate = 1e-3,
                Checkpoints = MadeSnapshots,
            }
        )
        {
            LabelWeight = 1,
            TargetWeight = 0,
        };
        var run = new TransformRun(
            context.Source,
            context.RepairSet,
            Seeds.Derive(context.Seed, recipe.Stream),
            keeper,
            context.Deadline,
            context.Progress,
            context.Cancel
        );
        ModelTransform.Run(recipe, run).Model.Dispose();
        return [.. keeper.States];
    }

    private static bool SameShape(OnnxClassifier a, OnnxClassifier b) =>
        a.Parameters.Count == b.Parameters.Count
        && a.Parameters.All(p =>
            b.Parameters.TryGetValue(p.Key, out var other) && other.shape.SequenceEqual(p.Value.shape)
        );

    // Keeps every state that is scored, and finds them all alike.
    private sealed class Keeper : ISelection
    {
        public List<OnnxClassifier> States { get; } = [];

        public SelectionScore Score(OnnxClassifier model)
        {
            States.Add(model.Clone());
            return new(true, 0, 0);
        }
    }
}
