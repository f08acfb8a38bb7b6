using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Attacks that minimise c times a hinge on the margin plus the size of the perturbation: the smallest c that succeeds is searched for
/// each row, tenfold up and then by bisection. Each search goes on from the nearest example that the ones before found, and a c succeeds
/// where it finds a nearer one; so later searches take few steps. A row ends its run when its objective stops falling; in the first
/// search only once it is broken, since values at a bound hardly move at first.
/// </summary>
public abstract class ConstantSearch : MinimalAttack
{
    private const double LeastProgress = 0.999;
    private const int Checks = 20; // a run

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

    /// <summary>Starts a run.</summary>
    /// <param name="context">The budget's bounds.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="start">[rows, input shape], where to start.</param>
    /// <param name="steps">Most steps.</param>
    private protected abstract Minimiser Begin(AttackContext context, RowSet rows, Tensor start, int steps);

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
            var found = Minimise(context, rows, constant.Value, distance.Value, first: search == 0);
            upper.Value = where(found, constant.Value, upper.Value);
            lower.Value = where(found, lower.Value, constant.Value);
            var middle = lower.Value.Plus(upper.Value) * Scalars.Of(0.5);
            constant.Value = where(upper.Value.isinf(), constant.Value * Scalars.Of(10), middle);
            rows.Refresh();
        }
    }

    // Which rows it breaks, [rows]; nearer examples become their results, and their distances are written to nearest, [rows].
    private Tensor Minimise(AttackContext context, RowSet all, Tensor constants, Tensor nearest, bool first)
    {
        var found = zeros(all.Count, dtype: ScalarType.Bool);
        var steps = context.Settings.Steps ?? _steps;
        var (check, began) = (Math.Max(1, steps / Checks), arange(Scalars.Whole(all.Count), dtype: int64));
        using var run = all.Where(ones(all.Count, dtype: ScalarType.Bool));
        using var place = run.Keep(began);
        using var constant = run.Keep(constants);
        using var before = run.Keep(full(run.Count, Scalars.Of(double.PositiveInfinity)));
        using var state = Begin(context, run, run.Found(), steps);
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
            var broken = found.index_select(0, place.Value).logical_or(nearer);
            found.index_copy_(0, place.Value, broken);
            run.Found(nearer, x, leave: false);

            var (objective, over) = (hinge.Plus(size), zeros_like(errs));
            if (step % check == 0)
            {
                over = objective.gt(before.Value * Scalars.Of(LeastProgress));
                if (first) over = over.logical_and(broken);
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
