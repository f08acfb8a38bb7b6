using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Projected gradient descent on rows of a table: constrained in every step to rows that the table could hold. Numbers
/// follow the gradient as in <see cref="GradientAttack.Pgd"/>, before they are rounded to whole ones; of the changes of
/// category that the gradient promises most of, and of a few random ones, the one is made that raises the loss most, if
/// any does.
/// </summary>
/// <remarks>
/// In the way of constrained adaptive attacks (Simonetto et al. 2024), which repair each step's point; here the
/// gradient is that at the legal point, and what it says of a change of category, which is no small step, is tried (as
/// HotFlip's candidates, Ebrahimi et al. 2018).
/// </remarks>
public sealed class TableGradient : RowAttack
{
    private const int DefaultSteps = 40;
    private const double Reach = 2.5;
    private const int Promising = 5,
        Random = 3; // changes of category that are tried in a step; figures chosen on training rows

    private TableGradient()
        : base(
            "table_pgd",
            "Projected gradient descent on table rows that stay valid at every step "
                + "(after Simonetto et al. 2024). Numbers take 40 steps of 2.5 epsilon / 40; "
                + "categories try the most promising changes and some random ones.",
            needsGradients: true
        ) { }

    /// <summary>The attack.</summary>
    public static TableGradient Instance { get; } = new();

    /// <inheritdoc/>
    public override string Title => "table PGD";

    /// <inheritdoc/>
    public override bool KeepsForm => true;

    /// <inheritdoc/>
    internal override void Run(AttackContext context, ActiveBatch rows)
    {
        var (budget, form, ball) = (context.Budget, context.Budget.Form!, context.Budget.Ball);
        var steps = context.Settings.Steps ?? DefaultSteps;
        var stepSize = Scalars.Get(context.Settings.StepSize ?? Reach * budget.Epsilon / steps);

        using var scope = NewDisposeScope();
        var randomStart = context.RandomStart ?? context.Settings.RandomStart ?? false;
        using var x = rows.Keep(randomStart ? budget.RandomPoint(rows.Clean.Value, context.Random) : rows.Clean.Value);
        using var numbers = rows.Keep(x.Value); // as if any number were legal
        using var chosen = rows.Keep(form.Chosen(rows.Clean.Value, x.Value)); // [rows, options]
        using var next = rows.Keep(x.Value);
        for (var step = 0; step < steps && rows.Count > 0; step++)
        {
            context.Begin(step, steps);
            using var stepScope = NewDisposeScope();
            var clean = rows.Clean.Value;
            var (logits, _, gradient) = InputGradient.Compute(context.Model, x.Value, (z, of) =>
                Losses.CrossEntropy(z, of(rows.Labels.Value))
            );
            var direction = ball.Direction(form.OfNumbers(gradient));
            numbers.Value = ball.Project(clean, numbers.Value.Plus(direction.mul(stepSize)));
            next.Value = form.MoveNumbers(ball, clean, numbers.Value);
            if (form.Changes > 0)
                next.Value = Change(context, rows, chosen, next.Value, form.Gains(gradient, clean));
            if (context.StopAtSuccess)
                rows.Judge(context, logits, x.Value);
            x.Value = next.Value;
        }

        rows.Found(ones(rows.Count, dtype: ScalarType.Bool).On(x.Value), x.Value, leave: true); // the harness judges the last step
    }

    // Rows with the best of the changes of category, or none: [rows, width]. Gains: [rows, options].
    private static Tensor Change(
        AttackContext context,
        ActiveBatch rows,
        ActiveBatch.Kept chosen,
        Tensor numbers,
        Tensor gains
    )
    {
        using var scope = NewDisposeScope();
        var (form, clean) = (context.Budget.Form!, rows.Clean.Value);
        var weight = form.PerColumn(gains * chosen.Value);
        var promising = gains
            .masked_fill(chosen.Value.gt(Scalars.Get(0)), Scalars.Get(double.NegativeInfinity))
            .topk((int)Math.Min(Promising, gains.shape[1]), 1)
            .indexes;
        var random = randint(0, gains.shape[1], [rows.Count, Random], dtype: int64, generator: context.Random);
        var tries = cat([promising, random.On(promising)], 1);
        var best = form.Join(numbers, form.Take(clean, chosen.Value));
        var most = Losses.CrossEntropy(InputGradient.Logits(context.Model, best), rows.Labels.Value);
        var choice = chosen.Value;
        for (var i = 0; i < tries.shape[1]; i++)
        {
            var other = form.Swap(clean, chosen.Value, tries.select(1, i), weight);
            var x = form.Join(numbers, form.Take(clean, other));
            var loss = Losses.CrossEntropy(InputGradient.Logits(context.Model, x), rows.Labels.Value);
            var better = loss.gt(most);
            (most, best) = (where(better, loss, most), where(better.unsqueeze(1), x, best));
            choice = where(better.unsqueeze(1), other, choice);
        }

        chosen.Value = choice;
        return best.MoveToOuterDisposeScope();
    }
}
