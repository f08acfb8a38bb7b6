using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Fast adaptive boundary attack (Croce and Hein 2020): projects onto the linearized decision boundary within the
/// bounds, biased toward the clean input, and from beyond the boundary goes back part of the way.
/// </summary>
public sealed class Fab : MinimalAttack
{
    private const double MostBias = 0.1,
        Overshoot = 1.05,
        Back = 0.9;

    // Equal logits are no error where the true class has the lower index; there is a step to go.
    private const double Tie = 1e-7;

    // Four units in the last place of float32.
    private const double Rounding = 4 / (double)(1 << 23);

    private readonly bool _targeted;

    private Fab(string name, string summary, bool targeted)
        : base(name, summary, needsGradients: true, Norm.Linf, Norm.L2, Norm.L1) => _targeted = targeted;

    /// <summary>Toward each of the nine likeliest wrong classes in turn.</summary>
    public static Fab Targeted { get; } =
        new(
            "fab_t",
            "Fast adaptive boundary attack toward each of the nine most likely wrong classes "
                + "(Croce and Hein 2020); minimal norm.",
            targeted: true
        );

    /// <summary>Toward the nearest linearized boundary of all.</summary>
    public static Fab Untargeted { get; } =
        new(
            "fab",
            "Fast adaptive boundary attack: steps onto the nearest linearized boundary of all classes "
                + "(Croce and Hein 2020); minimal norm.",
            targeted: false
        );

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        var steps = context.Settings.Steps ?? Apgd.DefaultSteps;
        if (_targeted && context.StopAtSuccess)
        {
            TargetTurns.Run(context, rows, (part, some, targets) => Search(part, some, targets, steps).Dispose());
            return;
        }

        using var nearest = new NearestRows(context, rows);
        if (_targeted)
        {
            TargetTurns.Run(context, rows, (part, _, targets) => Search(part, rows, nearest, targets, steps));
            return;
        }

        using var order = rows.Keep(TargetTurns.WrongClasses(context, rows));
        Search(context, rows, nearest, order, steps);
    }

    /// <summary>Toward one class, [rows], for some steps.</summary>
    /// <returns>Distance of the nearest point found, by row that still stands; the caller disposes it.</returns>
    internal static ActiveBatch.Kept Search(
        AttackContext context,
        ActiveBatch rows,
        ActiveBatch.Kept targets,
        int steps
    )
    {
        using var scope = NewDisposeScope();
        using var nearest = new NearestRows(context, rows);
        Search(context, rows, nearest, targets, steps);
        return rows.Keep(nearest.Distance);
    }

    // Toward one class, [rows], or the nearest of several, [rows, classes].
    private static void Search(
        AttackContext context,
        ActiveBatch rows,
        NearestRows nearest,
        ActiveBatch.Kept targets,
        int steps
    )
    {
        using var scope = NewDisposeScope();
        var random = context.RandomStart ?? false;
        using var x = rows.Keep(random ? Start(context, rows.Clean.Value) : rows.Clean.Value);
        using var next = rows.Keep(x.Value);
        for (var step = 0; step < steps && rows.Count > 0; step++)
        {
            context.Begin(step, steps);
            using var stepScope = NewDisposeScope();
            var (logits, difference, gradient) = Linearize(
                context,
                rows,
                x.Value,
                targets.Value.dim() == 1 ? targets.Value.unsqueeze(1) : targets.Value
            );
            var errs = AttackHarness.Errs(logits, rows.Labels.Value);
            var clean = rows.Clean.Value;
            var onward = Onto(context.Budget, clean, x.Value, difference, gradient);
            next.Value = where(
                ActiveBatch.PerRow(errs, clean),
                clean.Plus((x.Value - clean) * Scalars.Get(Back)),
                onward
            );
            nearest.Offer(errs, x.Value);
            x.Value = next.Value;
        }
    }

    // Half of epsilon around the clean input, or as far as half the range of inputs where there is no epsilon.
    private static Tensor Start(AttackContext context, Tensor clean)
    {
        var budget = context.Budget;
        var reach = double.IsFinite(budget.Epsilon) ? budget.Epsilon / 2 : (budget.Upper - budget.Lower) / 4;
        return (budget with { Epsilon = reach }).RandomPoint(clean, context.Random);
    }

    // Logits, and of the class whose linearized boundary is nearest the logit less the true one, with its gradient:
    // [rows], [rows, values].
    private static (Tensor Logits, Tensor Difference, Tensor Gradient) Linearize(
        AttackContext context,
        ActiveBatch rows,
        Tensor x,
        Tensor to
    )
    {
        var (logits, differences, gradients) = InputGradient.OfDifferences(
            context.Model,
            x,
            rows.Labels.Value.unsqueeze(1),
            to
        );
        if (to.shape[1] == 1)
            return (logits, differences.squeeze(1), gradients.squeeze(1));
        var best = (differences.abs() / context.Budget.DualLength(gradients).clamp_min(Scalars.Get(1e-12))).argmin(
            1,
            keepdim: true
        );
        var index = best.unsqueeze(2).expand(-1, -1, gradients.shape[2]);
        return (logits, differences.gather(1, best).squeeze(1), gradients.gather(1, index).squeeze(1));
    }

    // The projections of this point and of the clean one onto the hyperplane, weighed by how near this point's is.
    private static Tensor Onto(Budget budget, Tensor clean, Tensor x, Tensor difference, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var (here, there) = (x.flatten(1), clean.flatten(1));
        var (lower, upper) = (there.clamp_max(Scalars.Get(budget.Lower)), there.clamp_min(Scalars.Get(budget.Upper)));
        // A gap below what rounding leaves of gradient times input is stepped over by nothing that the input could
        // hold.
        var rounding = (gradient * here).abs().sum(1) * Scalars.Get(Rounding);
        difference = difference.minimum(rounding.Plus(Tie).neg());
        var cleanGap = (gradient * (here - there)).sum(1) - difference;
        var from = cat([here, there], 0);
        var change = Hyperplane.Reach(
            budget.Norm,
            cat([gradient, gradient], 0),
            cat([difference.neg(), cleanGap], 0),
            from - cat([lower, lower], 0),
            cat([upper, upper], 0) - from
        );
        var (own, cleans) = (change.narrow(0, 0, here.shape[0]), change.narrow(0, here.shape[0], here.shape[0]));
        var (near, far) = (Length(own), Length(cleans));
        var bias = (near / near.Plus(far)).clamp_max(Scalars.Get(MostBias));
        var mixed = (here.Plus(own * Scalars.Get(Overshoot)) * bias.neg().Plus(1)).Plus(
            there.Plus(cleans * Scalars.Get(Overshoot)) * bias
        );
        return mixed.maximum(lower).minimum(upper).reshape(x.shape).MoveToOuterDisposeScope();

        Tensor Length(Tensor d) => budget.Distance(zeros_like(d), d).clamp_min(Scalars.Get(1e-8)).unsqueeze(1);
    }
}
