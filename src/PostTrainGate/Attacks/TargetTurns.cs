using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Attacks toward one wrong class after the other. Where few rows stand, several classes share a pass, a copy of each
/// row for each: a pass over few rows takes nearly as long as one over more.
/// </summary>
internal static class TargetTurns
{
    /// <summary>Wrong classes that are tried at most.</summary>
    public const int Most = 9;

    /// <summary>Attacks toward each row's likeliest wrong classes.</summary>
    /// <param name="context">Classifier and budget.</param>
    /// <param name="rows">The rows; those that break are gone afterwards.</param>
    /// <param name="attack">
    /// Told the rows, or several copies of each where a success ends a row, and the class of each, [rows], int64.
    /// </param>
    public static void Run(
        AttackContext context,
        ActiveBatch rows,
        Action<AttackContext, ActiveBatch, ActiveBatch.Kept> attack
    )
    {
        using var order = rows.Keep(WrongClasses(context, rows));
        var tried = (int)Math.Min(Most, order.Value.shape[1]);
        using var stages = context.Enter(rows);
        for (var target = stages.First; target < tried && rows.Count > 0; stages.Passed(target))
        {
            using var scope = NewDisposeScope();
            var beside = Beside(context, rows.Count, tried - target);
            var part = context.Between((double)target / tried, (double)(target + beside) / tried);
            using var copies = beside > 1 ? rows.Copies(beside) : null;
            var some = copies ?? rows;
            using var targets = some.Keep(order.Value.narrow(1, target, beside).flatten());
            attack(part, some, targets);
            rows.Refresh();
            target += beside;
        }
    }

    /// <summary>Wrong classes of the clean rows, the likeliest first; the caller disposes them.</summary>
    public static Tensor WrongClasses(AttackContext context, ActiveBatch rows)
    {
        using var scope = NewDisposeScope();
        return Losses
            .WrongClasses(InputGradient.Logits(context.Model, rows.Clean.Value), rows.Labels.Value)
            .MoveToOuterDisposeScope();
    }

    // Where a success does not end a row, later classes go on from what earlier ones found: one at a time.
    private static int Beside(AttackContext context, long rows, int left) =>
        context.StopAtSuccess ? (int)Math.Clamp(AttackRun.RowsAtOnce(context.Model) / rows, 1, left) : 1;
}
