using System.Collections.Immutable;

namespace PostTrainGate.Models;

/// <summary>Finds the weighted layers of a compiled model.</summary>
internal sealed class OnnxLayers
{
    private static readonly string[] Activations = ["Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip"];
    private readonly CompiledModel _model;
    private readonly Dictionary<int, OnnxGraph.Step> _producer;
    private readonly ILookup<int, OnnxGraph.Step> _readers;
    private readonly Dictionary<int, string> _parameters;
    private readonly HashSet<OnnxGraph.Step> _weighted = [];

    private OnnxLayers(CompiledModel model)
    {
        _model = model;
        _producer = model.Graph.Steps.ToDictionary(s => s.Output);
        _readers = model.Graph.Steps.SelectMany(s => s.Inputs.Distinct(), (s, i) => (s, i)).ToLookup(p => p.i, p => p.s);
        _parameters = model.Parameters.ToDictionary(p => p.Value, p => p.Key);
    }

    /// <summary>The layers in forward order.</summary>
    public static ImmutableArray<Layer> Find(CompiledModel model) => new OnnxLayers(model).Find();

    private ImmutableArray<Layer> Find()
    {
        var layers = new List<(Layer Layer, OnnxGraph.Step Step)>();
        foreach (var step in _model.Graph.Steps)
        {
            if (step.Node.OpType is not ("Gemm" or "MatMul" or "Conv") || Weight(step) is not { } weight) continue;
            var before = Before(step).ToList();
            long perUnit = 0;
            if (step.Node.OpType == "Conv" || layers.Count == 0) perUnit = 1;
            else if (before is [var only] && layers.FirstOrDefault(l => l.Step == only) is { Layer: { } previous })
                perUnit = weight.Inputs % previous.Units == 0 ? weight.Inputs / previous.Units : 0;
            var (bias, output) = After(step);
            layers.Add((new(layers.Count, step.Node.Name.Length > 0 ? step.Node.Name : step.Node.Output[0], step.Node.OpType, weight.Name,
                bias, output, weight.Units, weight.UnitAxis, weight.InputAxis, perUnit), step));
            _weighted.Add(step);
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
            if (!_producer.TryGetValue(slot, out var view) || view.Node.OpType is not ("Transpose" or "Identity")) return null;
            turned ^= view.Node.OpType == "Transpose";
            slot = view.Inputs[0];
        }

        var shape = _model.State[slot].shape;
        var conv = step.Node.OpType == "Conv";
        if (conv ? shape.Length < 3 || turned : shape.Length != 2) return null;
        var transposed = step.Node.Attribute.FirstOrDefault(a => a.Name == "transB")?.I == 1;
        var unitAxis = conv || (transposed ^ turned) ? 0 : 1;
        return new(_parameters[slot], shape[unitAxis], unitAxis, 1 - unitAxis, shape[1 - unitAxis]);
    }

    // Weighted layers that this one's input comes from, none of them behind another.
    private HashSet<OnnxGraph.Step?> Before(OnnxGraph.Step step)
    {
        HashSet<OnnxGraph.Step?> found = [];
        HashSet<int> seen = [];
        var open = new Stack<int>([step.Inputs[0]]);
        while (open.TryPop(out var slot))
        {
            if (!seen.Add(slot)) continue;
            if (slot == _model.Graph.Input) found.Add(null);
            if (!_producer.TryGetValue(slot, out var from)) continue;
            // Channels last: what belongs to a unit is no longer together.
            if (from.Node.OpType == "Transpose") found.Add(null);
            if (_weighted.Contains(from)) found.Add(from);
            else foreach (var input in from.Inputs) open.Push(input);
        }

        return found;
    }

    // The bias, and the value after bias, normalisation and activation.
    private (string? Bias, string Output) After(OnnxGraph.Step step)
    {
        var bias = step.Node.OpType != "MatMul" && step.Inputs.Length > 2 ? _parameters.GetValueOrDefault(step.Inputs[2]) : null;
        var (slot, output) = (step.Output, step.Node.Output[0]);
        while (slot != _model.Logits && _readers[slot].ToList() is [var next])
        {
            var adds = next.Node.OpType == "Add" && bias is null && next.Inputs.Any(i => i != slot && _parameters.ContainsKey(i));
            var activates = Activations.Contains(next.Node.OpType);
            if (!adds && !activates && next.Node.OpType != "BatchNormalization") break;
            if (adds) bias = _parameters[next.Inputs.First(i => i != slot)];
            (slot, output) = (next.Output, next.Node.Output[0]);
            if (activates) break;
        }

        return (bias, output);
    }
}
