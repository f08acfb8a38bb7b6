using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Adversarial tuning in the frame of <see cref="ModelTransform"/>: the inputs of each step are attacked on the model
/// as it stands, the tapped activations are pulled toward those of the clean inputs, and the whole model keeps its
/// label loss. One step from a random start is fast adversarial training (Wong et al. 2020), several are PGD training
/// (Madry et al. 2018).
/// </summary>
public sealed record Adversarial
{
    /// <summary>Budgets to resist; with several, each batch meets the next.</summary>
    public required ImmutableArray<Budget> Budgets { get; init; }

    /// <summary>Steps of the attack.</summary>
    public int AttackSteps { get; init; } = 1;

    /// <summary>How far the attack's steps lead together, in units of epsilon.</summary>
    public double Reach { get; init; } = InnerAttack.Reach;

    /// <summary>Share of each batch that stays clean.</summary>
    public double CleanShare { get; init; }

    /// <summary>Beside the name: what distinguishes this setting from others.</summary>
    public string Variant { get; init; } = "";

    /// <summary>Weight of the pull toward clean activations.</summary>
    public double TargetWeight { get; init; } = 0.1;

    /// <summary>How to tune.</summary>
    public TuningSchedule Schedule { get; init; } =
        new()
        {
            LearningRate = 0.05,
            WarmUp = 0.2,
            Decay = true,
            WeightDecay = 5e-4,
            Optimizer = () => new Sgd(),
            Checkpoints = 2,
        };

    /// <summary>The recipe for a model.</summary>
    public TransformRecipe Recipe(OnnxClassifier model)
    {
        var name =
            string.Create(
                CultureInfo.InvariantCulture,
                $"adversarial {(AttackSteps == 1 ? "fgsm-rs" : $"pgd-{AttackSteps}")} lr {Schedule.LearningRate:G3}"
            )
            + (CleanShare == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", {CleanShare:P0} clean"))
            + Variant;
        return new(name, TargetLayer(model).Output, Inputs, CleanActivations, Slices.EverythingTrained, Schedule)
        {
            LabelWeight = 1,
            TargetWeight = TargetWeight,
            Notes = ImmutableSortedDictionary<string, string>.Empty.Add(
                "attack",
                string.Join(
                    ", ",
                    Budgets.Select(b => string.Create(CultureInfo.InvariantCulture, $"{b.Norm} {b.Epsilon:G4}"))
                )
            ),
        };

        TuningInputs Inputs(TransformContext context)
        {
            return new(context.Data.Inputs)
            {
                Labels = context.Data.Labels,
                Description = "rows, attacked at every step",
                Augment = (current, inputs, labels, step, random) =>
                {
                    var budget = Budgets[step % Budgets.Length];
                    var spared = (long)(CleanShare * inputs.shape[0]);
                    var attacked = inputs.narrow(0, spared, inputs.shape[0] - spared);
                    var of = labels!.narrow(0, spared, attacked.shape[0]);
                    var found = InnerAttack.Perturb(current, budget, attacked, of, random, AttackSteps, Reach);
                    return spared == 0 ? found : cat([inputs.narrow(0, 0, spared), found], 0);
                },
            };
        }
    }

    /// <summary>The last hidden layer: what the head reads.</summary>
    public static Layer TargetLayer(OnnxClassifier model) => model.Layers[Math.Max(0, model.Layers.Length - 2)];

    // Relative to the size of the target, so that one weight means the same for every layer and model.
    private static TuningTargets CleanActivations(TransformContext context, TuningInputs inputs) =>
        new(
            (tapped, batch) =>
            {
                using var scope = NewDisposeScope();
                var target = batch.Target!;
                using Scalar floor = 1e-6;
                return nn
                    .functional.mse_loss(tapped, target)
                    .div(target.Squared().mean().add_(floor))
                    .MoveToOuterDisposeScope();
            },
            "activations of the clean inputs in the current model"
        )
        {
            OfClean = (model, clean) => model.Activations(clean, context.Tap),
        };
}
