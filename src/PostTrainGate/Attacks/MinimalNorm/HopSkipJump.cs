using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// HopSkipJump (Chen et al. 2020): from an adversarial input to the boundary by bisection, along it by a gradient
/// estimated from decisions on random neighbors. Needs predicted classes only.
/// </summary>
public sealed class HopSkipJump : MinimalAttack
{
    private const int Steps = 30,
        FirstSamples = 100,
        StartTries = 100,
        Halvings = 25;
    private const long RowsAtOnce = 1000;

    private HopSkipJump()
        : base(
            "hopskipjump",
            "HopSkipJump: 30 steps along the boundary with a gradient estimated from predicted classes only "
                + "(Chen et al. 2020); minimal norm.",
            needsGradients: false,
            Norm.L2,
            Norm.Linf
        ) { }

    /// <summary>The attack.</summary>
    public static HopSkipJump Instance { get; } = new();

    /// <inheritdoc/>
    public override string Title => "HopSkipJump";

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        var budget = context.Budget;
        var values = rows.Clean.Value.flatten(1).shape[1];
        using var nearest = new NearestRows(context, rows);
        using var x = rows.Keep(Start(context, rows));
        rows.GiveUp(Errs(context, x.Value, rows.Labels.Value).logical_not());
        var steps = context.Settings.Steps ?? Steps;
        for (var step = 1; step <= steps + 1 && rows.Count > 0; step++)
        {
            context.Cancel.ThrowIfCancellationRequested();
            using var stepScope = NewDisposeScope();
            x.Value = Bisect(context, rows.Clean.Value, x.Value, rows.Labels.Value);
            nearest.Offer(Errs(context, x.Value, rows.Labels.Value), x.Value);
            if (step > steps || rows.Count == 0)
                break;
            var distance = budget.Distance(rows.Clean.Value, x.Value);
            var reach =
                step == 1
                    ? full_like(distance, Scalars.Get(0.1 * (budget.Upper - budget.Lower)))
                    : distance / Scalars.Get(values);
            var direction = budget.Direction(
                Estimate(context, x.Value, rows.Labels.Value, reach.clamp_min(Scalars.Get(1e-4)), Samples(step))
            );
            x.Value = Jump(context, x.Value, rows.Labels.Value, direction, distance / Scalars.Get(Math.Sqrt(step)));
        }
    }

    private static int Samples(int step) => (int)(FirstSamples * Math.Sqrt(step));

    private static Tensor Errs(AttackContext context, Tensor x, Tensor labels)
    {
        using var scope = NewDisposeScope();
        return AttackHarness.Errs(InputGradient.Logits(context.Model, x), labels).MoveToOuterDisposeScope();
    }

    // Uniform noise that the classifier takes for another class; the clean input where none of some tries is.
    private static Tensor Start(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        var (clean, labels) = (rows.Clean.Value, rows.Labels.Value);
        var x = clean;
        var missing = ones(rows.Count, dtype: ScalarType.Bool).On(clean);
        for (var i = 0; i < StartTries && missing.any().item<bool>(); i++)
        {
            var noise =
                rand(clean.shape, generator: context.Random).On(clean)
                * Scalars.Get(context.Budget.Upper - context.Budget.Lower);
            noise = noise.Plus(context.Budget.Lower);
            var found = missing.logical_and(Errs(context, noise, labels));
            x = where(ActiveBatch.PerRow(found, x), noise, x);
            missing = missing.logical_and(found.logical_not());
        }

        return x.MoveToOuterDisposeScope();
    }

    // The adversarial end of the last interval on the way to the clean input: a line in L2, a shrinking ball in Linf.
    private static Tensor Bisect(AttackContext context, Tensor clean, Tensor x, Tensor labels)
    {
        using var scope = NewDisposeScope();
        var isBall = context.Budget.Norm == Norm.Linf;
        var high = isBall ? context.Budget.Distance(clean, x) : ones(clean.shape[0]).On(clean);
        var low = zeros_like(high);
        for (var i = 0; i < 15; i++)
        {
            var middle = low.Plus(high) * Scalars.Get(0.5);
            var errs = Errs(context, At(middle), labels);
            (low, high) = (where(errs, low, middle), where(errs, middle, high));
        }

        return At(high).MoveToOuterDisposeScope();

        Tensor At(Tensor share)
        {
            var size = ActiveBatch.PerRow(share, clean);
            return clean.Plus(isBall ? (x - clean).minimum(size).maximum(size.neg()) : (x - clean) * size);
        }
    }

    // Mean of random directions, weighed by whether the classifier errs there, less the mean of that.
    private static Tensor Estimate(AttackContext context, Tensor x, Tensor labels, Tensor reach, int samples)
    {
        using var scope = NewDisposeScope();
        var (weighed, plain, decisions) = (zeros_like(x), zeros_like(x), zeros(x.shape[0]).On(x));
        var atOnce = (int)Math.Max(1, RowsAtOnce / x.shape[0]);
        for (var done = 0; done < samples; done += atOnce)
        {
            context.Cancel.ThrowIfCancellationRequested();
            using var part = NewDisposeScope();
            var count = Math.Min(atOnce, samples - done);
            long[] shape = [x.shape[0], count, .. x.shape.Skip(1)];
            var noise =
                context.Budget.Norm == Norm.Linf
                    ? rand(shape, generator: context.Random).On(x) * Scalars.Get(2) - Scalars.Get(1)
                    : randn(shape, generator: context.Random).On(x);
            noise = noise / noise.flatten(2).norm(2).reshape([x.shape[0], count, .. Ones(x)]);
            var size = ActiveBatch.PerRow(reach, noise);
            var center = x.unsqueeze(1);
            var points = center
                .Plus(noise * size)
                .clamp(Scalars.Get(context.Budget.Lower), Scalars.Get(context.Budget.Upper));
            var direction = (points - center) / size;
            var errs = Errs(context, points.flatten(0, 1), labels.repeat_interleave(count)).reshape(x.shape[0], count);
            var value = errs.to(float32) * Scalars.Get(2) - Scalars.Get(1); // [rows, count]
            var weights = value.reshape([x.shape[0], count, .. Ones(x)]);
            weighed = weighed.Plus((direction * weights).sum(1)).MoveToOuterDisposeScope();
            plain = plain.Plus(direction.sum(1)).MoveToOuterDisposeScope();
            decisions = decisions.Plus(value.sum(1)).MoveToOuterDisposeScope();
        }

        var mean = decisions / Scalars.Get(samples);
        var one = mean.abs().ge(Scalars.Get(1)); // all alike: there is no contrast to take the mean from
        return (weighed - plain * ActiveBatch.PerRow(where(one, zeros_like(mean), mean), x)).MoveToOuterDisposeScope();

        static IEnumerable<long> Ones(Tensor x) => Enumerable.Repeat(1L, x.shape.Length - 1);
    }

    // As far as the classifier still errs, halved until it does; the point itself where it never does.
    private static Tensor Jump(AttackContext context, Tensor x, Tensor labels, Tensor direction, Tensor size)
    {
        using var scope = NewDisposeScope();
        var result = x;
        var missing = ones(x.shape[0], dtype: ScalarType.Bool).On(x);
        for (var i = 0; i < Halvings && missing.any().item<bool>(); i++)
        {
            var far = x.Plus(direction * ActiveBatch.PerRow(size, x))
                .clamp(Scalars.Get(context.Budget.Lower), Scalars.Get(context.Budget.Upper));
            var found = missing.logical_and(Errs(context, far, labels));
            result = where(ActiveBatch.PerRow(found, x), far, result);
            (missing, size) = (missing.logical_and(found.logical_not()), size * Scalars.Get(0.5));
        }

        return result.MoveToOuterDisposeScope();
    }
}
