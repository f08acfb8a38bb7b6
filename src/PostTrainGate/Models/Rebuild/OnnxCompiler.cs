using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>What a compiled file is.</summary>
/// <param name="Signature">Its input and output.</param>
/// <param name="Nodes">The nodes that the output depends on, in an order that can be run.</param>
/// <param name="Graph">The graph.</param>
/// <param name="State">Constants and parameters by slot; null where a pass computes the value.</param>
/// <param name="Parameters">Slots of the parameters by name.</param>
/// <param name="Head">What was found at the end.</param>
/// <param name="Output">Slot of the model's output.</param>
/// <param name="Logits">Slot of what stands before the head.</param>
/// <param name="Tolerance">Largest difference from ONNX Runtime: absolute for values up to 1, relative above.</param>
internal sealed record CompiledModel(
    OnnxSignature Signature,
    IReadOnlyList<NodeProto> Nodes,
    OnnxGraph Graph,
    Tensor[] State,
    IReadOnlyDictionary<string, int> Parameters,
    OutputHead Head,
    int Output,
    int Logits,
    double Tolerance
)
{
    /// <summary>Where constants and parameters are, so that passes run there.</summary>
    public ComputeDevice Device { get; private init; } = ComputeDevice.Cpu;

    /// <summary>The same with constants and parameters on a device, which takes them over.</summary>
    public CompiledModel On(ComputeDevice device)
    {
        var state = new Tensor[State.Length];
        for (var i = 0; i < state.Length; i++)
        {
            if (State[i] is not { } here || device.Has(here))
            {
                state[i] = State[i];
                continue;
            }

            state[i] = device.Take(here).DetachFromDisposeScope();
            here.Dispose();
        }

        return On(device, state);
    }

    /// <summary>The same with other constants and parameters, which are on a device.</summary>
    public CompiledModel On(ComputeDevice device, Tensor[] state) => this with { State = state, Device = device };

    /// <summary>
    /// Computes the values of some slots, as <see cref="OnnxGraph.Run"/>; where rows are run one by one, those of all
    /// stacked.
    /// </summary>
    public Tensor[] Run(Tensor[] state, Tensor x, ReadOnlySpan<int> taps, PassMeter? meter = null)
    {
        if (!Signature.RowByRow || x.size(0) == 1)
            return Graph.Run(state, x, taps, meter);
        using var scope = NewDisposeScope();
        var rows = new Tensor[x.size(0)][];
        for (var i = 0; i < rows.Length; i++)
            rows[i] = Graph.Run(state, x.narrow(0, i, 1), taps, meter);
        var results = new Tensor[taps.Length];
        for (var t = 0; t < results.Length; t++)
        {
            var one = rows[0][t].dim() > 0 && rows[0][t].size(0) == 1;
            results[t] = (
                one ? cat([.. rows.Select(r => r[t])], 0) : stack(rows.Select(r => r[t]))
            ).MoveToOuterDisposeScope();
        }

        return results;
    }
}

/// <summary>
/// Turns the nodes that an output depends on into a graph of delegates; what is constant is computed here, once.
/// </summary>
internal sealed partial class OnnxCompiler
{
    private const long MaxFolded = 1 << 26;
    private readonly OnnxFile _file;
    private readonly Dictionary<string, int> _slots = [];
    private readonly List<Tensor?> _state = [];
    private readonly Dictionary<string, int> _parameters = [];
    private readonly Dictionary<string, NodeProto> _producer = [];
    private readonly HashSet<string> _used = [];
    private List<OnnxGraph.Step> _steps = [];
    private OnnxNode.Surroundings? _around;
    private long _folded;

    private IReadOnlyDictionary<string, Func<OnnxNode, Kernel>> _operators = Operators.Table;

    private OnnxCompiler(OnnxFile file) => _file = file;

    private Tensor?[] Constants => _around!.Constants;

    /// <summary>Compiles a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="signature">Its input and output.</param>
    /// <param name="single">
    /// Whether half, bfloat16 and double are computed in float32 where weights or the input are of these.
    /// </param>
    /// <param name="operators">How operators are rebuilt; null: <see cref="Operators.Table"/>.</param>
    /// <exception cref="GateException">PTG2001 or PTG2002.</exception>
    public static CompiledModel Compile(
        OnnxFile file,
        OnnxSignature signature,
        bool single = false,
        IReadOnlyDictionary<string, Func<OnnxNode, Kernel>>? operators = null
    )
    {
        OnnxCompiler compiler = new(file) { _operators = operators ?? Operators.Table };
        try
        {
            return compiler.Compile(signature, single);
        }
        catch
        {
            foreach (var tensor in compiler._state.Concat(compiler._around?.Constants ?? []))
                tensor?.Dispose();
            throw;
        }
    }

