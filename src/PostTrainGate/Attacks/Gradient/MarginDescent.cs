using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Attacks that minimize the squared size of the perturbation plus c times a hinge on the margin (Carlini and Wagner
/// 2017). They search for c by runs one after the other; here it moves in every step of one run, as the multiplier of a
/// constraint does (Rony et al. 2021): up while the classifier is right, down while it errs, less and less, so that the
/// run closes in on the boundary.
/// </summary>
public abstract class MarginDescent : MinimalAttack
{
    // Factor on c in the first and in the last step.
    private const double FirstFactor = 1.3,
        LastFactor = 1.05,
        Tiny = 1e-6;

    private readonly int _steps;

    private protected MarginDescent(string name, string summary, int steps, params Norm[] norms)
        : base(name, summary, needsGradients: true, norms) => _steps = steps;

    /// <summary>The points of a run.</summary>
    private protected abstract class Descent : IDisposable
    {
        /// <summary>[rows, input shape], legal; the caller's.</summary>
        public abstract Tensor X { get; }

        /// <summary>Moves against the objective's gradient with respect to <see cref="X"/>.</summary>
        /// <param name="step">From 0.</param>
        /// <param name="done">Share of the steps done, 0 to 1.</param>
        /// <param name="gradient">[rows, input shape].</param>
        public abstract void Step(int step, double done, Tensor gradient);

        /// <inheritdoc/>
        public abstract void Dispose();
    }

    /// <summary>Starts at the clean inputs.</summary>
    /// <param name="context">Bounds and norm.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="reach">[rows], how far away the boundary would be in L2 were the margin linear.</param>
    private protected abstract Descent Begin(AttackContext context, ActiveBatch rows, Tensor reach);

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        using var nearest = new NearestRows(context, rows);
        var (_, gap, incline) = Linearize(context, rows, rows.Clean.Value);
        var length = incline.flatten(1).norm(1).clamp_min(Scalars.Get(Tiny));
        using var descent = Begin(context, rows, gap.abs() / length);
        // At that boundary 2 change = c slope.
        using var constant = rows.Keep(gap.abs() * Scalars.Get(2) / length.Squared());
        var steps = context.Settings.Steps ?? _steps;
        for (var step = 0; step < steps && rows.Count > 0; step++)
        {
            context.Begin(step, steps);
            using var stepScope = NewDisposeScope();
            var (x, done) = (descent.X, step / Math.Max(1.0, steps - 1));
            var (logits, margin, slope) = Linearize(context, rows, x);
            var errs = AttackHarness.Errs(logits, rows.Labels.Value);
            var push = ActiveBatch.PerRow(constant.Value.masked_fill(errs, Scalars.Get(0)), slope);
            descent.Step(step, done, (x - rows.Clean.Value) * Scalars.Get(2) - slope * push);

            var factor = FirstFactor * Math.Pow(LastFactor / FirstFactor, done);
            constant.Value =
                constant.Value
                * where(errs, full_like(margin, Scalars.Get(1 / factor)), full_like(margin, Scalars.Get(factor)));
            nearest.Offer(errs, x);
        }
    }

    private static (Tensor Logits, Tensor Margin, Tensor Slope) Linearize(
        AttackContext context,
        ActiveBatch rows,
        Tensor x
    ) => InputGradient.Compute(context.Model, x, (z, of) => Losses.Margin(z, of(rows.Labels.Value)));
}
