using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Attacks that minimise c times a hinge on the margin plus the size of the perturbation: the smallest c that succeeds is searched for
/// each row, tenfold up and then by bisection. A row that is broken ends its run early when its objective stops falling; one that is not
/// may only be slow, since values at a bound hardly move at first.
/// </summary>
public abstract class ConstantSearch : MinimalAttack
{
    private const double LeastProgress = 0.9999;

    private readonly int _searches, _steps;
    private readonly double _first;

    private protected ConstantSearch(string name, string summary, int searches, int steps, double first, params Norm[] norms)
        : base(name, summary, needsGradients: true, norms) => (_searches, _steps, _first) = (searches, steps, first);

    /// <summary>One run with given constants.</summary>
    private protected abstract class Minimiser : IDisposable
    {
        /// <summary>[rows, input shape], legal.</summary>
        public abstract Tensor X { get; }

        /// <summary>Size of the perturbation in the objective, [rows], and its gradient.</summary>
        public abstract (Tensor Value, Tensor Gradient) Size { get; }

        /// <summary>Moves against the objective's gradient with respect to <see cref="X"/>.</summary>
        public abstract void Step(int step, Tensor gradient);

        /// <inheritdoc/>
        public abstract void Dispose();
    }

    /// <summary>Starts at the clean inputs.</summary>
    private protected abstract Minimiser Begin(AttackContext context, RowSet rows, int steps);

    /// <inheritdoc/>
    internal override void Run(AttackContext context, RowSet rows)
    {
        using var scope = NewDisposeScope();
        using var constant = rows.Keep(full(rows.Count, Scalars.Of(_first)));
        using var lower = rows.Keep(zeros(rows.Count));
        using var upper = rows.Keep(full(rows.Count, Scalars.Of(double.PositiveInfinity)));
        using var distance = rows.Keep(full(rows.Count, Scalars.Of(double.PositiveInfinity)));
        for (var search = 0; search < _searches && rows.Count > 0; search++)
        {
            using var searchScope = NewDisposeScope();
            var found = Minimise(context, rows, constant.Value, distance.Value);
            upper.Value = where(found, constant.Value, upper.Value);
            lower.Value = where(found, lower.Value, constant.Value);
            var middle = lower.Value.Plus(upper.Value) * Scalars.Of(0.5);
            constant.Value = where(upper.Value.isinf(), constant.Value * Scalars.Of(10), middle);
            rows.Refresh();
        }
    }

    // Which rows it breaks, [rows]; nearer examples become their results, and their distances are written to nearest, [rows].
    private Tensor Minimise(AttackContext context, RowSet all, Tensor constants, Tensor nearest)
    {
        var found = zeros(all.Count, dtype: ScalarType.Bool);
        var steps = context.Settings.Steps ?? _steps;
        var (check, began) = ((steps + 9) / 10, arange(Scalars.Whole(all.Count), dtype: int64));
        using var run = all.Where(ones(all.Count, dtype: ScalarType.Bool));
        using var place = run.Keep(began);
        using var constant = run.Keep(constants);
        using var before = run.Keep(full(run.Count, Scalars.Of(double.PositiveInfinity)));
        using var state = Begin(context, run, steps);
        for (var step = 0; step < steps && run.Count > 0; step++)
        {
            context.Cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var x = state.X;
            var (logits, hinge, slope) = InputGradient.Of(context.Model, x,
                z => Losses.Margin(z, run.Labels.Value).neg().clamp_min(Scalars.Of(0)) * constant.Value);
            var (size, sizeGradient) = state.Size;
            state.Step(step, slope.Plus(sizeGradient));

            var errs = AttackHarness.Errs(logits, run.Labels.Value);
            var distance = context.Budget.Distance(run.Clean.Value, x);
            var best = nearest.index_select(0, place.Value);
            var nearer = errs.logical_and(distance.lt(best));
            nearest.index_copy_(0, place.Value, where(nearer, distance, best));
            var broken = found.index_select(0, place.Value).logical_or(errs);
            found.index_copy_(0, place.Value, broken);
            run.Found(nearer, x, leave: false);

            var (objective, over) = (hinge.Plus(size), zeros_like(errs));
            if (step % check == 0)
            {
                over = broken.logical_and(objective.gt(before.Value * Scalars.Of(LeastProgress)));
                before.Value = objective;
            }

            if (context.StopAtSuccess)
            {
                var within = nearer.logical_and(distance.le(Scalars.Of(context.Budget.Epsilon)));
                run.Found(within, x, leave: true);
                over = over.masked_select(within.logical_not());
            }

            run.GiveUp(over);
        }

        return found;
    }
}
