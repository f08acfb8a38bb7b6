using Google.Protobuf.Collections;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;

namespace PostTrainGate.Models;

/// <summary>
/// Puts the bodies of a model's own functions in place of the nodes that call them, as ONNX defines functions.
/// </summary>
internal sealed class OnnxFunctions
{
    private const int MaxDepth = 32;
    private const int MaxNodes = 1 << 18;
    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions;
    private readonly long _opset;
    private int _nodes;

    private OnnxFunctions(ModelProto model)
    {
        _opset = OpsetOf(model.OpsetImport);
        _functions = model
            .Functions.DistinctBy(f => (f.Domain, f.Name, f.Overload))
            .ToDictionary(f => (f.Domain, f.Name, f.Overload));
    }

    // Names of a function's body: its own inputs and outputs are those of the call, all others get a prefix.
    private sealed record Scope(
        string Prefix,
        IReadOnlyDictionary<string, string> Names,
        IReadOnlyDictionary<string, AttributeProto>? Attributes
    )
    {
        public string Rename(string name) =>
            name.Length == 0 ? name
            : Names.TryGetValue(name, out var actual) ? actual
            : Prefix + name;
    }

    /// <summary>The model's graph without calls; the graph itself where it has no functions.</summary>
    /// <exception cref="FormatException">
    /// Functions that call themselves or another operator set's operators, or too many nodes.
    /// </exception>
    public static GraphProto Inline(ModelProto model)
    {
        if (model.Functions.Count == 0)
            return model.Graph;
        var graph = new GraphProto { Name = model.Graph.Name };
        graph.Initializer.AddRange(model.Graph.Initializer);
        graph.Input.AddRange(model.Graph.Input);
        graph.Output.AddRange(model.Graph.Output);
        graph.Node.AddRange(
            new OnnxFunctions(model).Expand(model.Graph.Node, new("", new Dictionary<string, string>(), null), 0)
        );
        return graph;
    }

    /// <summary>Version of ONNX's own operator set among imports.</summary>
    public static long OpsetOf(IEnumerable<OperatorSetIdProto> imports) =>
        imports.Where(o => o.Domain is "" or "ai.onnx").Select(o => o.Version).DefaultIfEmpty(1).Max();

    private IEnumerable<NodeProto> Expand(RepeatedField<NodeProto> nodes, Scope scope, int depth)
    {
        foreach (var node in nodes)
        {
            if (++_nodes > MaxNodes)
                throw new FormatException("its functions have too many nodes");
            var copy = Renamed(node, scope, depth);
            if (!_functions.TryGetValue((node.Domain, node.OpType, node.Overload), out var function))
                yield return copy;
            else
                foreach (var inner in Body(function, copy, depth + 1))
                    yield return inner;
        }
    }

    private IEnumerable<NodeProto> Body(FunctionProto function, NodeProto call, int depth)
    {
        var name = Wording.Quote(function.Name);
        if (depth > MaxDepth)
            throw new FormatException($"the function {name} calls itself");
        var opset = OpsetOf(function.OpsetImport);
        if (opset != _opset && function.Node.Any(n => n.Domain is "" or "ai.onnx"))
            throw new FormatException($"the function {name} uses operator set {opset}, but the model uses {_opset}");
        var names = new Dictionary<string, string>();
        for (var i = 0; i < function.Input.Count; i++)
            names[function.Input[i]] = i < call.Input.Count ? call.Input[i] : "";
        for (var i = 0; i < Math.Min(function.Output.Count, call.Output.Count); i++)
            if (call.Output[i].Length > 0)
                names[function.Output[i]] = call.Output[i];
        var attributes = function
            .AttributeProto.Concat(call.Attribute)
            .GroupBy(a => a.Name)
            .ToDictionary(g => g.Key, g => g.Last());
        return Expand(
            function.Node,
            new($"{call.Output.FirstOrDefault(o => o.Length > 0)}/", names, attributes),
            depth
        );
    }

    private NodeProto Renamed(NodeProto node, Scope scope, int depth)
    {
        var copy = node.Clone();
        if (node.Name.Length > 0)
            copy.Name = scope.Prefix + node.Name;
        for (var i = 0; i < copy.Input.Count; i++)
            copy.Input[i] = scope.Rename(copy.Input[i]);
        for (var i = 0; i < copy.Output.Count; i++)
            copy.Output[i] = scope.Rename(copy.Output[i]);
        if (scope.Attributes is { } given)
        {
            copy.Attribute.Clear();
            foreach (var attribute in node.Attribute)
            {
                var value =
                    attribute.RefAttrName.Length > 0 ? given.GetValueOrDefault(attribute.RefAttrName) : attribute;
                if (value is null)
                    continue; // left out by the call, so the operator's own default
                value = value.Clone();
                value.Name = attribute.Name;
                copy.Attribute.Add(value);
            }
        }

        foreach (var attribute in copy.Attribute.Where(a => a.G is not null))
            attribute.G = Renamed(attribute.G, scope, depth);
        return copy;
    }

    private GraphProto Renamed(GraphProto graph, Scope scope, int depth)
    {
        var copy = graph.Clone();
        foreach (var value in copy.Input.Concat(copy.Output))
            value.Name = scope.Rename(value.Name);
        foreach (var tensor in copy.Initializer)
            tensor.Name = scope.Rename(tensor.Name);
        copy.Node.Clear();
        copy.Node.AddRange(Expand(graph.Node, scope, depth));
        return copy;
    }
}
