using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Auto-PGD (Croce and Hein 2020; in L1 Croce and Hein 2021): gradient steps with momentum whose size halves at
/// checkpoints where the loss stopped rising, going on from the best point so far. It has no step size to tune.
/// </summary>
public sealed class Apgd : RowAttack
{
    private const double Momentum = 0.75;

    private readonly bool _targeted;
    private readonly Func<Tensor, Tensor, Tensor, Tensor> _loss;

    private Apgd(string name, string summary, bool targeted, Func<Tensor, Tensor, Tensor, Tensor> loss)
        : base(name, summary, needsGradients: true) => (_targeted, _loss) = (targeted, loss);

    /// <summary>On the cross-entropy.</summary>
    public static Apgd CrossEntropy { get; } =
        new(
            "apgd_ce",
            "Auto-PGD on the cross-entropy: 100 steps; "
                + "the step size halves when the loss stops increasing (Croce and Hein 2020).",
            targeted: false,
            (z, y, _) => Losses.CrossEntropy(z, y)
        );

    /// <summary>On the difference of logits ratio.</summary>
    public static Apgd LogitsRatio { get; } =
        new(
            "apgd_dlr",
            "Auto-PGD on the difference-of-logits-ratio loss, "
                + "which is invariant to the scale of the logits (Croce and Hein 2020).",
            targeted: false,
            (z, y, _) => Losses.LogitsRatio(z, y)
        );

    /// <summary>Toward each of the nine likeliest wrong classes in turn.</summary>
    public static Apgd Targeted { get; } =
        new(
            "apgd_t",
            "Auto-PGD on the targeted logits ratio, toward each of the nine most likely wrong classes "
                + "(Croce and Hein 2020).",
            targeted: true,
            Losses.TargetedLogitsRatio
        );

    /// <summary>Steps unless settings say otherwise.</summary>
    internal const int DefaultSteps = 100;

    /// <summary>Gradients averaged in each step, for classifiers with randomized outputs.</summary>
    internal int Gradients { get; init; } = 1;

    /// <summary>The same attack on randomized outputs: each gradient is the mean of 20.</summary>
    internal Apgd ForRandomOutputs() => new(Name, Summary, _targeted, _loss) { Gradients = 20 };

    /// <inheritdoc/>
    public override bool IsIterative => true;

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        var steps = context.Settings.Steps ?? DefaultSteps;
        if (!_targeted)
        {
            using var _ = Ascend(context, rows, null, steps);
            return;
        }

        TargetTurns.Run(context, rows, (part, some, targets) => Ascend(part, some, targets, steps).Dispose());
    }

    /// <summary>One run. Rows that break are judged at every step.</summary>
    /// <returns>Best loss of each row that still stands; the caller disposes it.</returns>
    internal ActiveBatch.Kept Ascend(AttackContext context, ActiveBatch rows, ActiveBatch.Kept? targets, int steps)
    {
        using var scope = NewDisposeScope();
        var budget = context.Budget;
        var clean = rows.Clean;
        var randomStart = context.RandomStart ?? context.Settings.RandomStart ?? true;
        using var x = rows.Keep(randomStart ? Surface(budget, clean.Value, context.Random) : clean.Value);
        using var previous = rows.Keep(x.Value);
        using var best = rows.Keep(x.Value);
        var (logits, firstLoss, firstGradient) = Evaluate(context, rows, x.Value, targets);
        using var loss = rows.Keep(firstLoss);
        using var gradient = rows.Keep(firstGradient);
        using var bestGradient = rows.Keep(firstGradient);
        var bestLoss = rows.Keep(firstLoss);
        var schedule =
            budget.Norm == Norm.L1
                ? new SparseSchedule(rows, budget, steps, x, best, gradient, bestGradient)
                : (ApgdSchedule)new HalvingSchedule(rows, budget, steps, x, best, gradient, bestGradient, bestLoss);
        using var _ = schedule;
        rows.Judge(context, logits, x.Value);
        for (var step = 0; step < steps && rows.Count > 0; step++)
        {
            context.Begin(step, steps);
            using var stepScope = NewDisposeScope();
            var inertia = x.Value - previous.Value;
            previous.Value = x.Value;
            var next = budget.Project(clean.Value, x.Value.Plus(schedule.Step()));
            if (step > 0 && schedule.HasMomentum)
            {
                next = budget.Project(
                    clean.Value,
                    x.Value.Plus((next - x.Value) * Scalars.Get(Momentum)).Plus(inertia * Scalars.Get(1 - Momentum))
                );
            }

            x.Value = next;
            (logits, var value, var slope) = Evaluate(context, rows, x.Value, targets);
            schedule.Count(value.gt(loss.Value));
            (loss.Value, gradient.Value) = (value, slope);
            var better = value.gt(bestLoss.Value);
            best.Set(better, x.Value);
            bestGradient.Set(better, slope);
            bestLoss.Set(better, value);
            rows.Judge(context, logits, x.Value);
            if (rows.Count > 0)
                schedule.Next(step);
        }

        return bestLoss;
    }

    // A random point on the surface of the ball, where the reference starts; in L1 anywhere on a face of it.
    private static Tensor Surface(Budget budget, Tensor clean, Generator random)
    {
        using var scope = NewDisposeScope();
        var change =
            budget.Norm == Norm.Linf
                ? rand(clean.shape, generator: random).On(clean).mul(Scalars.Get(2)).sub(Scalars.Get(1))
                : randn(clean.shape, generator: random).On(clean);
        var length = ActiveBatch
            .PerRow(budget.Distance(zeros_like(change), change), change)
            .clamp_min(Scalars.Get(1e-12));
        return budget
            .Project(clean, clean.Plus(change / length * Scalars.Get(budget.Epsilon)))
            .MoveToOuterDisposeScope();
    }

    private (Tensor Logits, Tensor Loss, Tensor Gradient) Evaluate(
        AttackContext context,
        ActiveBatch rows,
        Tensor x,
        ActiveBatch.Kept? targets
    )
    {
        Tensor Loss(Tensor z, Func<Tensor, Tensor> of) =>
            _loss(z, of(rows.Labels.Value), of(targets?.Value ?? rows.Labels.Value));
        var (logits, loss, gradient) = InputGradient.Compute(context.Model, x, Loss);
        for (var i = 1; i < Gradients; i++)
        {
            var (_, more, slope) = InputGradient.Compute(context.Model, x, Loss);
            (loss, gradient) = (loss.Plus(more), gradient.Plus(slope));
        }

        return (logits, loss, gradient);
    }
}
