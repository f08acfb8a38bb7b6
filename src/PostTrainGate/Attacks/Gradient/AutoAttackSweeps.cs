using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Targets and queries of AutoAttack in the order of their promise: first a look at how far the linearized boundary of
/// each target is, then a short probe, and the whole attack only where the probe's progress says that it could succeed.
/// Most rows that stand do so by far, against most of their targets.
/// </summary>
internal static class AutoAttackSweeps
{
    private const int ProbeSteps = 15,
        BoundarySteps = 10,
        FewestQueries = 250;

    // A target is tried where its linearized boundary is within this many epsilon, or is one of the nearest of the row.
    private const double Linear = 2;
    private const int Nearest = 3;

    // The whole attack is run where this much more progress, in units of the probe's, would do.
    private const double MoreProgress = 0.25;

    // ... and where the boundary found is within this many epsilon.
    private const double Near = 1.25;

    // A run that ends with less than this share of the way left missed by chance: it is tried again from other random
    // starts.
    private const double NearMiss = 0.05;
    private const int Restarts = 4;

    /// <summary>Targeted APGD.</summary>
    public static void Ascend(AttackContext context, ActiveBatch rows) =>
        EachTarget(context, rows, (part, clean, targets) =>
        {
            using var start = part.Keep(Losses.TargetedLogitsRatio(clean, part.Labels.Value, targets.Value));
            using var best = Apgd.Targeted.Ascend(context, part, targets, ProbeSteps);
            if (part.Count == 0)
                return;
            var hoped = best.Value.Plus((best.Value - start.Value) * Scalars.Get(MoreProgress));
            Part(part, hoped.gt(Scalars.Get(0)), [targets, start], (some, kept) =>
                Insist(context, some, kept[0], kept[1])
            );
        });

    private static void Insist(
        AttackContext context,
        ActiveBatch rows,
        ActiveBatch.Kept targets,
        ActiveBatch.Kept start
    )
    {
        for (var restart = 0; restart <= Restarts && rows.Count > 0; restart++)
        {
            using var best = Apgd.Targeted.Ascend(context, rows, targets, Apgd.DefaultSteps);
            if (rows.Count > 0)
                rows.GiveUp(best.Value.lt(start.Value * Scalars.Get(NearMiss)));
        }
    }

    /// <summary>Targeted FAB.</summary>
    public static void Boundaries(AttackContext context, ActiveBatch rows) =>
        EachTarget(context, rows, (part, _, targets) =>
        {
            using var distance = Fab.Search(context, part, targets, BoundarySteps);
            if (part.Count == 0)
                return;
            Part(part, distance.Value.le(Scalars.Get(context.Budget.Epsilon * Near)), [targets], (some, to) =>
                Fab.Search(context, some, to[0], Apgd.DefaultSteps).Dispose()
            );
        });

    /// <summary>
    /// Square. Its margin rises ever less with each doubling of the queries; a row is given up once as much as with the
    /// last one would not bring it to 0.
    /// </summary>
    public static void Square(AttackContext context, ActiveBatch rows)
    {
        const int queries = Attacks.Square.DefaultQueries;
        using var before = rows.Keep(full(rows.Count, Scalars.Get(double.NegativeInfinity)).On(rows.Clean.Value));
        var check = FewestQueries / 2;
        // What is asked after a query is kept nowhere else.
        Attacks.Square.Search(context with { Log = null }, rows, queries, (query, margin) =>
        {
            if (query != check)
                return null;
            var hoped = margin.Plus((margin - before.Value) * Scalars.Get(Math.Log2(queries / (double)query)));
            before.Value = margin;
            check *= 2;
            return hoped.ge(Scalars.Get(0));
        });
    }

    private static void EachTarget(
        AttackContext context,
        ActiveBatch rows,
        Action<ActiveBatch, Tensor, ActiveBatch.Kept> attack
    )
    {
        using var scope = NewDisposeScope();
        using var clean = rows.Keep(InputGradient.Logits(context.Model, rows.Clean.Value));
        var wrong = Losses.WrongClasses(clean.Value, rows.Labels.Value);
        using var order = rows.Keep(wrong.narrow(1, 0, Math.Min(TargetTurns.Most, wrong.shape[1])).contiguous());
        using var likely = rows.Keep(Likely(context, rows, order.Value));
        using var stages = context.Enter(rows);
        for (var target = stages.First; target < order.Value.shape[1] && rows.Count > 0; stages.Passed(++target))
        {
            using var targetScope = NewDisposeScope();
            using var targets = rows.Keep(order.Value.select(1, target));
            Part(rows, likely.Value.select(1, target), [targets, clean], (part, kept) =>
                attack(part, kept[1].Value, kept[0])
            );
        }
    }

    // [rows, targets], bool.
    private static Tensor Likely(AttackContext context, ActiveBatch rows, Tensor order)
    {
        var (_, differences, lengths) = InputGradient.OfDifferences(
            context.Model,
            rows.Clean.Value,
            rows.Labels.Value.unsqueeze(1),
            order,
            context.Budget.DualLength
        );
        var distance = differences.abs() / lengths.clamp_min(Scalars.Get(1e-12));
        var third = distance
            .topk((int)Math.Min(Nearest, distance.shape[1]), 1, largest: false)
            .values.amax([1], keepdim: true);
        return distance.le(third.clamp_min(Scalars.Get(Linear * context.Budget.Epsilon)));
    }

    private static void Part(
        ActiveBatch rows,
        Tensor which,
        ActiveBatch.Kept[] kept,
        Action<ActiveBatch, ActiveBatch.Kept[]> attack
    )
    {
        using var part = rows.Where(which);
        if (part.Count == 0)
            return;
        var index = which.nonzero().flatten();
        attack(part, [.. kept.Select(k => part.Keep(k.Value.index_select(0, index)))]);
        rows.Refresh();
    }
}
