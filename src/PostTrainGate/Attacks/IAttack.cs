using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Perturbs inputs to make the classifier err. <see cref="AttackHarness"/> does the rest: it passes only rows that
/// every earlier restart left correct, projects the result into the budget and the bounds, and judges success.
/// </summary>
public interface IAttack : INamed
{
    /// <summary>What the field calls it, for titles: <c>PGD</c>, <c>DeepFool</c>.</summary>
    string Title => Name.ToUpperInvariant().Replace('_', '-');

    /// <summary>Whether it needs gradients of the classifier; otherwise logits are enough.</summary>
    bool NeedsGradients { get; }

    /// <summary>Whether more steps can only find more; a pass is then also checked with fewer steps.</summary>
    bool IsIterative => false;

    /// <summary>Whether it takes one gradient step, which is weak even where gradients are not masked.</summary>
    bool IsSingleStep => false;

    /// <summary>Whether it averages gradients over the draws of a model whose outputs are random.</summary>
    bool AveragesDraws => false;

    /// <summary>Norms in which it makes or keeps a perturbation small.</summary>
    IReadOnlyList<Norm> Norms => Enum.GetValues<Norm>();

    /// <summary>
    /// Whether it changes rows of a table to rows that the table could hold (<see cref="TabularConstraints"/>), which
    /// the harness then makes sure of; if not, every input moves by itself.
    /// </summary>
    bool KeepsForm => false;

    /// <summary>Perturbed inputs.</summary>
    /// <param name="context">Classifier, budget, settings and randomness.</param>
    /// <param name="inputs">[batch, input shape], clean, in the data's units.</param>
    /// <param name="labels">[batch], int64, true classes.</param>
    /// <returns>[batch, input shape]; the caller disposes it.</returns>
    Tensor Perturb(AttackContext context, Tensor inputs, Tensor labels);
}

/// <summary>What an attack works with.</summary>
/// <param name="Model">The classifier under attack.</param>
/// <param name="Budget">Norm and epsilon.</param>
/// <param name="Settings">Steps and the like; unset ones take the attack's defaults.</param>
/// <param name="Random">The only source of randomness.</param>
/// <param name="RandomStart">
/// Whether this try starts at a random point; null: as the settings say, or else as the attack does by default.
/// </param>
/// <param name="StopAtSuccess">
/// Whether a row is finished once the classifier errs on it, which saves time when only the verdict counts. Otherwise
/// every row uses all steps, as training and transfer want it.
/// </param>
/// <param name="Cancel">Stops the attack between steps.</param>
public sealed record AttackContext(
    Classifier Model,
    Budget Budget,
    AttackSettings Settings,
    Generator Random,
    bool? RandomStart = null,
    bool StopAtSuccess = true,
    CancellationToken Cancel = default
)
{
    /// <summary>Told the share done, 0 to 1.</summary>
    internal Action<double>? Done { get; init; }

    /// <summary>Where the attack writes down how far it is; null: nowhere.</summary>
    internal AttackLog? Log { get; init; }

    /// <summary>Enters stages that follow each other; dispose it after the last.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="own">What a stage leaves to the next one for each row that stands.</param>
    internal AttackLog.Level Enter(ActiveBatch rows, params ActiveBatch.Kept[] own) =>
        new(StopAtSuccess ? Log : null, Random, rows, own);

    /// <summary>Begins a step: tells how far the attack is.</summary>
    /// <exception cref="OperationCanceledException">It is canceled.</exception>
    internal void Begin(int step, int steps)
    {
        Cancel.ThrowIfCancellationRequested();
        Done?.Invoke((double)step / steps);
    }

    /// <summary>The same for one of several attacks that follow each other, which leads from one share to another.</summary>
    internal AttackContext Between(double from, double to) =>
        Done is { } done ? this with { Done = share => done(from + share * (to - from)) } : this;

    /// <summary>The same for one of several attacks that take about as long as each other.</summary>
    internal AttackContext Part(int number, int count) => Between((double)number / count, (number + 1.0) / count);
}
