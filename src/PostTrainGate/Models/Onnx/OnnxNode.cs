using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>Computes one output of a node from all values by slot.</summary>
internal delegate Tensor Kernel(Tensor[] values);

/// <summary>
/// A node as its rebuild sees it: input slots, attributes, operator set. It remembers which attributes were asked for,
/// so that one that nobody asked for is refused, never ignored.
/// </summary>
internal sealed class OnnxNode(NodeProto proto, int[] inputs, OnnxNode.Surroundings around)
{
    /// <summary>
    /// Numbers that one value may hold for each row of a batch; the largest of VGG-16 holds 3.2 million.
    /// </summary>
    public const long MaxNumbersPerRow = 1 << 24;

    private readonly Dictionary<string, AttributeProto> _attributes = proto
        .Attribute.DistinctBy(a => a.Name)
        .ToDictionary(a => a.Name);
    private readonly HashSet<string> _asked = [];

    /// <summary>What a node stands in.</summary>
    /// <param name="File">The file, for messages.</param>
    /// <param name="Opset">Version of the operator set.</param>
    /// <param name="Input">Slot of the model's input.</param>
    /// <param name="Batch">Size of the batch where the file fixes it, or 0.</param>
    /// <param name="Constants">Values known at load by slot.</param>
    /// <param name="Single">Whether all floating types are computed in float32.</param>
    internal sealed record Surroundings(
        OnnxFile File,
        long Opset,
        int Input,
        long Batch,
        Tensor?[] Constants,
        bool Single
    )
    {
        /// <summary>The type that values of a type are computed in.</summary>
        public ScalarType Computed(ScalarType type) =>
            Single && type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float64
                ? ScalarType.Float32
                : type;

        /// <summary>A tensor of its own memory, in the type that it is computed in.</summary>
        /// <exception cref="FormatException">It does not hold what it says.</exception>
        public Tensor Read(TensorProto proto)
        {
            var tensor = OnnxTensors.Read(proto);
            if (Computed(tensor.dtype) == tensor.dtype)
                return tensor;
            using (tensor)
                return tensor.to_type(Computed(tensor.dtype)).DetachFromDisposeScope();
        }
    }

    /// <summary>Version of the operator set.</summary>
    public long Opset => around.Opset;

    /// <summary>Kernels by output.</summary>
    public Dictionary<int, Kernel> Kernels { get; } = [];

    /// <summary>Set by a convolution: how to run it with other weights.</summary>
    public OnnxFusion.Convolved? Convolves { get; set; }

    /// <summary>Set by a normalization that the convolution before it can take over.</summary>
    public OnnxFusion.Normalization? Normalizes { get; set; }

    /// <summary>Set by a MaxPool none of whose windows lies in the padding alone.</summary>
    public bool HasValueInEveryWindow { get; set; }

    /// <summary>Number of outputs, unused ones among them.</summary>
    public int OutputCount => proto.Output.Count;

    /// <summary>Whether an output beside the first has a name.</summary>
    public bool HasFurtherOutputs => proto.Output.Skip(1).Any(o => o.Length > 0);

    /// <summary>Number of inputs, left out ones among them.</summary>
    public int InputCount => inputs.Length;

    /// <summary>Slots of the inputs that are there.</summary>
    public IEnumerable<int> Inputs => inputs.Where(i => i >= 0);

    /// <summary>Slot of an input that has to be there.</summary>
    public int Input(int index) =>
        Optional(index) is var slot and >= 0 ? slot : throw Refuse($"input {index} is missing");

    /// <summary>Slot of an input, or -1 where it is left out.</summary>
    public int Optional(int index) => index < inputs.Length ? inputs[index] : -1;

    /// <summary>Defines another output than the first.</summary>
    public void Also(int output, Kernel kernel) => Kernels[output] = kernel;

    /// <summary>An integer attribute.</summary>
    public long Int(string name, long fallback) => Find(name, AttributeProto.Types.AttributeType.Int)?.I ?? fallback;

