using PostTrainGate.Attacks;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>
/// Bounds of every value of a graph while the inputs of some rows move within a budget: forwards as intervals (IBP,
/// Gowal et al. 2018), backwards as linear functions of the input (CROWN, Zhang et al. 2018), whose vector-Jacobian
/// products autograd makes of the lines' own formulas.
/// </summary>
internal sealed class Bounds : IDisposable
{
    // Numbers of the largest value that one backward pass holds; more does not get faster and takes memory.
    private const long PassSize = 1 << 22;

    private readonly BoundGraph _graph;
    private readonly Budget _budget;
    private readonly Tensor _clean;
    private readonly Interval _box;
    private readonly Dictionary<int, Interval> _bounds = [];
    private readonly Dictionary<int, int> _depth = [];

    // Middles and half axes, of what comes before the first weighted sums.
    private readonly Dictionary<int, Interval> _ellipsoids = [];
    private readonly CancellationToken _cancel;
    private readonly bool _trains;

    /// <summary>Bounds around some rows.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="clean">[rows, input shape], in the data's units.</param>
    /// <param name="budget">Norm, epsilon and the bounds of inputs.</param>
    /// <param name="refine">Whether bounds of inner values are made tighter by passes backwards.</param>
    /// <param name="cancel">Stops between passes.</param>
    /// <param name="trains">
    /// Whether the graph's constants have gradients, which intervals keep; linear bounds cannot be had then.
    /// </param>
    public Bounds(
        BoundGraph graph,
        Tensor clean,
        Budget budget,
        bool refine,
        CancellationToken cancel = default,
        bool trains = false
    )
    {
        _trains = trains;
        using var _ = set_grad_enabled(trains && is_grad_enabled());
        using var scope = NewDisposeScope();
        (_graph, _budget, _cancel) = (graph, budget, cancel);
        _clean = clean.to(graph.Type, copy: true).DetachFromDisposeScope();
        // A clean value outside of the bounds is legal where it is, as in attacks.
        var (least, most) = (_clean.clamp_max(Scalars.Get(budget.Lower)), _clean.clamp_min(Scalars.Get(budget.Upper)));
        _box = new Interval(
            maximum(_clean.sub(Scalars.Get(budget.Epsilon)), least),
            minimum(_clean.Plus(budget.Epsilon), most)
        ).Keep();
        _bounds[graph.Input] = new Interval(graph.Normalize(_box.Lower), graph.Normalize(_box.Upper)).Keep();
        _depth[graph.Input] = 0;
        // A ball of any norm but Linf lies in the Euclidean one; the input's units make it an ellipsoid.
        if (budget.Norm != Norm.Linf)
            _ellipsoids[graph.Input] = new Interval(
                graph.Normalize(_clean.sub(Scalars.Get(budget.Epsilon))),
                graph.Normalize(_clean.Plus(budget.Epsilon))
            ).Keep();
        foreach (var (step, relaxation) in graph.Steps)
            Forward(step, relaxation, refine);
    }

    /// <summary>Bounds of a value: [rows, ...].</summary>
    public Interval Get(int slot) => _bounds[slot];

