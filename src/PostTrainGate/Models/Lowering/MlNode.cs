using PostTrainGate.Models.Onnx;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>A node of ai.onnx.ml while it is lowered: its attributes, and the graph that its terms go to.</summary>
internal sealed class MlNode
{
    private readonly NodeProto _proto;

    /// <summary>A node of the file.</summary>
    public MlNode(NodeProto proto, LoweredGraph graph)
    {
        (_proto, Graph) = (proto, graph);
        graph.At = proto.Name.Length > 0 ? proto.Name : proto.Output[0];
        var file = graph.File;
        Attributes = new(proto, [.. Enumerable.Range(0, proto.Input.Count)], new(file, file.Opset, 0, 0, [], true));
    }

    /// <summary>The attributes.</summary>
    public OnnxNode Attributes { get; }

    /// <summary>The graph.</summary>
    public LoweredGraph Graph { get; }

    /// <summary>Number of inputs.</summary>
    public int InputCount => _proto.Input.Count;

    /// <summary>An input in float32.</summary>
    public string Float(int index) => Graph.Float(Name(index));

    /// <summary>An input of which all values are known, or null.</summary>
    public Enumerated? Enumerated(int index) => Graph.Enumerated(Name(index));

    /// <summary>Whether each row of an input adds up to 1.</summary>
    public bool IsDistribution(int index) => Graph.IsDistribution(Name(index));

    /// <summary>The integers of an initializer.</summary>
    public long[] Integers(int index)
    {
        var proto = Graph.File.Graph.Initializer.FirstOrDefault(t => t.Name == Name(index))
            ?? throw Attributes.Refuse($"input {index} is not an initializer");
        try
        {
            using var tensor = OnnxTensors.Read(proto);
            using var whole = tensor.to_type(TorchSharp.torch.ScalarType.Int64);
            return whole.data<long>().ToArray();
        }
        catch (FormatException e)
        {
            throw Attributes.Refuse($"input {index} {e.Message}");
        }
    }

    /// <summary>Numbers that the node cannot do without.</summary>
    public float[] Floats(string name) =>
        Attributes.Floats(name) is { Length: > 0 } floats
            ? floats
            : throw Attributes.Refuse($"attribute '{name}' is missing");

    /// <summary>Adds a node.</summary>
    public string Node(
        string op,
        IEnumerable<string> inputs,
        params ReadOnlySpan<(string Name, object Value)> attributes
    ) => Graph.Node(op, inputs, attributes);

    /// <summary>Numbers along the last axis.</summary>
    public string Row(params IReadOnlyCollection<float> values) => Graph.Numbers([values.Count], values);

    /// <summary>Weights of an attribute, which training has set.</summary>
    public string Weight(string attribute, long[] shape, float[] values, bool isMirrored = false) =>
        Graph.Weight(_proto, attribute, shape, values, isMirrored);

    /// <summary>Whether scores depend on an output.</summary>
    public bool IsRead(int output) =>
        Has(output)
        && Graph
            .File.Graph.Node.SelectMany(OnnxCompiler.Reads)
            .Concat(Graph.File.Graph.Output.Select(o => o.Name))
            .Contains(_proto.Output[output]);

    /// <summary>Gives an output its value.</summary>
    public void Give(int output, string value, DataType type = DataType.Float)
    {
        Attributes.Complete();
        if (Has(output))
            Graph.Give(_proto.Output[output], value, type == DataType.Float);
    }

    /// <summary>Gives the first output values that are known.</summary>
    public void Give(Enumerated value)
    {
        Attributes.Complete();
        Graph.Define(_proto.Output[0], value);
    }

    private bool Has(int output) => output < _proto.Output.Count && _proto.Output[output].Length > 0;

    private string Name(int index) =>
        index < _proto.Input.Count && _proto.Input[index].Length > 0
            ? _proto.Input[index]
            : throw Attributes.Refuse($"input {index} is missing");
}
