using System.Collections.Immutable;

namespace PostTrainGate.Models;

/// <summary>Finds the weighted layers of a compiled model.</summary>
internal sealed class OnnxLayers
{
    private static readonly string[] Activations =
    [
        "Celu",
        "Clip",
        "Elu",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "Mish",
        "PRelu",
        "Relu",
        "Selu",
        "Sigmoid",
        "Softplus",
        "Softsign",
        "Swish",
        "Tanh",
        "ThresholdedRelu",
    ];

    private readonly CompiledModel _model;
    private readonly Dictionary<int, OnnxGraph.Step> _producer;
    private readonly ILookup<int, OnnxGraph.Step> _readers;
    private readonly Dictionary<int, string> _parameters;

    private OnnxLayers(CompiledModel model)
    {
        _model = model;
        _producer = model.Graph.Steps.ToDictionary(s => s.Output);
        _readers = model
            .Graph.Steps.SelectMany(s => s.Inputs.Distinct(), (s, i) => (s, i))
            .ToLookup(p => p.i, p => p.s);
        _parameters = model.Parameters.ToDictionary(p => p.Value, p => p.Key);
    }

    /// <summary>The layers in forward order.</summary>
    public static ImmutableArray<Layer> Find(CompiledModel model) => new OnnxLayers(model).Find();

    private ImmutableArray<Layer> Find()
    {
        var layers = new List<(Layer Layer, OnnxGraph.Step Step)>();
        foreach (var step in _model.Graph.Steps)
        {
            if (step.Node.OpType is not ("Gemm" or "MatMul" or "Conv") || Weight(step) is not { } weight)
                continue;
            var perUnit = step.Node.OpType == "Conv" ? 1 : PerUnit(weight, step, layers);
            var (bias, output) = After(step);
            layers.Add(
                (
                    new(
                        layers.Count,
                        step.Node.Name.Length > 0 ? step.Node.Name : step.Node.Output[0],
                        step.Node.OpType,
                        weight.Name,
                        bias,
                        output,
                        weight.Units,
                        weight.UnitAxis,
                        weight.InputAxis,
                        perUnit
                    ),
                    step
                )
            );
        }

        return [.. layers.Select(l => l.Layer)];
    }

    private sealed record WeightView(string Name, long Units, int UnitAxis, int InputAxis, long Inputs);

    // The weight is the parameter that is multiplied; exporters may transpose it on the way.
    private WeightView? Weight(OnnxGraph.Step step)
    {
        var turned = false;
        var slot = step.Inputs[1];
        while (!_parameters.ContainsKey(slot))
        {
            if (
                !_producer.TryGetValue(slot, out var view)
                || view.Node.OpType is not ("Transpose" or "Identity" or "Cast")
            )
                return null;
            turned ^= view.Node.OpType == "Transpose";
            slot = view.Inputs[0];
        }

        var shape = _model.State[slot].shape;
        var conv = step.Node.OpType == "Conv";
        if (conv ? shape.Length < 3 || turned : shape.Length != 2)
            return null;
        var transposed = step.Node.Attribute.FirstOrDefault(a => a.Name == "transB")?.I == 1;
        var unitAxis = conv || (transposed ^ turned) ? 0 : 1;
        return new(_parameters[slot], shape[unitAxis], unitAxis, 1 - unitAxis, shape[1 - unitAxis]);
    }

    // 1 at the input; what one unit of the only layer before it takes up; 0 where units do not lie side by side.
    private long PerUnit(WeightView weight, OnnxGraph.Step step, List<(Layer Layer, OnnxGraph.Step Step)> layers)
    {
        HashSet<OnnxGraph.Step> before = [];
        HashSet<int> seen = [];
        var (direct, turned) = (false, false);
        var open = new Stack<int>([step.Inputs[0]]);
        while (open.TryPop(out var slot))
        {
            if (!seen.Add(slot))
                continue;
            direct |= slot == _model.Graph.Input;
            if (!_producer.TryGetValue(slot, out var from))
                continue;
            turned |= from.Node.OpType == "Transpose";
            if (layers.Any(l => l.Step == from))
                before.Add(from);
            else
                foreach (var input in from.Inputs)
                    open.Push(input);
        }

        if (before.Count == 0)
            return 1;
        if (before.Count > 1 || direct || turned)
            return 0;
        var units = layers.Single(l => before.Contains(l.Step)).Layer.Units;
        return weight.Inputs % units == 0 ? weight.Inputs / units : 0;
    }

    // The bias, and the value after bias, normalization and activation.
    private (string? Bias, string Output) After(OnnxGraph.Step step)
    {
        var bias =
            step.Node.OpType != "MatMul" && step.Inputs.Length > 2
                ? _parameters.GetValueOrDefault(step.Inputs[2])
                : null;
        var (slot, output) = (step.Output, step.Node.Output[0]);
        while (slot != _model.Logits && _readers[slot].ToList() is [var next])
        {
            var adds =
                next.Node.OpType == "Add"
                && bias is null
                && next.Inputs.Any(i => i != slot && _parameters.ContainsKey(i));
            var activates = Activations.Contains(next.Node.OpType);
            if (!adds && !activates && next.Node.OpType != "BatchNormalization")
                break;
            if (adds)
                bias = _parameters[next.Inputs.First(i => i != slot)];
            (slot, output) = (next.Output, next.Node.Output[0]);
            if (activates)
                break;
        }

        return (bias, output);
    }
}