    private CompiledModel Compile(OnnxSignature signature, bool single)
    {
        var (input, output) = (signature.Input, signature.Output);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        if (_file.Opset is < 7)
            throw Unreadable($"it uses operator set {_file.Opset}; export it again with 7 or newer");
        var nodes = Needed(input, output);
        var floats = _file.Weights.ToDictionary(p => p.Name, p => p.Tensor);
        var head = OnnxHead.Find(_producer.GetValueOrDefault, output, signature.Head);
        if (head is null && signature.Head == OutputHead.Softmax)
            throw OnnxSignature.Wrong(
                _file,
                "does not end in a softmax; if it returns probabilities, set 'output.head: probabilities'"
            );
        var tail = head?.Tail ?? [];
        var values = nodes.Concat(tail).SelectMany(n => n.Output);
        foreach (var name in _file.Graph.Initializer.Select(t => t.Name).Concat(values).Prepend(input))
            if (name.Length > 0 && _slots.TryAdd(name, _slots.Count))
                _state.Add(null);

        foreach (var name in nodes.Concat(tail).SelectMany(Inner).Where(n => n.Length > 0))
        {
            if (!_slots.TryAdd(name, _slots.Count))
                throw Unreadable($"the value {Wording.Quote(name)} is defined twice");
            _state.Add(null);
        }

        _used.UnionWith(nodes.Concat(tail).SelectMany(Reads).Append(output));
        var types = floats.Values.Select(t => t.DataType).Append((int)OnnxTensors.CodeOf(signature.Type)).ToHashSet();
        single &= types.Any(t => t != (int)TensorProto.Types.DataType.Float);
        _around = new(_file, _file.Opset, _slots[input], signature.Batch, new Tensor?[_slots.Count], single);
        foreach (var tensor in _file.Graph.Initializer)
            Define(tensor.Name, tensor, floats.ContainsKey(tensor.Name));
        foreach (var node in nodes)
        {
            if (floats.TryGetValue(node.Output[0], out var weights) && node.OpType == "Constant")
                Define(node.Output[0], weights, true);
            else
                Build(node);
        }

        foreach (var node in tail)
            Build(node);
        for (var i = 0; i < Constants.Length; i++)
            _state[i] ??= Constants[i];
        return new(
            signature,
            nodes,
            new(_slots, _steps, _around.Input),
            [.. _state!],
            _parameters,
            head?.Kind ?? signature.Head ?? OutputHead.Logits,
            _slots[output],
            _slots[head?.Logits ?? output],
            OnnxAgreement.ToleranceOf(types)
        );
    }

    // Nodes stand in an order that can be run, as ONNX demands; so a cycle shows as a value that is used before it is
    // there.
    private List<NodeProto> Needed(string input, string output)
    {
        HashSet<string> known = [input, "", .. _file.Graph.Initializer.Select(t => t.Name)];
        foreach (var node in _file.Graph.Node)
        {
            if (node.Input.FirstOrDefault(i => !known.Contains(i)) is { } missing)
            {
                throw Unreadable(
                    $"node {OnnxNode.Describe(node)} uses {Wording.Quote(missing)}, "
                        + "which no earlier node or initializer defines"
                );
            }

            known.UnionWith(node.Output);
            foreach (var value in node.Output.Where(o => o.Length > 0))
                _producer[value] = node;
        }

        if (!_producer.ContainsKey(output))
            throw Unreadable($"no node computes its output {Wording.Quote(output)}");
        HashSet<string> wanted = [output];
        var needed = new List<NodeProto>();
        foreach (var node in _file.Graph.Node.Reverse())
        {
            if (!node.Output.Any(wanted.Contains))
                continue;
            wanted.UnionWith(Reads(node).Where(i => i.Length > 0));
            needed.Add(node);
        }

        needed.Reverse();
        return needed;
    }

    private void Define(string name, TensorProto proto, bool parameter)
    {
        try
        {
            var slot = Slot(name);
            var tensor = _around!.Read(proto);
            if (parameter)
                (_state[slot], _parameters[name]) = (tensor, slot);
            else
                Constants[slot] = tensor;
        }
        catch (FormatException e)
        {
            throw Unreadable($"the tensor {Wording.Quote(name)} {e.Message}");
        }
    }

    private void Build(NodeProto proto)
    {
        var node = new OnnxNode(proto, [.. proto.Input.Select(Slot)], _around!);
        int[] captured = [];
        if (proto.Domain == Operators.OwnDomain && Operators.Own.TryGetValue(proto.OpType, out var own))
            node.Also(0, own(node));
        else if (proto.Domain is not ("" or "ai.onnx"))
            throw node.Refuse("the operator is not supported");
        else if (proto.OpType == "If")
            captured = If(node);
        else if (proto.OpType == "Loop")
            captured = Loop(node);
        else if (_operators.TryGetValue(proto.OpType, out var rebuild))
            node.Also(0, rebuild(node));
        else
            throw node.Refuse("the operator is not supported");
        node.Complete(_used);
        foreach (var (output, kernel) in node.Kernels)
        {
            if (output >= proto.Output.Count || proto.Output[output].Length == 0)
                continue;
            var step = new OnnxGraph.Step(
                proto,
                proto.Output[output],
                [.. node.Inputs, .. captured],
                Slot(proto.Output[output]),
                kernel
            )
            {
                Rebuild = node,
            };
            if (step.Inputs.All(i => Constants[i] is not null))
            {
                NativeWork.At($"node {OnnxNode.Describe(proto)}");
                Constants[step.Output] = OnnxGraph.Compute(step, Constants!).DetachFromDisposeScope();
                if ((_folded += Constants[step.Output]!.numel()) > MaxFolded)
                    throw Unreadable("its constants need too much memory");
            }
            else
            {
                _steps.Add(step);
            }
        }
    }

    private GateException Unreadable(string why) =>
        new(new Diagnostic(DiagnosticCodes.ModelUnreadable, $"The model '{_file.Name}' cannot be used: {why}."));
}
