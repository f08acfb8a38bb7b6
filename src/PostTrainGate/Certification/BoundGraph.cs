using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>
/// A rebuilt graph as bounds see it: the steps from the input to the logits, each with what can be said of it, and
/// everything else computed once. In float64, so that rounding is far below what a float32 pass of the model itself
/// rounds; in the model's own float32 where bounds are only trained by, in half the time.
/// </summary>
internal sealed class BoundGraph : IDisposable
{
    private readonly OnnxClassifier _model;
    private readonly List<OnnxGraph.Step> _needed;
    private readonly Tensor[] _constants; // in the memory of the host, as devices are slow in float64
    private readonly Dictionary<int, long[]> _shapes = []; // of values that depend on the input, without the batch
    private readonly List<OnnxGraph.Step> _ofShapes = []; // steps that depend on shapes only
    private readonly Dictionary<long, Tensor[]> _around = [];

    private BoundGraph(OnnxClassifier model, bool trains)
    {
        _model = model;
        Type = trains ? float32 : float64;
        _constants =
        [
            .. model.Rebuilt.State.Select(t =>
                t is null ? null!
                : is_floating_point(t) ? (trains ? t.alias() : t.detach()).OnHost().to(Type).DetachFromDisposeScope()
                : t.OnHost().alias().DetachFromDisposeScope()
            ),
        ];
        Input = model.Rebuilt.Model.Graph.Input;
        Logits = model.Rebuilt.Model.Logits;
        _needed = model.Rebuilt.Model.Graph.Needed(Logits);
    }

    /// <summary>Type of every floating-point value.</summary>
    public ScalarType Type { get; }

    /// <summary>Slot of the input, in the model's own units.</summary>
    public int Input { get; }

    /// <summary>Slot of what the logits are made of.</summary>
    public int Logits { get; }

    /// <summary>Steps that depend on the input, in an order that can be run.</summary>
    public ImmutableArray<(BoundedStep Step, Relaxation Relaxation)> Steps { get; private set; } = [];

    /// <summary>Numbers that the largest value holds a row.</summary>
    public long Largest => _shapes.Values.Max(s => s.Aggregate(1L, (a, b) => a * b));

    /// <summary>Builds it.</summary>
    /// <param name="model">The model; it has to stay alive.</param>
    /// <param name="shape">Shape of an input, without the batch.</param>
    /// <param name="reason">Why no bound can be had: the operators that stand in the way.</param>
    /// <param name="trains">Whether bounds have gradients by the model's parameters as they stand.</param>
    /// <returns>The caller disposes it; null where there is a reason.</returns>
    public static BoundGraph? TryBuild(OnnxClassifier model, long[] shape, out string? reason, bool trains = false)
    {
        using var _ = set_grad_enabled(trains && is_grad_enabled());
        using var scope = NewDisposeScope();
        var graph = new BoundGraph(model, trains);
        try
        {
            reason = graph.Build(shape);
        }
        catch
        {
            graph.Dispose();
            throw;
        }

        if (reason is null)
            return graph;
        graph.Dispose();
        return null;
    }

    /// <summary>From the data's units to the model's.</summary>
    public Tensor Normalize(Tensor x) => _model.Rebuilt.Normalization.Apply(x);

    /// <summary>
    /// [rows, classes] of the value at <see cref="Logits"/>; of probabilities themselves, whose order is that of the
    /// logits.
    /// </summary>
    public Tensor ToLogits(Tensor value)
    {
        var units = value.flatten(1);
        if (units.shape[1] > 1)
            return units;
        return cat([_model.Head == OutputHead.Probabilities ? ones_like(units) - units : zeros_like(units), units], 1);
    }

    /// <summary>Shape of a value, without the batch.</summary>
    public long[] ShapeOf(int slot) => _shapes[slot];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _constants.Concat(_around.Values.SelectMany(v => v)))
            tensor?.Dispose();
    }

    private string? Build(long[] shape)
    {
        HashSet<int> dependent = [Input],
            shapes = [];
        var bounded = new List<BoundedStep>();
        foreach (var step in _needed)
        {
            var on = step.Inputs.Distinct().Where(dependent.Contains).ToArray();
            if (on.Length == 0 && !step.Inputs.Any(shapes.Contains))
                _constants[step.Output] = OnnxGraph.Compute(step, _constants).DetachFromDisposeScope();
            else if (on.Length > 0 && step.Node.OpType is not ("Shape" or "Size") && dependent.Add(step.Output))
                bounded.Add(new(step, on, Around));
            else if (shapes.Add(step.Output))
                _ofShapes.Add(step);
        }

        if (!dependent.Contains(Logits))
            return "its output does not depend on the input";
        if (Without(bounded.Where(s => !Relaxations.Table.ContainsKey(s.Operator))) is { } unknown)
            return unknown;
        if (Measure(shape) is { } mixed)
            return mixed;
        var known = bounded.Select(s => (Step: s, Relaxation: Relaxations.Table[s.Operator](s))).ToArray();
        Steps = [.. known.Where(k => k.Relaxation is not null).Select(k => (k.Step, k.Relaxation!))];
        return Without(known.Where(k => k.Relaxation is null).Select(k => k.Step));

        static string? Without(IEnumerable<BoundedStep> steps)
        {
            var named = steps.Select(s => s.Text).ToArray();
            return named.Length == 0
                ? null
                : "bounds do not support "
                    + $"{Wording.List(named.Take(5))}{(named.Length > 5 ? $" and {named.Length - 5} more nodes" : "")}";
        }
    }

    // A row of every value has to be one row of the input's, or bounds of one row would be taken for another's: tried
    // with two sizes of batch.
    private string? Measure(long[] shape)
    {
        var (two, three) = (ShapesOf(2, shape), ShapesOf(3, shape));
        foreach (var (slot, (step, tail)) in two)
        {
            if (tail is [2, ..] && three[slot].Shape is [3, ..] && tail[1..].SequenceEqual(three[slot].Shape[1..]))
                _shapes[slot] = tail[1..];
            else
                return $"the first dimension of {step} is not the batch";
        }

        return null;
    }

    private Dictionary<int, (string Step, long[] Shape)> ShapesOf(long rows, long[] shape)
    {
        using var scope = NewDisposeScope();
        var values = (Tensor[])_constants.Clone();
        values[Input] = zeros([rows, .. shape], dtype: Type);
        Dictionary<int, (string, long[])> shapes = new() { [Input] = ("the input", values[Input].shape) };
        var ofShapes = _ofShapes.Select(s => s.Output).ToHashSet();
        foreach (var step in _needed.Where(s => values[s.Output] is null))
        {
            values[step.Output] = OnnxGraph.Compute(step, values);
            if (!ofShapes.Contains(step.Output))
                shapes[step.Output] = (OnnxNode.Describe(step.Node), values[step.Output].shape);
        }

        return shapes;
    }

    // Values for a number of rows: those that depend on the input stand there for their shape only.
    private Tensor[] Around(long rows)
    {
        if (_around.TryGetValue(rows, out var values))
            return values;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var made = new Tensor[_constants.Length];
        foreach (var (slot, shape) in _shapes)
            made[slot] = zeros(1, dtype: Type).expand([rows, .. shape]);
        values = [.. _constants.Select((t, i) => made[i] ?? t)];
        foreach (var step in _ofShapes)
            values[step.Output] = made[step.Output] = OnnxGraph.Compute(step, values);
        foreach (var tensor in made)
            tensor?.DetachFromDisposeScope();
        return _around[rows] = values;
    }
}
