using PostTrainGate.Models.Onnx;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>Computes one output of a node from all values by slot.</summary>
internal delegate Tensor Kernel(Tensor[] values);

/// <summary>
/// A node as its rebuild sees it: input slots, attributes, operator set. It remembers which attributes were asked for, so that one
/// that nobody asked for is refused, never ignored.
/// </summary>
internal sealed class OnnxNode(NodeProto proto, string file, long opset, int[] inputs, Tensor?[] constants)
{
    private readonly Dictionary<string, AttributeProto> _attributes = proto.Attribute.DistinctBy(a => a.Name).ToDictionary(a => a.Name);
    private readonly HashSet<string> _asked = [];

    /// <summary>Version of the operator set.</summary>
    public long Opset => opset;

    /// <summary>Kernels by output.</summary>
    public Dictionary<int, Kernel> Kernels { get; } = [];

    /// <summary>Slots of the inputs that are there.</summary>
    public IEnumerable<int> Inputs => inputs.Where(i => i >= 0);

    /// <summary>Slot of an input that has to be there.</summary>
    public int Input(int index) => Optional(index) is var slot and >= 0 ? slot : throw Refuse($"input {index} is missing");

    /// <summary>Slot of an input, or -1 where it is left out.</summary>
    public int Optional(int index) => index < inputs.Length ? inputs[index] : -1;

    /// <summary>Defines another output than the first.</summary>
    public void Also(int output, Kernel kernel) => Kernels[output] = kernel;

    /// <summary>An integer attribute.</summary>
    public long Int(string name, long fallback) => Find(name, AttributeProto.Types.AttributeType.Int)?.I ?? fallback;

    /// <summary>An integer attribute that has to be there.</summary>
    public long Int(string name) => (Find(name, AttributeProto.Types.AttributeType.Int) ?? throw Refuse($"attribute '{name}' is missing")).I;

    /// <summary>A yes or no attribute.</summary>
    public bool Flag(string name) => Int(name, 0) != 0;

    /// <summary>A number attribute.</summary>
    public float Float(string name, float fallback) => Find(name, AttributeProto.Types.AttributeType.Float)?.F ?? fallback;

    /// <summary>A text attribute.</summary>
    public string Text(string name, string fallback) => Find(name, AttributeProto.Types.AttributeType.String)?.S.ToStringUtf8() ?? fallback;

    /// <summary>A list of integers, or null.</summary>
    public long[]? Ints(string name) => Find(name, AttributeProto.Types.AttributeType.Ints)?.Ints.ToArray();

    /// <summary>Any attribute as it is, or null.</summary>
    public AttributeProto? Attribute(string name)
    {
        _asked.Add(name);
        return _attributes.GetValueOrDefault(name);
    }

    /// <summary>The value of an input that is known now, or null.</summary>
    public Tensor? Constant(int index) => Optional(index) is var slot and >= 0 ? constants[slot] : null;

    /// <summary>The integers that an input holds: read now where it is constant, at each pass otherwise.</summary>
    public Func<Tensor[], long[]> Integers(int index)
    {
        var slot = Input(index);
        if (constants[slot] is not { } known) return v => ToLongs(v[slot]);
        var numbers = ToLongs(known);
        return _ => numbers;
    }

    /// <summary>Integers that older operator sets give as an attribute and newer ones as an input; null where neither is there.</summary>
    public Func<Tensor[], long[]>? Integers(string attribute, int index)
    {
        if (Ints(attribute) is { } fixedNumbers) return _ => fixedNumbers;
        return Optional(index) < 0 ? null : Integers(index);
    }

    /// <summary>A single number that older operator sets give as an attribute and newer ones as a constant input.</summary>
    public double Number(string attribute, int index, double fallback)
    {
        if (Optional(index) < 0) return Float(attribute, (float)fallback);
        var known = Constant(index) ?? throw Refuse($"input {index} ({attribute}) is not a constant");
        using var wide = known.to_type(ScalarType.Float64);
        return wide.numel() == 1 ? wide.data<double>()[0] : throw Refuse($"input {index} ({attribute}) is not a single number");
    }

    /// <summary>Every attribute has been asked for, and every output that is used has a kernel.</summary>
    public void Complete(Func<string, bool> used)
    {
        if (_attributes.Keys.FirstOrDefault(name => !_asked.Contains(name)) is { } unknown) throw Refuse($"attribute '{unknown}' is not supported");
        for (var i = 0; i < proto.Output.Count; i++)
            if (!Kernels.ContainsKey(i) && used(proto.Output[i])) throw Refuse($"output {i} ('{proto.Output[i]}') is not supported");
    }

    /// <summary>The error that names this node.</summary>
    public GateException Refuse(string what) => new(new Diagnostic(DiagnosticCodes.ModelOperator,
        $"The model '{file}' cannot be rebuilt with gradients: node {Describe(proto)}: {what}. Operators that can: {Operators.Names}."));

    /// <summary>Name and operator of a node, for messages.</summary>
    public static string Describe(NodeProto node) =>
        $"'{(node.Name.Length > 0 ? node.Name : node.Output[0])}' ({(node.Domain.Length > 0 ? node.Domain + "." : "")}{node.OpType})";

    private static long[] ToLongs(Tensor tensor)
    {
        using var plain = tensor.to_type(ScalarType.Int64).contiguous();
        return plain.data<long>().ToArray();
    }

    private AttributeProto? Find(string name, AttributeProto.Types.AttributeType type)
    {
        if (Attribute(name) is not { } found) return null;
        if (found.RefAttrName.Length > 0) throw Refuse($"attribute '{name}' refers to a function's attribute");
        // Files older than IR version 2 leave the type out.
        return !found.HasType || found.Type == type ? found : throw Refuse($"attribute '{name}' is of type {found.Type}, not {type}");
    }
}
