using Google.Protobuf;
using PostTrainGate.Models.Onnx;
using static PostTrainGate.Models.Onnx.AttributeProto.Types;

namespace PostTrainGate.Fuzz;

/// <summary>Models: small files of the tests, changed by the byte or by the node.</summary>
internal static class OnnxInputs
{
    private const int Largest = 1 << 15;

    private static readonly string[] Operators =
    [
        .. Models.Operators.Names,
        "RandomNormalLike",
        "Bernoulli",
        "Multinomial",
        "RoiAlign",
        "STFT",
        "TfIdfVectorizer",
        "NonMaxSuppression",
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "MatMulInteger",
        "ConvInteger",
        "Scan",
        "SequenceConstruct",
        "ConcatFromSequence",
        "StringNormalizer",
        "Attention",
        "AffineGrid",
        "Col2Im",
        "MelWeightMatrix",
        "Unique",
    ];

    private static readonly long[] Odd =
    [
        0,
        1,
        -1,
        2,
        3,
        5,
        255,
        1 << 20,
        int.MaxValue,
        int.MinValue,
        long.MaxValue,
        long.MinValue,
    ];

    /// <summary>Files of the tests that are small enough.</summary>
    public static IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. Directory
            .EnumerateFiles(Repository("tests/PostTrainGate.Cli.Tests/Cases"), "*.onnx", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Where(f => new FileInfo(f).Length < Largest)
            .Where(f => !Path.GetFileName(f).StartsWith("loop", StringComparison.Ordinal))
            .Select(File.ReadAllBytes),
    ];

    /// <summary>A seed whose nodes, attributes, weights or inputs are others.</summary>
    public static byte[] Generate(Random random)
    {
        var model = ModelProto.Parser.ParseFrom(Seeds[random.Next(Seeds.Count)]);
        for (var i = 1 + random.Next(4); i > 0 && model.Graph is { Node.Count: > 0 }; i--)
            Change(model.Graph, random);
        return model.ToByteArray();
    }

    private static void Change(GraphProto graph, Random random)
    {
        var node = graph.Node[random.Next(graph.Node.Count)];
        string[] values =
        [
            .. graph.Input.Select(i => i.Name),
            .. graph.Initializer.Select(t => t.Name),
            .. graph.Node.SelectMany(n => n.Output),
        ];
        switch (random.Next(9))
        {
            case 0:
                node.OpType = Operators[random.Next(Operators.Length)];
                break;
            case 1 when node.Input.Count > 0:
                node.Input[random.Next(node.Input.Count)] =
                    random.Next(8) == 0 ? "" : values[random.Next(values.Length)];
                break;
            case 2:
                node.Input.Add(values[random.Next(values.Length)]);
                break;
            case 3:
                if (random.Next(2) == 0)
                    node.Attribute.Add(new AttributeProto { Name = Name(random) });
                if (node.Attribute.Count > 0)
                    Change(node.Attribute[random.Next(node.Attribute.Count)], random);
                break;
            case 4 when graph.Initializer.Count > 0:
                var weights = graph.Initializer[random.Next(graph.Initializer.Count)];
                if (random.Next(2) == 0)
                    weights.DataType = random.Next(24);
                else if (weights.Dims.Count > 0)
                    weights.Dims[random.Next(weights.Dims.Count)] = Odd[random.Next(Odd.Length)];
                break;
            case 5 when graph.Input.FirstOrDefault()?.Type?.TensorType?.Shape?.Dim is { Count: > 0 } dims:
                dims[random.Next(dims.Count)] =
                    random.Next(2) == 0 ? new() { DimParam = "n" } : new() { DimValue = Odd[random.Next(Odd.Length)] };
                break;
            case 6 when graph.Input.FirstOrDefault()?.Type?.TensorType is { } type:
                type.ElemType = random.Next(24);
                break;
            case 7:
                var again = node.Clone();
                again.Name = "";
                for (var i = 0; i < again.Output.Count; i++)
                    again.Output[i] += "+";
                graph.Node.Insert(graph.Node.IndexOf(node) + 1, again);
                break;
            default:
                graph.Node.Remove(node);
                break;
        }
    }

    private static void Change(AttributeProto attribute, Random random)
    {
        switch (random.Next(4))
        {
            case 0:
                (attribute.Type, attribute.I) = (AttributeType.Int, Odd[random.Next(Odd.Length)]);
                break;
            case 1:
                attribute.Type = AttributeType.Ints;
                attribute.Ints.Add(Odd[random.Next(Odd.Length)]);
                break;
            case 2:
                (attribute.Type, attribute.F) = (
                    AttributeType.Float,
                    random.Next(3) switch
                    {
                        0 => float.NaN,
                        1 => -1,
                        _ => 1e30f,
                    }
                );
                break;
            default:
                (attribute.Type, attribute.S) = (AttributeType.String, ByteString.CopyFromUtf8("SAME_UPPER"));
                break;
        }
    }

    private static string Name(Random random) =>
        (
            (string[])
                [
                    "axis",
                    "axes",
                    "keepdims",
                    "to",
                    "perm",
                    "pads",
                    "strides",
                    "kernel_shape",
                    "group",
                    "training_mode",
                    "ratio",
                    "epsilon",
                    "alpha",
                    "transA",
                    "transB",
                    "num_outputs",
                    "sampling_ratio",
                    "mode",
                ]
        )[random.Next(18)];

    private static string Repository(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, relative)))
                return Path.Combine(folder.FullName, relative);
        throw new DirectoryNotFoundException(relative);
    }
}
