using System.Collections.Immutable;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>The end of a file that is run for its scores: which value is read, and what it holds.</summary>
/// <param name="Model">The file with these outputs only.</param>
/// <param name="Outputs">The value that is read; where a head was taken off, also what the file states.</param>
/// <param name="Head">What the value holds or, where a head was taken off, that head; null: the values have to show it.</param>
/// <param name="ClassNames">Names that the file gives its classes, in the order of the value; empty where it gives none.</param>
internal sealed record OnnxEnd(ModelProto Model, ImmutableArray<string> Outputs, OutputHead? Head, ImmutableArray<string> ClassNames)
{
    private static readonly DataType[] Scores = [DataType.Float, DataType.Double, DataType.Float16, DataType.Bfloat16, DataType.Uint8,
        DataType.Int8];

    /// <summary>Looks for it: the output that the user names, or the first that holds scores, be they tensors or ZipMap's maps.</summary>
    /// <exception cref="GateException">PTG2004: the file gives labels only, or values of another kind.</exception>
    public static OnnxEnd Of(OnnxFile file, OutputPolicy wanted)
    {
        var producers = file.Graph.Node.SelectMany(n => n.Output, (n, o) => (o, n)).Where(p => p.o.Length > 0)
            .ToDictionary(p => p.o, p => p.n);
        var outputs = wanted.Name is { } name ? [OnnxSignature.Named(file, name)] : file.Graph.Output.ToArray();
        var chosen = outputs.FirstOrDefault(o => IsMaps(o) ? producers.GetValueOrDefault(o.Name)?.OpType == "ZipMap"
            : Scores.Contains(TypeOf(o)))
            ?? throw NoScores(file, outputs);
        // The tensor that becomes maps holds the same numbers.
        var output = IsMaps(chosen) ? producers[chosen.Name].Input[0] : chosen.Name;
        if (producers.GetValueOrDefault(output) is { } last && PairsOf(last) is var classes and > 2)
        {
            throw OnnxSignature.Wrong(file,
                $"gives a score for each pair of its {classes} classes ({OnnxNode.Describe(last)}), not for each class; "
                + "export the support vector machine with its probabilities");
        }

        var head = OnnxHead.Find(producers.GetValueOrDefault, output, wanted.Head);
        if (head is null && wanted.Head == OutputHead.Softmax)
            throw OnnxSignature.Wrong(file, "ends in no softmax; where its values are probabilities, 'output.head' is probabilities");
        string[] read = head is null ? [output] : [head.Logits, output];
        var model = file.Part([.. file.Graph.Node, .. head?.Tail ?? []], [], read);
        return new(model, [.. read], head?.Kind ?? wanted.Head, Names(chosen.Name, producers));
    }

    // A support vector machine without Platt's parameters decides between pairs: of three classes there are three as well.
    private static int PairsOf(NodeProto node)
    {
        if (node.OpType != "SVMClassifier") return 0;
        var numbers = node.Attribute.ToDictionary(a => a.Name);
        if (numbers.GetValueOrDefault("prob_a")?.Floats.Count > 0
            || numbers.GetValueOrDefault("vectors_per_class") is not { Ints.Count: var classes }) return 0;
        return classes;
    }

    private static GateException NoScores(OnnxFile file, IReadOnlyCollection<ValueInfoProto> outputs)
    {
        var named =
            Wording.List(outputs.Take(10)
                .Select(o => $"{Wording.Quote(o.Name)} ({(o.Type?.TensorType is null ? "no tensor" : TypeOf(o))})"));
        var labels = outputs.Count > 0 && outputs.All(o => TypeOf(o) is DataType.Int64 or DataType.Int32 or DataType.String);
        return OnnxSignature.Wrong(file, labels
            ? $"gives labels only, {named}; scores or probabilities of every class are needed, so export it with its probabilities"
            : $"has no output of scores or probabilities, but {(outputs.Count == 0 ? "none" : named)}");
    }

    // Along first inputs from the end: the classifier's own labels, as ai.onnx.ml's operators keep them.
    private static ImmutableArray<string> Names(string output, Dictionary<string, NodeProto> producers)
    {
        var seen = new HashSet<NodeProto>();
        for (var node = producers.GetValueOrDefault(output); node is { Input.Count: > 0 }
            && seen.Add(node); node = producers.GetValueOrDefault(node.Input[0]))
        {
            if (node.Attribute.FirstOrDefault(a =>
                a.Name is "classlabels_strings" or "classlabels_int64s" or "classlabels_ints") is not { } labels) continue;
            return labels.Strings.Count > 0 ? [.. labels.Strings.Select(s => s.ToStringUtf8())] : [.. labels.Ints.Select(i => $"{i}")];
        }

        return [];
    }

    private static bool IsMaps(ValueInfoProto value) => value.Type?.SequenceType is not null;

    private static DataType TypeOf(ValueInfoProto value) => (DataType)(value.Type?.TensorType?.ElemType ?? 0);
}
