using System.Collections.Immutable;
using Google.Protobuf;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Torch;
using static PostTrainGate.Models.Onnx.AttributeProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Writes a model of our own as ONNX, node by node. The methods named after layers go on from the value written last,
/// so that a chain reads like the network.
/// </summary>
internal sealed class OnnxWriter
{
    private readonly ModelProto _model = new()
    {
        IrVersion = 8,
        ProducerName = "PostTrainGate",
        Graph = new() { Name = "classifier" },
    };
    private readonly Dictionary<string, int> _counts = [];

    /// <summary>Starts a model.</summary>
    /// <param name="inputShape">Shape of one input, without the batch; -1 where it is open.</param>
    /// <param name="opset">Version of the operator set.</param>
    /// <param name="batch">Size of the batch; -1: open.</param>
    public OnnxWriter(ReadOnlySpan<long> inputShape, long opset = 13, long batch = -1)
    {
        _model.OpsetImport.Add(new OperatorSetIdProto { Version = opset });
        _model.Graph.Input.Add(Describe("input", [batch, .. inputShape]));
        Last = "input";
    }

    /// <summary>Name of the value written last.</summary>
    public string Last { get; private set; }

    /// <summary>Adds a tensor to the file.</summary>
    /// <returns>Its name.</returns>
    public string Initializer(string name, Tensor value)
    {
        using var scope = NewDisposeScope();
        var plain = value.detach().contiguous().OnHost();
        var type = (int)OnnxTensors.CodeOf(plain.dtype);
        var proto = new TensorProto
        {
            Name = name,
            DataType = type,
            RawData = ByteString.CopyFrom(plain.bytes),
        };
        proto.Dims.AddRange(plain.shape);
        _model.Graph.Initializer.Add(proto);
        return name;
    }

    /// <summary>Adds any node.</summary>
    /// <param name="op">Its operator.</param>
    /// <param name="inputs">Names of its inputs; empty where one is left out.</param>
    /// <param name="attributes">Numbers, texts, tensors and lists by name.</param>
    /// <returns>Name of its output.</returns>
    public string Node(
        string op,
        IEnumerable<string> inputs,
        params ReadOnlySpan<(string Name, object Value)> attributes
    )
    {
        var name = Fresh(op);
        var node = new NodeProto { Name = name, OpType = op };
        node.Input.AddRange(inputs);
        node.Output.Add($"{name}_output");
        foreach (var (key, value) in attributes)
            node.Attribute.Add(Attribute(key, value));
        _model.Graph.Node.Add(node);
        return Last = node.Output[0];
    }

    /// <summary>Gives the node written last one more output.</summary>
    /// <returns>Its name.</returns>
    public string Also(string output)
    {
        _model.Graph.Node[^1].Output.Add(output);
        return output;
    }

    /// <summary>A dense layer: x weight' + bias.</summary>
    /// <param name="weight">[units, inputs].</param>
    /// <param name="bias">[units].</param>
    public OnnxWriter Gemm(Tensor weight, Tensor bias) => Weighted("Gemm", weight, bias, ("transB", 1L));

    /// <summary>A convolution.</summary>
    /// <param name="weight">[channels, input channels, height, width].</param>
    /// <param name="bias">[channels].</param>
    /// <param name="padding">Zeros on every side.</param>
    /// <param name="stride">Step.</param>
    public OnnxWriter Conv(Tensor weight, Tensor bias, long padding = 0, long stride = 1)
    {
        var kernel = weight.shape[2..];
        return Weighted(
            "Conv",
            weight,
            bias,
            ("kernel_shape", kernel),
            ("pads", All(2 * kernel.Length, padding)),
            ("strides", All(kernel.Length, stride))
        );
    }

    /// <summary>The largest of every size x size window.</summary>
    public OnnxWriter MaxPool(long size) => Then("MaxPool", ("kernel_shape", All(2, size)), ("strides", All(2, size)));

    /// <summary>Negative values to zero.</summary>
    public OnnxWriter Relu() => Then("Relu");

    /// <summary>All axes but the batch into one.</summary>
    public OnnxWriter Flatten() => Then("Flatten", ("axis", 1L));

