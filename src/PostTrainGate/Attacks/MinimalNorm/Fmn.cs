using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Fast minimum-norm attack (Pintor et al. 2021): descends on the margin within a ball that shrinks as long as the
/// classifier errs and grows as long as it does not. In every norm.
/// </summary>
public sealed class Fmn : MinimalAttack
{
    private const int Steps = 100;
    private const double FirstStep = 1,
        LastStep = 0.01,
        FirstRate = 0.05,
        LastRate = 0.001;

    private Fmn()
        : base(
            "fmn",
            "Fast minimum-norm attack: 100 gradient steps within a ball that shrinks on success "
                + "(Pintor et al. 2021); minimal norm.",
            needsGradients: true,
            Norm.L2,
            Norm.Linf,
            Norm.L1
        ) { }

    /// <summary>The attack.</summary>
    public static Fmn Instance { get; } = new();

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        var budget = context.Budget;
        var steps = context.Settings.Steps ?? Steps;
        using var nearest = new NearestRows(context, rows);
        using var x = rows.Keep(rows.Clean.Value);
        using var next = rows.Keep(x.Value);
        using var radius = rows.Keep(full(rows.Count, Scalars.Get(double.PositiveInfinity)).On(rows.Clean.Value));
        for (var step = 0; step <= steps && rows.Count > 0; step++)
        {
            context.Begin(step, steps);
            using var stepScope = NewDisposeScope();
            var (logits, margin, gradient) = InputGradient.Compute(context.Model, x.Value, (z, of) =>
                Losses.Margin(z, of(rows.Labels.Value))
            );
            var errs = AttackHarness.Errs(logits, rows.Labels.Value);
            gradient = budget.Open(rows.Clean.Value, x.Value, gradient); // no part of a step is lost at the bounds
            var (rate, size) = (Cosine(FirstRate, LastRate, step, steps), Cosine(FirstStep, LastStep, step, steps));
            var distance = budget.Distance(rows.Clean.Value, x.Value);
            var best = where(errs, distance.minimum(nearest.Distance), nearest.Distance);
            var toBoundary = margin.abs() / budget.DualLength(gradient.flatten(1)).clamp_min(Scalars.Get(1e-12));
            var outside = where(best.isinf(), distance.Plus(toBoundary), radius.Value) * Scalars.Get(1 + rate);
            radius.Value = where(errs, (radius.Value * Scalars.Get(1 - rate)).minimum(best), outside);
            var flat = gradient.flatten(1);
            var direction = (flat / flat.norm(1, keepdim: true).clamp_min(Scalars.Get(1e-12))).reshape(gradient.shape);
            var target = x.Value.Plus(direction * Scalars.Get(size));
            next.Value = Within(budget, rows.Clean.Value, target, radius.Value);
            nearest.Offer(errs, x.Value);
            x.Value = next.Value;
        }
    }

    // Balls of different sizes: the change is projected onto the unit ball in units of its row's radius.
    private static Tensor Within(Budget budget, Tensor clean, Tensor x, Tensor radius)
    {
        var size = ActiveBatch.PerRow(radius.clamp(Scalars.Get(1e-12), Scalars.Get(1e12)), clean);
        var unit = budget with { Epsilon = 1, Lower = double.NegativeInfinity, Upper = double.PositiveInfinity };
        var change = unit.Project(zeros_like(clean), (x - clean) / size) * size;
        return (budget with { Epsilon = double.PositiveInfinity }).Project(clean, clean.Plus(change));
    }

    private static double Cosine(double first, double last, int step, int steps) =>
        last + (first - last) * (1 + Math.Cos(Math.PI * step / steps)) / 2;
}
