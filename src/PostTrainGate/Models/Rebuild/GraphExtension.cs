using System.Collections.Immutable;
using Google.Protobuf;
using PostTrainGate.Models.Onnx;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>A shift of the logits for rows whose input column lies above a bound.</summary>
/// <param name="Column">Input column.</param>
/// <param name="Above">The bound, in the units that the model is given.</param>
/// <param name="Shift">Added to each unit before the head: [units].</param>
internal sealed record LogitShift(int Column, float Above, ImmutableArray<float> Shift);

/// <summary>
/// Nodes that are put before the end of a graph: logits are shifted by what input columns hold. What reads the logits,
/// the file's other outputs among it, reads the shifted ones.
/// </summary>
internal static class GraphExtension
{
    private const string Prefix = "posttraingate.shift/";

    /// <summary>The file with the nodes.</summary>
    /// <param name="model">The file, its weights up to date; changed.</param>
    /// <param name="input">Name of the input, [batch, columns].</param>
    /// <param name="logits">Name of the logits, [batch, units].</param>
    /// <param name="otherwise">The shift of rows that no rule covers: [units].</param>
    /// <param name="rules">The last that applies to a row counts.</param>
    /// <returns>Whether the logits come from a node of the graph itself.</returns>
    public static bool Shift(
        ModelProto model,
        string input,
        string logits,
        ImmutableArray<float> otherwise,
        IReadOnlyList<LogitShift> rules
    )
    {
        var graph = model.Graph;
        var at = Enumerable.Range(0, graph.Node.Count).FirstOrDefault(i => graph.Node[i].Output.Contains(logits), -1);
        if (at < 0)
            return false;
        var prefix = Prefix;
        for (var n = 2; graph.Initializer.Any(t => t.Name.StartsWith(prefix, StringComparison.Ordinal)); n++)
            prefix = $"{Prefix}{n}/";
        var producer = graph.Node[at];
        producer.Output[producer.Output.IndexOf(logits)] = $"{prefix}unshifted";
        var nodes = new List<NodeProto>();
        var shift = Floats("otherwise", otherwise);
        foreach (var (i, rule) in rules.Index())
        {
            var column = Node("Gather", $"column{i}", [input, Index($"place{i}", rule.Column)]);
            nodes[^1].Attribute.Add(OnnxWriter.Attribute("axis", 1L));
            var above = Node("Greater", $"above{i}", [column, Floats($"bound{i}", [rule.Above])]);
            shift = Node("Where", $"shift{i}", [above, Floats($"by{i}", rule.Shift), shift]);
        }

        Node("Add", "add", [$"{prefix}unshifted", shift]);
        nodes[^1].Output[0] = logits;
        for (var i = 0; i < nodes.Count; i++)
            graph.Node.Insert(at + 1 + i, nodes[i]);
        return true;

        string Node(string op, string name, string[] inputs)
        {
            var node = new NodeProto { Name = prefix + name, OpType = op };
            node.Input.AddRange(inputs);
            node.Output.Add(prefix + name);
            nodes.Add(node);
            return node.Output[0];
        }

        string Floats(string name, ImmutableArray<float> values) =>
            Add(name, DataType.Float, values.Length, values.SelectMany(BitConverter.GetBytes));

        string Index(string name, long value) => Add(name, DataType.Int64, 1, BitConverter.GetBytes(value));

        string Add(string name, DataType type, long count, IEnumerable<byte> bytes)
        {
            var proto = new TensorProto
            {
                Name = prefix + name,
                DataType = (int)type,
                RawData = ByteString.CopyFrom([.. bytes]),
            };
            proto.Dims.Add(count);
            graph.Initializer.Add(proto);
            return proto.Name;
        }
    }
}
