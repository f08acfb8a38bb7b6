using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Jacobian-based saliency map attack (Papernot et al. 2016): raises to the upper bound, two at a time, the values that
/// most favor a wrong class over all others, the likeliest first. At most a tenth of the values change.
/// </summary>
public sealed class Jsma : RowAttack
{
    private const double Share = 0.1;
    private const long Pool = 100; // values that pairs are made of, those that favor the target most by themselves

    private Jsma()
        : base(
            "jsma",
            "Saliency map attack: sets pairs of values to the upper bound, at most 10 % of all (Papernot et al. 2016).",
            needsGradients: true
        ) { }

    /// <summary>The attack.</summary>
    public static Jsma Instance { get; } = new();

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        var values = rows.Clean.Value.flatten(1).shape[1];
        var steps = context.Settings.Steps ?? (int)(values * Share / 2);
        TargetTurns.Run(context, rows, (part, some, targets) => Toward(part, some, targets, steps));
    }

    private static void Toward(AttackContext context, ActiveBatch rows, ActiveBatch.Kept target, int steps)
    {
        using var x = rows.Keep(rows.Clean.Value);
        for (var step = 0; step <= steps && rows.Count > 0; step++)
        {
            context.Begin(step, steps + 1);
            using var stepScope = NewDisposeScope();
            rows.Judge(context with { StopAtSuccess = true }, InputGradient.Logits(context.Model, x.Value), x.Value);
            if (step == steps || rows.Count == 0)
                break;
            var (toward, others) = Jacobian(context, x.Value, target.Value.unsqueeze(1));
            var pair = BestPair(toward, others, x.Value.flatten(1).lt(Scalars.Get(context.Budget.Upper)));
            x.Value = x
                .Value.flatten(1)
                .scatter(1, pair, full(pair.shape, Scalars.Get(context.Budget.Upper)).On(pair))
                .reshape(x.Value.shape);
        }
    }

    // Gradients of the target's logit and of the sum of all others: [rows, values].
    private static (Tensor Toward, Tensor Others) Jacobian(AttackContext context, Tensor x, Tensor target)
    {
        var (_, _, toward) = InputGradient.Compute(context.Model, x, (z, of) => z.gather(1, of(target)).squeeze(1));
        var (_, _, all) = InputGradient.Compute(context.Model, x, (z, _) => z.sum(1));
        return (toward.flatten(1), all.flatten(1) - toward.flatten(1));
    }

    // The pair with the largest product of what it adds to the target and takes from the others, or where none does
    // both, the two that favor the target most by themselves: [rows, 2].
    private static Tensor BestPair(Tensor toward, Tensor others, Tensor free)
    {
        var alone = (toward - others).masked_fill(free.logical_not(), Scalars.Get(double.NegativeInfinity));
        var pool = alone.topk((int)Math.Min(Pool, alone.shape[1]), 1).indexes; // [rows, k]
        var (a, b) = (toward.gather(1, pool), others.gather(1, pool));
        var open = free.gather(1, pool);
        var (gain, loss) = (a.unsqueeze(2).Plus(a.unsqueeze(1)), b.unsqueeze(2).Plus(b.unsqueeze(1))); // [rows, k, k]
        var k = pool.shape[1];
        var possible = gain.gt(Scalars.Get(0))
            .logical_and(loss.lt(Scalars.Get(0)))
            .logical_and(open.unsqueeze(2))
            .logical_and(open.unsqueeze(1))
            .logical_and(eye(k, dtype: ScalarType.Bool).logical_not().On(pool));
        var (score, at) = (gain * loss.neg()).masked_fill(possible.logical_not(), Scalars.Get(-1)).flatten(1).max(1);
        var pair = stack([at.div(Scalars.Whole(k), RoundingMode.floor), at.remainder(Scalars.Whole(k))], 1);
        return where(score.gt(Scalars.Get(0)).unsqueeze(1), pool.gather(1, pair), pool.narrow(1, 0, 2));
    }
}