    /// <summary>An integer attribute that has to be there.</summary>
    public long Int(string name) =>
        (Find(name, AttributeProto.Types.AttributeType.Int) ?? throw Refuse($"attribute '{name}' is missing")).I;

    /// <summary>A yes or no attribute.</summary>
    public bool Flag(string name) => Int(name, 0) != 0;

    /// <summary>A number attribute.</summary>
    public float Float(string name, float fallback) =>
        Find(name, AttributeProto.Types.AttributeType.Float)?.F ?? fallback;

    /// <summary>A text attribute.</summary>
    public string Text(string name, string fallback) =>
        Find(name, AttributeProto.Types.AttributeType.String)?.S.ToStringUtf8() ?? fallback;

    /// <summary>A list of numbers, or null.</summary>
    public float[]? Floats(string name) => Find(name, AttributeProto.Types.AttributeType.Floats)?.Floats.ToArray();

    /// <summary>A list of texts, or null.</summary>
    public string[]? Texts(string name) =>
        Find(name, AttributeProto.Types.AttributeType.Strings)?.Strings.Select(s => s.ToStringUtf8()).ToArray();

    /// <summary>A tensor of its own memory, or null.</summary>
    public Tensor? Tensor(string name)
    {
        try
        {
            return Find(name, AttributeProto.Types.AttributeType.Tensor)?.T is { } proto ? around.Read(proto) : null;
        }
        catch (FormatException e)
        {
            throw Refuse($"its tensor {e.Message}");
        }
    }

    /// <summary>The type that values of an ONNX element type are computed in, or null where none is.</summary>
    public ScalarType? TypeOf(long code) => OnnxTensors.TypeOf((int)code) is { } type ? around.Computed(type) : null;

    /// <summary>A list of integers, or null.</summary>
    public long[]? Ints(string name) => Find(name, AttributeProto.Types.AttributeType.Ints)?.Ints.ToArray();

    /// <summary>Any attribute as it is, or null.</summary>
    public AttributeProto? Attribute(string name)
    {
        _asked.Add(name);
        return _attributes.GetValueOrDefault(name);
    }

    /// <summary>The value of an input that is known now, or null.</summary>
    public Tensor? Constant(int index) => Optional(index) is var slot and >= 0 ? around.Constants[slot] : null;

    /// <summary>
    /// The one number that an input always is, weights of one number among them; null where it is none, or changes.
    /// </summary>
    public double? Known(int index) => index < proto.Input.Count ? around.File.Number(proto.Input[index]) : null;

    /// <summary>The integers that an input holds: read now where it is constant, at each pass otherwise.</summary>
    public Func<Tensor[], long[]> Integers(int index)
    {
        var slot = Input(index);
        if (Constant(index) is not { } known)
            return v => ToLongs(v[slot]);
        var numbers = ToLongs(known);
        return _ => numbers;
    }

    /// <summary>
    /// Integers that older operator sets give as an attribute and newer ones as an input; null where neither is there.
    /// </summary>
    public Func<Tensor[], long[]>? Integers(string attribute, int index)
    {
        if (Ints(attribute) is { } fixedNumbers)
            return _ => fixedNumbers;
        return Optional(index) < 0 ? null : Integers(index);
    }

    /// <summary>A single number that older operator sets give as an attribute and newer ones as an input.</summary>
    public Func<Tensor[], double> Number(string attribute, int index, double fallback)
    {
        if (Optional(index) < 0)
        {
            var given = Float(attribute, (float)fallback);
            return _ => given;
        }

        return Number(index);
    }

    /// <summary>The number that an input holds, at each pass.</summary>
    public Func<Tensor[], double> Number(int index)
    {
        var slot = Input(index);
        return v =>
        {
            using var wide = v[slot].to_type(ScalarType.Float64);
            return wide.item<double>();
        };
    }

    /// <summary>The numbers that an input holds, at each pass.</summary>
    public Func<Tensor[], float[]> Numbers(int index)
    {
        var slot = Input(index);
        return v =>
        {
            using var plain = v[slot].to_type(ScalarType.Float32).contiguous().OnHost();
            return plain.data<float>().ToArray();
        };
    }

