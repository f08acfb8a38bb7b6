using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>
/// A graph that is written node by node from another: values that are known but were not asked for yet are written when
/// a node reads them.
/// </summary>
internal sealed class LoweredGraph
{
    private const string Prefix = "posttraingate.lowered/";
    private const string Row = Prefix + "row";

    private readonly OnnxFile _file;
    private readonly GraphProto _graph = new();
    private readonly List<AttributeWeight> _weights = [];
    private readonly Dictionary<string, Enumerated> _enumerated = [];
    private readonly Dictionary<string, (string Value, DataType Type)> _whole = [];
    private readonly HashSet<string> _written = [];
    private readonly HashSet<string> _floats = [];
    private readonly HashSet<string> _distributions = [];
    private readonly HashSet<string> _kept = []; // what other nodes may read under the name that it has
    private int _constants;

    /// <summary>Starts with what fills the file's inputs from a row.</summary>
    public LoweredGraph(OnnxFile file, InputBinding feeds)
    {
        _file = file;
        _graph.Name = file.Graph.Name;
        _graph.Initializer.AddRange(file.Graph.Initializer);
        _graph.Input.Add(Floats(Row, [feeds.Batch > 0 ? feeds.Batch : -1, .. feeds.InputShape]));
        _floats.Add(Row);
        foreach (var feed in feeds.Feeds)
            Feed(feed);
    }

    /// <summary>Name of the node that nodes are written for.</summary>
    public string At { get; set; } = "";

    /// <summary>The file that is lowered.</summary>
    public OnnxFile File => _file;

    /// <summary>Weights in attributes.</summary>
    public IReadOnlyList<AttributeWeight> Weights => _weights;

    /// <summary>The graph.</summary>
    public GraphProto Build() => _graph;

    /// <summary>A value of which all values are known, or null.</summary>
    public Enumerated? Enumerated(string name) => _enumerated.GetValueOrDefault(name);

    /// <summary>Defines a value that is written when a node reads it.</summary>
    public void Define(string name, Enumerated value) => _enumerated[name] = value;

    /// <summary>Whether each row of a value adds up to 1.</summary>
    public bool IsDistribution(string name) => _distributions.Contains(name);

    /// <summary>Says so.</summary>
    public void SumsToOne(string name) => _distributions.Add(name);

    /// <summary>Adds a node.</summary>
    /// <returns>Name of its output.</returns>
    public string Node(
        string op,
        IEnumerable<string> inputs,
        params ReadOnlySpan<(string Name, object Value)> attributes
    )
    {
        var node = new NodeProto
        {
            Name = At,
            OpType = op,
            Domain = Operators.Own.ContainsKey(op) ? Operators.OwnDomain : "",
        };
        node.Input.AddRange(inputs);
        node.Output.Add($"{Prefix}{_graph.Node.Count}");
        foreach (var (name, value) in attributes)
            node.Attribute.Add(OnnxWriter.Attribute(name, value));
        _graph.Node.Add(node);
        return node.Output[0];
    }

    /// <summary>Gives a value the name that the file has for it.</summary>
    public void Give(string output, string value, bool isFloat = true)
    {
        if (_graph.Node.Count > 0 && _graph.Node[^1].Output[0] == value && !_kept.Contains(value))
        {
            _graph.Node[^1].Output[0] = output;
        }
        else
        {
            Node("Identity", [value]);
            _graph.Node[^1].Output[0] = output;
        }

        _kept.Add(output);
        if (isFloat)
            _floats.Add(output);
        if (_distributions.Contains(value))
            _distributions.Add(output);
    }

    /// <summary>Adds numbers that no training has set.</summary>
    public string Numbers(long[] shape, params IReadOnlyCollection<float> values)
    {
        var name = $"{Prefix}constant{_constants++}";
        _graph.Initializer.Add(Proto(name, shape, values));
        _floats.Add(name);
        return name;
    }

    /// <summary>Adds whole numbers.</summary>
    public string Integers(params IReadOnlyCollection<long> values)
    {
        var name = $"{Prefix}constant{_constants++}";
        var proto = new TensorProto
        {
            Name = name,
            DataType = (int)DataType.Int64,
            Dims = { values.Count },
        };
        proto.Int64Data.AddRange(values);
        _graph.Initializer.Add(proto);
        return name;
    }

    /// <summary>Adds weights that stand in an attribute of a node, which are written back there.</summary>
    public string Weight(NodeProto node, string attribute, long[] shape, float[] values, bool isMirrored)
    {
        var output = node.Output.Last(o => o.Length > 0);
        var proto = Proto($"{output}.{attribute}", shape, values);
        _graph.Initializer.Add(proto);
        // What stands in functions is not changed.
        if (_file.Model.Graph.Node.Any(n => n.OpType == node.OpType && n.Output.Contains(output)))
            _weights.Add(new(proto, output, attribute, isMirrored));
        return proto.Name;
    }

