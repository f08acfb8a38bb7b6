using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>
/// Which output of a file holds the scores. Exporters state labels, columns that they pass through, and values on the
/// way as outputs too, so the first is often the wrong one.
/// </summary>
internal static class ScoreOutputs
{
    private static readonly DataType[] Scores =
    [
        DataType.Float,
        DataType.Double,
        DataType.Float16,
        DataType.Bfloat16,
        DataType.Uint8,
        DataType.Int8,
    ];

    private static readonly string[] Moves =
    [
        "Identity",
        "Cast",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Transpose",
    ];

    /// <summary>
    /// Whether an output may hold scores by its type: a tensor of numbers with fractions, or ZipMap's maps.
    /// </summary>
    public static bool MayHold(ValueInfoProto output, Func<string, NodeProto?> producer) =>
        IsMaps(output)
            ? producer(output.Name)?.OpType == "ZipMap"
            : Scores.Contains((DataType)(output.Type?.TensorType?.ElemType ?? 0));

    /// <summary>Whether an output holds maps instead of a tensor.</summary>
    public static bool IsMaps(ValueInfoProto output) => output.Type?.SequenceType is not null;

    /// <summary>
    /// The outputs that may hold the scores: that of the user, else all that do by type, are not an input passed
    /// through, and are not on the way to another of them. Empty where none does.
    /// </summary>
    public static ImmutableArray<string> Candidates(OnnxFile file, OutputPolicy wanted)
    {
        if (wanted.Name is { } name)
            return file.Graph.Output.Any(o => o.Name == name) ? [name] : [];
        var producers = file.Producers;
        var typed = file
            .Graph.Output.Where(o => MayHold(o, producers.GetValueOrDefault))
            .Select(o => o.Name)
            .Distinct()
            .ToDictionary(o => o, o => file.Needed([o]));
        var computed = typed.Where(o => o.Value.Any(n => !Moves.Contains(n.OpType))).ToArray();
        var left = computed
            .Where(o => !computed.Any(p => p.Key != o.Key && Reads(p.Value, o.Key, producers)))
            .Select(o => o.Key)
            .ToImmutableArray();
        return left.IsEmpty ? [.. typed.Keys] : left;
    }

    /// <summary>The candidate that has a score for each class.</summary>
    /// <param name="file">The file.</param>
    /// <param name="candidates">What <see cref="Candidates"/> gave.</param>
    /// <param name="classes">Number of classes; null where no data tells it.</param>
    /// <param name="measure">Widths of outputs by running them, for those whose width the file does not state.</param>
    /// <exception cref="GateException">PTG2004: not one of them is it, or several are.</exception>
    public static string Choose(
        OnnxFile file,
        ImmutableArray<string> candidates,
        int? classes,
        Func<ImmutableArray<string>, ImmutableArray<long>>? measure
    )
    {
        if (candidates.Length == 1 || classes is not { } count)
            return candidates[0];
        var widths = candidates.ToDictionary(c => c, c => Width(file, c));
        var unknown = candidates.Where(c => widths[c] < 0).ToImmutableArray();
        if (unknown.Length > 0 && measure is not null)
            foreach (var (output, width) in unknown.Zip(measure(unknown)))
                widths[output] = width;
        var fitting = candidates.Where(c => widths[c] == count || (count == 2 && widths[c] == 1)).ToArray();
        if (fitting is [var only])
            return only;
        var list = Wording.List(
            candidates.Take(10).Select(c => $"{Wording.Quote(c)}{(widths[c] < 0 ? "" : $" ({widths[c]} wide)")}")
        );
        throw OnnxSignature.Wrong(
            file,
            $"has several outputs that could hold scores, {list}; the data has {count} classes. "
                + "Name the right one with 'output.name'"
        );
    }

    // Along a later output's nodes: whether one of them reads the value, or what the value only moves.
    private static bool Reads(IReadOnlyList<NodeProto> nodes, string output, Dictionary<string, NodeProto> producers)
    {
        var names = new HashSet<string> { output };
        for (
            var node = producers.GetValueOrDefault(output);
            node is { Input.Count: > 0 } && Moves.Contains(node.OpType) && names.Add(node.Input[0]);
            node = producers.GetValueOrDefault(node.Input[0])
        ) { }
        var own = producers.GetValueOrDefault(output);
        return nodes.Any(n =>
            !ReferenceEquals(n, own) && OnnxCompiler.Reads(n).Any(names.Contains) && !n.Output.Any(names.Contains)
        );
    }

    // -1: the file does not say it.
    private static long Width(OnnxFile file, string name)
    {
        if (file.Producers.GetValueOrDefault(name) is { OpType: "ZipMap" } maps)
            return maps.Attribute.Sum(a => (long)a.Strings.Count + a.Ints.Count);
        var dims = file.Graph.Output.First(o => o.Name == name).Type?.TensorType?.Shape?.Dim;
        return dims switch
        {
            { Count: 1 } => 1,
            { Count: > 1 } when dims.Skip(1).All(d => d is { HasDimValue: true, DimValue: > 0 }) => dims.Skip(1)
                .Max(d => d.DimValue),
            _ => -1,
        };
    }
}