    /// <summary>Refuses a value that is too large, before it is allocated.</summary>
    /// <param name="values">All values, the model's input among them.</param>
    /// <param name="shape">Shape of the value to come.</param>
    public void Fit(Tensor[] values, params ReadOnlySpan<long> shape)
    {
        Int128 count = 1;
        foreach (var size in shape)
            count *= Math.Max(0, size);
        if (count > MaxNumbersPerRow && count > MaxNumbersPerRow * (Int128)Math.Max(1, Rows(values)))
        {
            throw new InvalidOperationException(
                $"the result of shape [{string.Join(", ", shape.ToArray())}] exceeds {MaxNumbersPerRow} numbers per row"
            );
        }
    }

    /// <summary>
    /// Whether a size that a file with a fixed batch states is that batch, and the axis it describes is the batch now.
    /// </summary>
    public bool IsBatch(Tensor[] values, long stated, long now) =>
        around.Batch > 0 && stated == around.Batch && now == Rows(values);

    /// <summary>
    /// A value with a row for each of the batch, where a file with a fixed batch of one states one row.
    /// </summary>
    public Tensor Rowwise(Tensor[] values, Tensor value, long rows) =>
        value.dim() > 0 && value.shape[0] == 1 && rows != 1 && IsBatch(values, 1, rows)
            ? value.expand([rows, .. value.shape[1..]])
            : value;

    // While constants are folded there is no input yet.
    private long Rows(Tensor[] values) => values[around.Input] is { } x && x.dim() > 0 ? x.shape[0] : 0;

    /// <summary>Every attribute has been asked for, and every output that is used has a kernel.</summary>
    public void Complete(IReadOnlySet<string> used)
    {
        Complete();
        for (var i = 0; i < proto.Output.Count; i++)
            if (!Kernels.ContainsKey(i) && used.Contains(proto.Output[i]))
                throw Refuse($"output {i} ({Wording.Quote(proto.Output[i])}) is not supported");
    }

    /// <summary>Every attribute has been asked for.</summary>
    public void Complete()
    {
        if (_attributes.Keys.FirstOrDefault(name => !_asked.Contains(name)) is { } unknown)
            throw Refuse($"attribute {Wording.Quote(unknown)} is not supported");
    }

    /// <summary>The error that names this node.</summary>
    public GateException Refuse(string what) =>
        new(
            new Diagnostic(
                DiagnosticCodes.ModelOperator,
                $"The model '{around.File.Name}' cannot be rebuilt with gradients: node {Describe(proto)}: {what}. "
                    + $"{Operators.Names.Count} ONNX operators are supported; "
                    + "src/PostTrainGate/Models/README.md lists them."
            )
        );

    /// <summary>Name and operator of a node, for messages.</summary>
    public static string Describe(NodeProto node) =>
        $"{Wording.Quote(node.Name.Length > 0 ? node.Name : node.Output[0])} ({Wording.Quote(Kind(node)).Trim('\'')})";

    /// <summary>Operator of a node, with its domain where that is not ONNX's own.</summary>
    public static string Kind(NodeProto node) =>
        node.Domain is "" or "ai.onnx" ? node.OpType : $"{node.Domain}.{node.OpType}";

    private static long[] ToLongs(Tensor tensor)
    {
        using var plain = tensor.to_type(ScalarType.Int64).contiguous().OnHost();
        return plain.data<long>().ToArray();
    }

    private AttributeProto? Find(string name, AttributeProto.Types.AttributeType type)
    {
        if (Attribute(name) is not { } found)
            return null;
        if (found.RefAttrName.Length > 0)
            throw Refuse($"attribute '{name}' refers to a function's attribute");
        // Files older than IR version 2 leave the type out.
        return !found.HasType || found.Type == type
            ? found
            : throw Refuse($"attribute '{name}' is of type {found.Type}, not {type}");
    }
}
