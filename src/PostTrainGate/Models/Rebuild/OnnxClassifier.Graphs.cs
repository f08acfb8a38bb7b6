using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;

namespace PostTrainGate.Models;

/// <summary>Other graphs over the same weights, and what they have to know of this one.</summary>
public sealed partial class OnnxClassifier
{
    /// <summary>Whether the file holds a parameter in single precision.</summary>
    internal bool IsSingle(string parameter) =>
        _file.Weights.Any(w => w.Name == parameter && w.Tensor.DataType == (int)TensorProto.Types.DataType.Float);

    /// <summary>Whether both are the same graph, whatever their weights.</summary>
    internal bool HasGraphOf(OnnxClassifier other) => ReferenceEquals(_model.Graph, other._model.Graph);

    /// <summary>
    /// Name of the value that the last weighted layer reads; null where there is none, or others share its weights.
    /// </summary>
    internal string? InputOfLastLayer
    {
        get
        {
            if (Layers.IsEmpty || IsRowByRow)
                return null;
            var (last, steps) = (Layers[^1], _model.Graph.Steps);
            int Readers(string parameter) => steps.Count(s => s.Inputs.Contains(_model.Parameters[parameter]));
            if (Readers(last.Weight) != 1 || (last.Bias is { } bias && Readers(bias) != 1))
                return null;
            var step = steps.First(s => s.Inputs.Contains(_model.Parameters[last.Weight]));
            var slot = step.Inputs.First(i => _state[i] is null);
            return _model.Graph.Values.First(v => _model.Graph.Slot(v) == slot);
        }
    }

    /// <summary>
    /// What follows a value, as a classifier of that value over the same weights; the caller disposes it.
    /// </summary>
    /// <param name="value">Name of a value.</param>
    /// <param name="shape">Its shape without the batch.</param>
    /// <returns>Null where other values lead around it.</returns>
    internal OnnxClassifier? Behind(string value, ReadOnlySpan<long> shape)
    {
        if (_model.Graph.Between(_model.Graph.Slot(value), _model.Logits) is not { } graph)
            return null;
        var used = graph.Steps.SelectMany(s => s.Inputs).Append(_model.Logits).ToHashSet();
        var layers = Layers.Where(l => used.Contains(_model.Parameters[l.Weight]));
        return new(
            _file,
            _model with
            {
                Graph = graph,
                Parameters = _model.Parameters.Where(p => used.Contains(p.Value)).ToDictionary(),
                Signature = _model.Signature with { Input = value, InputShape = [.. shape] },
            },
            [.. _state.Select((t, i) => t is null || !used.Contains(i) ? null! : t.alias().DetachFromDisposeScope())],
            [.. layers.Select((l, i) => l with { Index = i })],
            new(),
            Head,
            Classes
        )
        {
            ClassNames = ClassNames,
            UnitsBeforeHead = UnitsBeforeHead,
            Memory = Memory,
        };
    }

    /// <summary>
    /// The model with another graph over the same weights: checked and rebuilt like a file of its own, so that one batch
    /// agrees with ONNX Runtime. The caller disposes it.
    /// </summary>
    /// <param name="change">
    /// Changes the file, given the names of its input and of its logits; false where it cannot.
    /// </param>
    /// <returns>Null where the file cannot be changed so.</returns>
    /// <exception cref="GateException">PTG2xxx: the changed file is none that can be used.</exception>
    internal OnnxClassifier? Extended(Func<ModelProto, string, string, bool> change)
    {
        if (_file.Lowering is not null)
            return null; // it would no longer be in its own terms
        var proto = _file.With(_parameters);
        var logits = _model.Graph.Values.First(v => _model.Graph.Slot(v) == _model.Logits);
        // Where nodes after the head are repeated for the logits, what stands before the head is what to change.
        var head = OnnxHead.Find(_file.Producers.GetValueOrDefault, Output, _model.Signature.Head);
        if (!change(proto, _model.Signature.Input, head?.Node.Input[0] ?? logits))
            return null;
        var file = new OnnxFile(_file.Path, proto);
        var use = new ModelUse(Input, new() { Name = Output, Head = _model.Signature.Head })
        {
            PassBytes = Memory.Bytes,
            Device = Device,
        };
        var model = Load(file, use, _model.Signature);
        (model.ClassNames, model.Notes) = (ClassNames, Notes);
        return model;
    }
}
