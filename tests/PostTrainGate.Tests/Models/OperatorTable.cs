using System.Globalization;
using System.Text;

namespace PostTrainGate.Tests.Models;

/// <summary>The table of operators in the docs: what is claimed, what ONNX's conformance suite shows, why others are
/// not claimed.</summary>
internal static class Operators
{
    /// <summary>Where it stands, from the root of the repository.</summary>
    public const string File = "src/PostTrainGate/Models/README.md";

    private static readonly (string Reason, string[] Operators)[] Unclaimed =
    [
        ("control flow", ["Scan"]),
        ("detection, not classification", ["NonMaxSuppression", "RoiAlign"]),
        (
            "has no gradient: quantised",
            [
                "ConvInteger",
                "DequantizeLinear",
                "DynamicQuantizeLinear",
                "MatMulInteger",
                "QLinearConv",
                "QLinearMatMul",
                "QuantizeLinear",
            ]
        ),
        ("its result's shape depends on values", ["Unique"]),
        ("needs places in the whole tensor, as segmentation does", ["MaxUnpool"]),
        ("optional values", ["Optional", "OptionalGetElement", "OptionalHasElement"]),
        ("random", ["Bernoulli", "RandomUniformLike"]),
        (
            "sequences",
            [
                "ConcatFromSequence",
                "SequenceAt",
                "SequenceConstruct",
                "SequenceEmpty",
                "SequenceErase",
                "SequenceInsert",
                "SequenceLength",
                "SequenceMap",
                "SplitToSequence",
            ]
        ),
        ("signal processing", ["BlackmanWindow", "DFT", "HammingWindow", "HannWindow", "MelWeightMatrix", "STFT"]),
        ("strings", ["StringNormalizer", "TfIdfVectorizer"]),
        (
            "training",
            [
                "NegativeLogLikelihoodLoss",
                "SoftmaxCrossEntropyLoss",
                "ai.onnx.preview.training.Adagrad",
                "ai.onnx.preview.training.Adam",
                "ai.onnx.preview.training.Gradient",
                "ai.onnx.preview.training.Momentum",
            ]
        ),
    ];

    /// <summary>The table.</summary>
    /// <param name="claimed">Names of the operators that are rebuilt.</param>
    /// <param name="cases">Operators of each case; whether it passed; whether it was refused with a reason.</param>
    public static string Of(
        IEnumerable<string> claimed,
        IReadOnlyCollection<(string[] Operators, bool Passed, bool Refused)> cases
    )
    {
        var names = claimed.ToHashSet();
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"{names.Count} operators are rebuilt. Of the suite's {cases.Count} cases "
                + $"{cases.Count(c => c.Passed)} give the stated outputs, {cases.Count(c => c.Refused)} "
                + $"are of these operators in a form that is refused by name, and "
                + $"{cases.Count(c => !c.Passed && !c.Refused)} are of other operators.\n\n"
        );
        text.Append(
            "| operator | rebuilt | cases passed | cases refused | not rebuilt because |\n| --- | --- | --- | --- | "
                + "--- |\n"
        );
        foreach (var name in names.Concat(cases.SelectMany(c => c.Operators)).Distinct().Order(StringComparer.Ordinal))
        {
            var of = cases.Where(c => c.Operators.Contains(name)).ToList();
            var why = names.Contains(name) ? "" : Reason(name);
            text.Append(
                CultureInfo.InvariantCulture,
                $"| `{name}` | {(why.Length > 0 ? "no" : "yes")} | "
                    + $"{of.Count(c => c.Passed)} of {of.Count} | {of.Count(c => c.Refused)} | {why} |\n"
            );
        }

        return text.ToString();
    }

    private static string Reason(string name) =>
        Array.Find(Unclaimed, u => u.Operators.Contains(name)).Reason
        ?? throw new KeyNotFoundException($"why is {name} not claimed?");
}
