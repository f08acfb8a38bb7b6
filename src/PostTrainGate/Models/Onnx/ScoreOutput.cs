using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Models;

/// <summary>The end of a file that is run for its scores: which value is read, and what it holds.</summary>
/// <param name="Model">The file with these outputs only.</param>
/// <param name="Outputs">The value that is read; where a head was taken off, also what the file states.</param>
/// <param name="Head">
/// What the value holds or, where a head was taken off, that head; null: the values have to show it.
/// </param>
/// <param name="Name">The output of the file that is read.</param>
internal sealed record ScoreOutput(ModelProto Model, ImmutableArray<string> Outputs, OutputHead? Head, string Name)
{
    /// <summary>
    /// Looks for it: the output that the user names, or the first that holds scores, be they tensors or ZipMap's maps.
    /// </summary>
    /// <exception cref="GateException">PTG2004: the file gives labels only, or values of another kind.</exception>
    public static ScoreOutput Find(OnnxFile file, OutputPolicy wanted)
    {
        var producers = file.Producers;
        var outputs = wanted.Name is { } name ? [OnnxSignature.Named(file, name)] : file.Graph.Output.ToArray();
        var chosen = outputs.FirstOrDefault(o => ScoreOutputs.MayHold(o, producers.GetValueOrDefault))
            ?? throw NoScores(file, outputs);
        // The tensor that becomes maps holds the same numbers.
        var output = ScoreOutputs.IsMaps(chosen) ? producers[chosen.Name].Input[0] : chosen.Name;
        if (producers.GetValueOrDefault(output) is { } last && PairsOf(last) is var classes and > 2)
        {
            throw OnnxSignature.Wrong(
                file,
                $"returns a score for each pair of its {classes} classes ({OnnxNode.Describe(last)}), "
                    + "not for each class; "
                    + "export the support vector machine with probabilities"
            );
        }

        var head = OnnxHead.Find(producers.GetValueOrDefault, output, wanted.Head);
        if (head is null && wanted.Head == OutputHead.Softmax)
            throw OnnxSignature.Wrong(
                file,
                "does not end in a softmax; if it returns probabilities, set 'output.head: probabilities'"
            );
        string[] read = head is null ? [output] : [head.Logits, output];
        var model = file.Part([.. file.Needed([output]), .. head?.Tail ?? []], [], read);
        return new(model, [.. read], head?.Kind ?? wanted.Head, chosen.Name);
    }

    // A support vector machine without Platt's parameters decides between pairs: of three classes there are three as
    // well.
    private static int PairsOf(NodeProto node)
    {
        if (node.OpType != "SVMClassifier")
            return 0;
        var numbers = node.Attribute.ToDictionary(a => a.Name);
        if (
            numbers.GetValueOrDefault("prob_a")?.Floats.Count > 0
            || numbers.GetValueOrDefault("vectors_per_class") is not { Ints.Count: var classes }
        )
            return 0;
        return classes;
    }

    private static GateException NoScores(OnnxFile file, IReadOnlyCollection<ValueInfoProto> outputs)
    {
        var named = Wording.List(
            outputs
                .Take(10)
                .Select(o => $"{Wording.Quote(o.Name)} ({(o.Type?.TensorType is null ? "not a tensor" : TypeOf(o))})")
        );
        var labels =
            outputs.Count > 0 && outputs.All(o => TypeOf(o) is DataType.Int64 or DataType.Int32 or DataType.String);
        return OnnxSignature.Wrong(
            file,
            labels
                ? $"returns only labels, {named}; export it with the scores or probabilities of every class"
                : $"has no output of scores or probabilities{(outputs.Count == 0 ? "" : $"; its outputs are {named}")}"
        );
    }

    private static DataType TypeOf(ValueInfoProto value) => (DataType)(value.Type?.TensorType?.ElemType ?? 0);
}