    /// <summary>Probabilities of the classes.</summary>
    public OnnxWriter Softmax() => Then("Softmax", ("axis", 1L));

    /// <summary>Any operator with one input.</summary>
    public OnnxWriter Then(string op, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        Node(op, [Last], attributes);
        return this;
    }

    /// <summary>The model, its last value as output.</summary>
    /// <param name="output">Name of the output; null keeps the value's.</param>
    /// <param name="outputShape">Its shape with the batch, -1 where open; empty: unsaid.</param>
    public ModelProto Build(string? output = null, params ReadOnlySpan<long> outputShape)
    {
        var model = _model.Clone();
        if (output is not null && model.Graph.Node.LastOrDefault(n => n.Output.Contains(Last)) is { } node)
            node.Output[0] = output;
        model.Graph.Output.Add(Describe(output ?? Last, outputShape.IsEmpty ? null : outputShape.ToArray()));
        return model;
    }

    /// <summary>Writes a classifier's file, by rename.</summary>
    /// <param name="path">Where.</param>
    /// <param name="output">Name of the output, such as <c>logits</c>.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="metadata">What the file says about itself.</param>
    public void Save(
        string path,
        string output,
        long classes,
        ImmutableSortedDictionary<string, string>? metadata = null
    )
    {
        var model = Build(output, -1, classes);
        foreach (var (key, value) in metadata ?? ImmutableSortedDictionary<string, string>.Empty)
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        OnnxFile.Write(path, model);
    }

    private OnnxWriter Weighted(
        string op,
        Tensor weight,
        Tensor bias,
        params ReadOnlySpan<(string Name, object Value)> attributes
    )
    {
        var name = $"{op.ToLowerInvariant()}{_counts.GetValueOrDefault(op) + 1}";
        Node(op, [Last, Initializer($"{name}.weight", weight), Initializer($"{name}.bias", bias)], attributes);
        return this;
    }

    private string Fresh(string op)
    {
        _counts[op] = _counts.GetValueOrDefault(op) + 1;
        return $"{op.ToLowerInvariant()}{_counts[op]}";
    }

    private static long[] All(int count, long value) => [.. Enumerable.Repeat(value, count)];

    /// <summary>A value of floats; -1 where an axis is open, null where the shape is not known.</summary>
    internal static ValueInfoProto Describe(string name, long[]? shape)
    {
        var tensorType = new TypeProto.Types.Tensor { ElemType = (int)TensorProto.Types.DataType.Float };
        if (shape is not null)
        {
            tensorType.Shape = new();
            tensorType.Shape.Dim.AddRange(
                shape.Select(
                    (size, i) =>
                        size >= 0
                            ? new TensorShapeProto.Types.Dimension { DimValue = size }
                            : new() { DimParam = i == 0 ? "batch" : $"axis{i}" }
                )
            );
        }

        return new()
        {
            Name = name,
            Type = new() { TensorType = tensorType },
        };
    }

    /// <summary>An attribute of the type that its value has.</summary>
    internal static AttributeProto Attribute(string name, object value)
    {
        var proto = new AttributeProto { Name = name };
        switch (value)
        {
            case long i:
                (proto.Type, proto.I) = (AttributeType.Int, i);
                break;
            case float f:
                (proto.Type, proto.F) = (AttributeType.Float, f);
                break;
            case string s:
                (proto.Type, proto.S) = (AttributeType.String, ByteString.CopyFromUtf8(s));
                break;
            case long[] ints:
                proto.Type = AttributeType.Ints;
                proto.Ints.AddRange(ints);
                break;
            case string[] texts:
                proto.Type = AttributeType.Strings;
                proto.Strings.AddRange(texts.Select(ByteString.CopyFromUtf8));
                break;
            case float[] floats:
                proto.Type = AttributeType.Floats;
                proto.Floats.AddRange(floats);
                break;
            case GraphProto graph:
                (proto.Type, proto.G) = (AttributeType.Graph, graph);
                break;
            case TensorProto tensor:
                (proto.Type, proto.T) = (AttributeType.Tensor, tensor);
                break;
            default:
                throw new ArgumentException($"no attribute holds a {value.GetType()}", nameof(value));
        }

        return proto;
    }
}
