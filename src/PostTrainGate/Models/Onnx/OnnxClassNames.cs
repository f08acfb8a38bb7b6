using System.Collections.Immutable;
using PostTrainGate.Models.Onnx;

namespace PostTrainGate.Models;

/// <summary>The names that a file itself gives its classes, in the order of its scores.</summary>
internal static class OnnxClassNames
{
    /// <summary>
    /// Looks for them: at the classifier, at the encoder of the label, at the decoder of the predicted label.
    /// </summary>
    /// <param name="file">The file, whole.</param>
    /// <param name="output">The output that is read.</param>
    /// <param name="label">Column of the data that holds the label; null where there is none.</param>
    public static ImmutableArray<string> Find(OnnxFile file, string output, string? label)
    {
        var producers = file.Producers;
        // ML.NET names the columns of a vector in a node of its own.
        var slots = $"mlnet.{(output.EndsWith(".output", StringComparison.Ordinal) ? output[..^7] : output)}.SlotNames";
        if (
            Encoders(file).Where(e => e.Node.Name == slots).Select(e => Encoded(e.Attributes)).FirstOrDefault() is
            { IsDefaultOrEmpty: false } named
        )
            return named;
        // Numbers may stand for names that an encoder has.
        var stated = OfClassifier(output, producers);
        if (stated.Any(name => !long.TryParse(name, out _)))
            return stated;
        // ML.NET numbers classes as they first occur and keeps the numbers in the encoder of its label column.
        if (
            Encoders(file)
                .Where(e => label is not null && Same(e.Node.Input[0], label, producers))
                .Select(e => Encoded(e.Attributes))
                .FirstOrDefault(n => n.Length > 1) is
            { IsDefaultOrEmpty: false } encoded
        )
            return encoded;
        return Decoded(file, producers, output) is { IsEmpty: false } decoded ? decoded : stated;
    }

    // Along first inputs from the end: the classifier's own labels, as ai.onnx.ml's operators keep them.
    private static ImmutableArray<string> OfClassifier(string output, Dictionary<string, NodeProto> producers)
    {
        var seen = new HashSet<NodeProto>();
        for (
            var node = producers.GetValueOrDefault(output);
            node is { Input.Count: > 0 } && seen.Add(node);
            node = producers.GetValueOrDefault(node.Input[0])
        )
        {
            if (
                node.Attribute.FirstOrDefault(a =>
                    a.Name is "classlabels_strings" or "classlabels_int64s" or "classlabels_ints"
                )
                is not { } labels
            )
                continue;
            return labels.Strings.Count > 0
                ? [.. labels.Strings.Select(s => s.ToStringUtf8())]
                : [.. labels.Ints.Select(i => $"{i}")];
        }

        return [];
    }

    private static IEnumerable<(NodeProto Node, Dictionary<string, AttributeProto> Attributes)> Encoders(
        OnnxFile file
    ) =>
        file
            .Graph.Node.Where(n => n is { OpType: "LabelEncoder", Input.Count: 1 })
            .Select(n => (n, n.Attribute.DistinctBy(a => a.Name).ToDictionary(a => a.Name)));

    // Names to numbers, in the order of the numbers.
    private static ImmutableArray<string> Encoded(Dictionary<string, AttributeProto> attributes) =>
        attributes.GetValueOrDefault("keys_strings")?.Strings is { } names
        && Numbers(attributes, "values") is { } numbers
        && names.Count == numbers.Length
            ? [.. names.Zip(numbers).OrderBy(p => p.Second).Select(p => p.First.ToStringUtf8())]
            : [];

    // The class with the highest score: its number to its name, by a LabelEncoder or by an ArrayFeatureExtractor over
    // all names.
    private static ImmutableArray<string> Decoded(OnnxFile file, Dictionary<string, NodeProto> producers, string output)
    {
        foreach (
            var arg in file.Graph.Node.Where(n =>
                n is { OpType: "ArgMax", Input.Count: 1 } && Same(n.Input[0], output, producers)
            )
        )
        {
            var index = arg.Output[0];
            foreach (var node in file.Graph.Node.Where(n => n.Input.Count > 0))
            {
                if (
                    node.OpType == "ArrayFeatureExtractor"
                    && node.Input is [var names, var at]
                    && Same(at, index, producers)
                    && file.Graph.Initializer.FirstOrDefault(t => t.Name == names) is { } all
                )
                    return Texts(all);
                if (node.OpType != "LabelEncoder" || !Same(node.Input[0], index, producers))
                    continue;
                var attributes = node.Attribute.DistinctBy(a => a.Name).ToDictionary(a => a.Name);
                if (
                    attributes.GetValueOrDefault("values_strings")?.Strings is { } values
                    && Numbers(attributes, "keys") is { } keys
                    && keys.Length == values.Count
                )
                    return [.. values.Zip(keys).OrderBy(p => p.Second).Select(p => p.First.ToStringUtf8())];
            }
        }

        return [];
    }

    private static double[]? Numbers(Dictionary<string, AttributeProto> attributes, string kind) =>
        attributes.GetValueOrDefault($"{kind}_int64s") is { } whole ? [.. whole.Ints.Select(i => (double)i)]
        : attributes.GetValueOrDefault($"{kind}_floats") is { } floats ? [.. floats.Floats.Select(f => (double)f)]
        : null;

    private static ImmutableArray<string> Texts(TensorProto all) =>
        all.StringData.Count > 0 ? [.. all.StringData.Select(s => s.ToStringUtf8())]
        : all.Int64Data.Count > 0 ? [.. all.Int64Data.Select(i => $"{i}")]
        : all.Int32Data.Count > 0 ? [.. all.Int32Data.Select(i => $"{i}")]
        : [];

    // Whether a value is another one that was only moved or cast.
    private static bool Same(string value, string other, Dictionary<string, NodeProto> producers)
    {
        return Origins(value).Intersect(Origins(other)).Any();

        HashSet<string> Origins(string name)
        {
            HashSet<string> all = [name];
            for (
                var node = producers.GetValueOrDefault(name);
                node
                    is {
                        OpType: "Identity" or "Cast" or "Reshape" or "Squeeze" or "Unsqueeze" or "ZipMap",
                        Input.Count: > 0
                    }
                    && all.Add(node.Input[0]);
                node = producers.GetValueOrDefault(node.Input[0])
            ) { }
            return all;
        }
    }
}