    /// <summary>A value in float32.</summary>
    public string Float(string name)
    {
        if (_whole.TryGetValue(name, out var whole))
            return whole.Value;
        if (_enumerated.TryGetValue(name, out var known))
            return Decoded(known);
        return _floats.Contains(name) ? name : Node("Cast", [name], ("to", (long)DataType.Float));
    }

    /// <summary>Copies a node that is one of ONNX's own.</summary>
    public void Copy(NodeProto node)
    {
        foreach (var input in OnnxCompiler.Reads(node))
            Write(input);
        _graph.Node.Add(node);
    }

    /// <summary>Another type of a value that is known; false where it is not.</summary>
    public bool Cast(string input, string output, DataType type)
    {
        var isFloat = OnnxTensors.FloatTypes.Contains((int)type);
        if (_enumerated.TryGetValue(input, out var known) && !known.IsText && type != DataType.String)
        {
            Define(
                output,
                type == DataType.Bool ? known.Map(v => (double)v == 0 ? 0.0 : 1.0, type)
                    : isFloat ? known with { Type = type }
                    : known.Map(v => Math.Truncate((double)v), type)
            );
            return true;
        }

        if (!_whole.TryGetValue(input, out var whole) || type is DataType.String or DataType.Bool)
            return false;
        if (isFloat)
            Give(output, whole.Value, type == DataType.Float);
        else
            KeepWhole(output, whole.Value, type);
        return true;
    }

    /// <summary>Adds an output of the file; ZipMap's maps are the numbers in them.</summary>
    public void Output(ValueInfoProto output)
    {
        Write(output.Name);
        _graph.Output.Add(ScoreOutputs.IsMaps(output) ? Floats(output.Name, null) : output);
    }

    /// <summary>The error about a form that is not rebuilt.</summary>
    public GateException Refuse(string what) =>
        new(
            new Diagnostic(
                DiagnosticCodes.ModelOperator,
                $"The model '{_file.Name}' cannot be rebuilt with gradients: {what}."
            )
        );

    // Writes a value that is known, under its name, where it was not yet.
    private void Write(string name)
    {
        if (_enumerated.TryGetValue(name, out var known) && _written.Add(name))
            Give(name, Typed(Decoded(known), known.Type), known.Type == DataType.Float);
        else if (_whole.TryGetValue(name, out var whole) && _written.Add(name))
            Give(name, Node("Cast", [whole.Value], ("to", (long)whole.Type)), false);
    }

    private string Typed(string value, DataType type) =>
        type == DataType.Float ? value : Node("Cast", [value], ("to", (long)type));

    // [batch, columns] or [batch]: the number at the place of each block.
    private string Decoded(Enumerated known)
    {
        if (known.IsText)
            throw Refuse("it uses text otherwise than as categories");
        string[] columns =
        [
            .. known.Columns.Select(c =>
                Node("MatMul", [c.Block, Numbers([c.Values.Length, 1], [.. c.Values.Select(v => (float)(double)v)])])
            ),
        ];
        var all = columns is [var only] ? only : Node("Concat", columns, ("axis", 1L));
        return known.IsFlat ? Node("Reshape", [all, Integers(-1)]) : all;
    }

    private void Feed(InputBinding.Feed feed)
    {
        At = feed.Name;
        if (feed.Type == DataType.String)
        {
            if (feed.Columns.FirstOrDefault(c => c.Categories.IsEmpty) is { } number)
                throw Refuse($"it takes the numbers of {Wording.Quote(number.Name)} as text");
            Define(
                feed.Name,
                new(
                    [
                        .. feed.Columns.Select(c => new Enumerated.Column(
                            Node("Category", [Columns(c.Start, c.Width)]),
                            [.. c.Categories]
                        )),
                    ],
                    DataType.String,
                    feed.RowShape.IsEmpty
                )
            );
            return;
        }

        var value = feed.Columns is [var column] ? Columns(column.Start, 1) : Row;
        if (feed.Columns.Length == 1 && feed.RowShape.IsEmpty)
            value = Node("Reshape", [value, Integers(-1)]);
        if (feed.Type == DataType.Bool)
            Give(feed.Name, Node("Cast", [Node("Whole", [value])], ("to", (long)feed.Type)), false);
        else if (OnnxTensors.FloatTypes.Contains((int)feed.Type))
            Give(feed.Name, Typed(value, feed.Type), feed.Type == DataType.Float);
        else
            KeepWhole(feed.Name, Node("Whole", [value]), feed.Type);
    }

    private void KeepWhole(string name, string value, DataType type)
    {
        _whole[name] = (value, type);
        _kept.Add(value);
    }

    private string Columns(int start, int width) =>
        Node("Slice", [Row], ("starts", (long[])[start]), ("ends", (long[])[start + width]), ("axes", (long[])[1]));

    private static TensorProto Proto(string name, long[] shape, IEnumerable<float> values)
    {
        var proto = new TensorProto
        {
            Name = name,
            DataType = (int)DataType.Float,
            Dims = { shape },
        };
        proto.FloatData.AddRange(values);
        return proto;
    }

    private static ValueInfoProto Floats(string name, long[]? shape) => OnnxWriter.Describe(name, shape);
}
