using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Tests.Models;

/// <summary>Graphs of ai.onnx.ml, as converters of scikit-learn and its kin write them.</summary>
internal sealed class MlGraph
{
    private readonly ModelProto _model = new()
    {
        IrVersion = 8,
        ProducerName = "skl2onnx",
        Graph = new() { Name = "ml" },
    };

    public MlGraph()
    {
        _model.OpsetImport.Add(new OperatorSetIdProto { Version = 15 });
        _model.OpsetImport.Add(new OperatorSetIdProto { Domain = "ai.onnx.ml", Version = 3 });
    }

    /// <summary>Adds an input; -1 where an axis is open.</summary>
    public string Input(string name, DataType type, params ReadOnlySpan<long> shape)
    {
        _model.Graph.Input.Add(Tensor(name, type, shape));
        return name;
    }

    /// <summary>Adds an output.</summary>
    public void Output(string name, DataType type, params ReadOnlySpan<long> shape) =>
        _model.Graph.Output.Add(Tensor(name, type, shape));

    /// <summary>Adds an output of ZipMap: a list of maps from label to probability.</summary>
    public void OutputMaps(string name, DataType keys)
    {
        TypeProto number = new()
        {
            TensorType = new() { ElemType = (int)DataType.Float, Shape = new() },
        };
        TypeProto map = new()
        {
            MapType = new() { KeyType = (int)keys, ValueType = number },
        };
        _model.Graph.Output.Add(
            new ValueInfoProto
            {
                Name = name,
                Type = new() { SequenceType = new() { ElemType = map } },
            }
        );
    }

    /// <summary>Adds a node of ONNX's own operators, or of ai.onnx.ml where it is one of those.</summary>
    public string Node(
        string op,
        string[] inputs,
        string[] outputs,
        params ReadOnlySpan<(string Name, object Value)> attributes
    )
    {
        string[] own =
        [
            "Cast",
            "Concat",
            "Gemm",
            "Identity",
            "Sigmoid",
            "MatMulInteger",
            "DynamicQuantizeLinear",
            "QuantizeLinear",
            "DequantizeLinear",
            "QLinearConv",
            "Conv",
            "Flatten",
            "Mul",
            "Relu",
            "Softmax",
        ];
        var node = new NodeProto
        {
            Name = outputs[0],
            OpType = op,
            Domain =
                own.Contains(op) ? ""
                : op == "Custom" ? "com.example"
                : "ai.onnx.ml",
        };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        foreach (var (name, value) in attributes)
            node.Attribute.Add(OnnxWriter.Attribute(name, value));
        _model.Graph.Node.Add(node);
        return outputs[0];
    }

    /// <summary>
    /// Stumps that vote: each gives a share of the last of two classes where a feature is at most a value, and another
    /// above it.
    /// </summary>
    public string Stumps(
        string input,
        string[] outputs,
        (long Feature, float At, float Below, float Above)[] stumps,
        (string Name, object Value) labels
    )
    {
        var (n, share) = (stumps.Length, 1f / stumps.Length);
        return Node(
            "TreeEnsembleClassifier",
            [input],
            outputs,
            labels,
            ("post_transform", "NONE"),
            ("nodes_treeids", Each(t => [t, t, t])),
            ("nodes_nodeids", Each(_ => [0, 1, 2])),
            ("nodes_featureids", Each(t => [stumps[t].Feature, 0, 0])),
            ("nodes_modes", Enumerable.Range(0, n).SelectMany(_ => new[] { "BRANCH_LEQ", "LEAF", "LEAF" }).ToArray()),
            ("nodes_values", Enumerable.Range(0, n).SelectMany(t => new[] { stumps[t].At, 0, 0 }).ToArray()),
            ("nodes_truenodeids", Each(_ => [1, 0, 0])),
            ("nodes_falsenodeids", Each(_ => [2, 0, 0])),
            ("class_treeids", Each(t => [t, t, t, t])),
            ("class_nodeids", Each(_ => [1, 1, 2, 2])),
            ("class_ids", Each(_ => [0, 1, 0, 1])),
            (
                "class_weights",
                Enumerable
                    .Range(0, n)
                    .SelectMany(t =>
                        new[]
                        {
                            share * (1 - stumps[t].Below),
                            share * stumps[t].Below,
                            share * (1 - stumps[t].Above),
                            share * stumps[t].Above,
                        }
                    )
                    .ToArray()
            )
        );

        long[] Each(Func<int, long[]> of) => [.. Enumerable.Range(0, n).SelectMany(of)];
    }

    /// <summary>Adds a tensor of floats.</summary>
    public string Initializer(string name, long[] shape, params float[] values) =>
        Initializer(name, shape, t => t.FloatData.AddRange(values), DataType.Float);

    /// <summary>Adds a tensor of whole numbers of 8 bits.</summary>
    public string Bytes(string name, long[] shape, params sbyte[] values) =>
        Initializer(name, shape, t => t.Int32Data.AddRange(values.Select(v => (int)v)), DataType.Int8);

    /// <summary>Adds a list of integers.</summary>
    public string Integers(string name, params long[] values) =>
        Initializer(name, [values.Length], t => t.Int64Data.AddRange(values), DataType.Int64);

    /// <summary>Adds a zero point, a whole number of 8 bits without a sign.</summary>
    public string ZeroPoint(string name, byte value) =>
        Initializer(name, [], t => t.Int32Data.Add(value), DataType.Uint8);

    /// <summary>The file.</summary>
    public ModelProto Build() => _model;

    private string Initializer(string name, long[] shape, Action<TensorProto> fill, DataType type)
    {
        var tensor = new TensorProto
        {
            Name = name,
            DataType = (int)type,
            Dims = { shape },
        };
        fill(tensor);
        _model.Graph.Initializer.Add(tensor);
        return name;
    }

    private static ValueInfoProto Tensor(string name, DataType type, ReadOnlySpan<long> sizes)
    {
        var shape = new TensorShapeProto();
        foreach (var size in sizes)
            shape.Dim.Add(
                size < 0 ? new() { DimParam = "N" } : new TensorShapeProto.Types.Dimension { DimValue = size }
            );
        return new()
        {
            Name = name,
            Type = new()
            {
                TensorType = new() { ElemType = (int)type, Shape = shape },
            },
        };
    }
}
