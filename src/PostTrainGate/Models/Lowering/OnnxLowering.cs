using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Models.Onnx;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>
/// Puts a graph of ai.onnx.ml's operators, or one with an input for each column, in terms of ONNX's own operators over
/// one row of numbers: what finds layers, heads, bounds and gradients then knows nothing of either. ONNX Runtime checks
/// the result against the file as it is.
/// </summary>
internal static class OnnxLowering
{
    /// <summary>The domain of scikit-learn's and ML.NET's operators.</summary>
    public const string Domain = "ai.onnx.ml";

    /// <summary>The lowered file; the same where there is nothing to lower, or an operator that has no such terms.</summary>
    /// <param name="file">The file, as far as its scores depend on it.</param>
    /// <param name="layout">Columns of the rows; null where they are no table's.</param>
    /// <exception cref="Foundation.GateException">
    /// PTG2002: a form of an operator that is not rebuilt; PTG2004: inputs that the columns do not fill.
    /// </exception>
    public static OnnxFile Lower(OnnxFile file, FeatureLayout? layout)
    {
        if (file.Lowering is not null || !Needs(file) || file.Graph.Node.Any(n => !CanRebuild(n)))
            return file;
        var feeds = InputBinding.Bind(file, layout);
        var graph = new LoweredGraph(file, feeds);
        foreach (var node in file.Graph.Node)
        {
            if (node.Domain == Domain)
                MlOperators.Table[node.OpType](new(node, graph));
            else if (!Passes(node, graph))
                graph.Copy(node);
        }

        foreach (var output in file.Graph.Output)
            graph.Output(output);
        return file.Lowered(graph.Build(), new(file, feeds, layout, graph.Weights));
    }

    /// <summary>Whether an operator is rebuilt with gradients.</summary>
    public static bool CanRebuild(NodeProto node) =>
        node.Domain == Domain
            ? MlOperators.Table.ContainsKey(node.OpType)
            : node.Domain is "" or "ai.onnx" && Operators.Names.Contains(node.OpType);

    /// <summary>Texts that the encoder of an input knows; empty where it has none.</summary>
    public static ImmutableArray<string> Categories(OnnxFile file, string input) =>
        [
            .. file
                .Graph.Node.Where(n => n.Input.Contains(input))
                .SelectMany(n => n.Attribute.Where(a => a.Name is "keys_strings" or "cats_strings"))
                .Take(1)
                .SelectMany(a => a.Strings.Select(s => s.ToStringUtf8())),
        ];

    private static bool Needs(OnnxFile file) =>
        file.Graph.Node.Any(n => n.Domain == Domain)
        || file.Inputs is not [var only]
        || !OnnxTensors.FloatTypes.Contains(only.Type?.TensorType?.ElemType ?? 0);

    // What moves a value whose values are known, or changes its type only, leaves it known.
    private static bool Passes(NodeProto node, LoweredGraph graph)
    {
        if (node.Input.Count == 0 || node.Output.Count != 1)
            return false;
        var (input, output) = (node.Input[0], node.Output[0]);
        switch (node.OpType)
        {
            case "Identity" when graph.Enumerated(input) is { } same:
                graph.Define(output, same);
                return true;
            case "Cast" when node.Attribute.FirstOrDefault(a => a.Name == "to") is { } to:
                return graph.Cast(input, output, (DataType)to.I);
            case "Concat"
                when node.Attribute.FirstOrDefault(a => a.Name == "axis")?.I is 1 or -1
                    && node.Input.Select(graph.Enumerated).ToArray() is var parts
                    && parts.All(p => p is { IsFlat: false } && p.Type == parts[0]!.Type):
                graph.Define(output, parts[0]! with { Columns = [.. parts.SelectMany(p => p!.Columns)] });
                return true;
            default:
                return false;
        }
    }
}