    /// <summary>Bounds of the logits: [rows, classes].</summary>
    public Interval Logits()
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (found, rows) = (LogitIntervals(), _clean.shape[0]);
        var classes = found.Lower.shape[1];
        var row = arange(Scalars.Whole(rows), dtype: int64).repeat_interleave(classes);
        var each = eye(classes, dtype: float64).repeat(rows, 1);
        var lower = Lower(row, each).reshape(rows, classes);
        var upper = Lower(row, each.neg()).reshape(rows, classes).neg();
        return new(
            maximum(found.Lower, lower).MoveToOuterDisposeScope(),
            minimum(found.Upper, upper).MoveToOuterDisposeScope()
        );
    }

    /// <summary>
    /// Lower bounds of how far the label's logit is above each other one: the better of the difference of the intervals
    /// and, where wanted, the linear bound of the difference.
    /// </summary>
    /// <param name="labels">[rows], int64.</param>
    /// <param name="backward">Whether linear bounds are wanted.</param>
    /// <returns>[rows, classes - 1]</returns>
    public Tensor Margins(Tensor labels, bool backward)
    {
        using var _ = set_grad_enabled(_trains && is_grad_enabled());
        using var scope = NewDisposeScope();
        var rows = _clean.shape[0];
        var (low, high) = LogitIntervals();
        var classes = low.shape[1];
        // Row by row the classes but the label.
        var all = arange(Scalars.Whole(classes), dtype: int64).expand(rows, classes);
        var others = all.masked_select(all.ne(labels.unsqueeze(1))).reshape(rows, classes - 1);
        var margins = low.gather(1, labels.unsqueeze(1)) - high.gather(1, others);
        if (!backward)
            return margins.MoveToOuterDisposeScope();
        var each = eye(classes, dtype: float64);
        var wanted =
            each.index_select(0, labels).unsqueeze(1)
            - each.index_select(0, others.flatten()).reshape(rows, classes - 1, classes);
        var row = arange(Scalars.Whole(rows), dtype: int64).repeat_interleave(classes - 1);
        return maximum(margins, Lower(row, wanted.flatten(0, 1)).reshape(rows, classes - 1)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var interval in _bounds.Values.Concat(_ellipsoids.Values).Append(_box))
            interval.Dispose();
        _clean.Dispose();
    }

    // What the intervals say of the logits, which may fall where the value rises.
    private Interval LogitIntervals()
    {
        var value = _bounds[_graph.Logits];
        var (low, high) = (_graph.ToLogits(value.Lower), _graph.ToLogits(value.Upper));
        return new(minimum(low, high), maximum(low, high));
    }

    private void Forward(BoundedStep step, Relaxation relaxation, bool refine)
    {
        _cancel.ThrowIfCancellationRequested();
        var depth = step.Bounded.Max(slot => _depth[slot]);
        // Intervals of the first weighted sums of a box are exact (of a ball they are nearly); of all that comes later
        // they are not.
        if (refine && relaxation.Loose is { } loose && depth > 1)
            Tighten(step.Bounded[0], loose);
        using var scope = NewDisposeScope();
        var bound = relaxation.Bound([.. step.Bounded.Select(Get)]);
        if (step.Bounded.Length == 1 && _ellipsoids.TryGetValue(step.Bounded[0], out var ellipsoid))
        {
            if (relaxation.InEllipsoid?.Invoke(ellipsoid) is { } other)
                bound = bound.And(other);
            else if (relaxation is { IsAffine: true, Mixes: false })
                _ellipsoids[step.Output] = relaxation.Bound([ellipsoid]).Keep();
        }

        _bounds[step.Output] = bound.Keep();
        _depth[step.Output] = depth + (relaxation.Mixes || (!relaxation.IsAffine && depth > 0) ? 1 : 0);
    }

    // Linear bounds of those elements that intervals leave in doubt.
    private void Tighten(int slot, Func<Interval, Tensor> loose)
    {
        using var scope = NewDisposeScope();
        var shape = _graph.ShapeOf(slot);
        var size = shape.Aggregate(1L, (a, b) => a * b);
        var (lower, upper) = (_bounds[slot].Lower.flatten().clone(), _bounds[slot].Upper.flatten().clone());
        var wanted = loose(_bounds[slot]).reshape(-1, size);
        for (var row = 0; row < wanted.shape[0]; row++)
        {
            foreach (var place in wanted[row].nonzero().flatten().split(Math.Max(1, PassSize / _graph.Largest)))
            {
                if (place.shape[0] == 0)
                    continue;
                using var pass = NewDisposeScope();
                var index = place.unsqueeze(1);
                var one = zeros([place.shape[0], size], dtype: float64)
                    .scatter(1, index, ones(index.shape, dtype: float64))
                    .reshape([-1, .. shape]);
                var (only, at) = (tensor(new[] { (long)row }), place.Plus(tensor(row * size)));
                lower.index_copy_(0, at, maximum(Backward(only, slot, one), lower.index_select(0, at)));
                upper.index_copy_(0, at, minimum(Backward(only, slot, one.neg()).neg(), upper.index_select(0, at)));
            }
        }

        _bounds[slot].Dispose();
        _bounds[slot] = new Interval(lower.reshape([-1, .. shape]), upper.reshape([-1, .. shape])).Keep();
    }

    // Lower bounds of linear functions of the logits, in chunks.
    private Tensor Lower(Tensor row, Tensor coefficients)
    {
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        var most = Math.Max(1, PassSize / _graph.Largest);
        for (long start = 0; start < row.shape[0]; start += most)
        {
            using var pass = NewDisposeScope();
            var count = Math.Min(most, row.shape[0] - start);
            var (value, constant) = (_bounds[_graph.Logits].Lower, coefficients.narrow(0, start, count));
            var (gradient, offset) = Pulled.ByGradient(
                constant,
                [
                    [count, .. value.shape[1..]],
                ],
                x => (_graph.ToLogits(x[0]), null)
            );
            parts.Add(
                Backward(row.narrow(0, start, count), _graph.Logits, gradient[0]).Plus(offset).MoveToOuterDisposeScope()
            );
        }

        return cat(parts, 0).MoveToOuterDisposeScope();
    }

    /// <summary>Lower bounds of linear functions of a value.</summary>
    /// <param name="row">
    /// [functions], int64: the row that each is of; or one for all, whose lines are then made once.
    /// </param>
    /// <param name="slot">The value.</param>
    /// <param name="coefficients">[functions, shape of the value].</param>
    /// <returns>[functions].</returns>
    private Tensor Backward(Tensor row, int slot, Tensor coefficients)
    {
        _cancel.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        var open = new Dictionary<int, Tensor> { [slot] = coefficients };
        var functions = coefficients.shape[0];
        var constant = zeros(functions, dtype: float64);
        foreach (var (step, relaxation) in _graph.Steps.Reverse())
        {
            if (!open.Remove(step.Output, out var outer))
                continue;
            Interval[] bounds = relaxation.IsAffine ? [] : [.. step.Bounded.Select(s => _bounds[s].Rows(row))];
            long[][] shapes = [.. step.Bounded.Select(s => (long[])[functions, .. _graph.ShapeOf(s)])];
            var (inner, offset) = relaxation.Pull(outer, bounds, shapes);
            constant = constant.Plus(offset);
            for (var i = 0; i < inner.Length; i++)
                open[step.Bounded[i]] = open.TryGetValue(step.Bounded[i], out var other)
                    ? other.Plus(inner[i])
                    : inner[i];
        }

        if (!open.TryGetValue(_graph.Input, out var last))
            return constant.MoveToOuterDisposeScope();
        var (atInput, shift) = Pulled.ByGradient(last, [last.shape], x => (_graph.Normalize(x[0]), null));
        return constant.Plus(shift).Plus(OverInputs(row, atInput[0])).MoveToOuterDisposeScope();
    }

    // The least value of a linear function in the box and, by the dual norm, in the ball: the input lies in both.
    private Tensor OverInputs(Tensor row, Tensor coefficients)
    {
        var (a, clean) = (coefficients.flatten(1), _clean.index_select(0, row).flatten(1));
        var box = _box.Rows(row);
        var inBox = Pulled
            .Dot(a.clamp_min(Scalars.Get(0)), box.Lower.flatten(1))
            .Plus(Pulled.Dot(a.clamp_max(Scalars.Get(0)), box.Upper.flatten(1)));
        if (_budget.Norm == Norm.Linf)
            return inBox;
        var inBall = Pulled.Dot(a, clean) - _budget.DualLength(a).mul(Scalars.Get(_budget.Epsilon));
        return maximum(inBox, inBall);
    }
}
