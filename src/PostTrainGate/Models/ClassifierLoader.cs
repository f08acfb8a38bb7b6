using PostTrainGate.Data;
using PostTrainGate.Policy;

namespace PostTrainGate.Models;

/// <summary>The one place that decides how a file is run: rebuilt with gradients where that is possible, else in ONNX Runtime.</summary>
internal static class ClassifierLoader
{
    /// <summary>Loads a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="layout">Columns of the rows that it will get; null where they are no table's.</param>
    /// <param name="input">Bounds and normalisation of inputs.</param>
    /// <param name="output">Which output, and what it holds.</param>
    /// <exception cref="GateException">PTG2xxx.</exception>
    public static Classifier Load(OnnxFile file, FeatureLayout? layout, InputPolicy input, OutputPolicy output)
    {
        try
        {
            OnnxSignature.Of(file, output);
        }
        catch (GateException refused)
        {
            return InRuntime(file, layout, input, output, refused);
        }

        try
        {
            return OnnxClassifier.Load(file, input, output);
        }
        catch (GateException refused) when (refused.Diagnostics[0].Code == DiagnosticCodes.ModelOperator)
        {
            return InRuntime(file, layout, input, output, refused);
        }
    }

    private static OnnxRuntimeClassifier InRuntime(OnnxFile file, FeatureLayout? layout, InputPolicy input, OutputPolicy output,
        GateException refused)
    {
        try
        {
            return OnnxRuntimeClassifier.Load(file, layout, input, output, Why(file, refused));
        }
        catch (GateException neither) when (neither.Diagnostics[0].Code == DiagnosticCodes.ModelUnreadable)
        {
            throw new GateException(new Diagnostic(refused.Diagnostics[0].Code, $"{refused.Message} {neither.Message}"), neither);
        }
    }

    // All operators that stand in the way, where the error names the first or none.
    private static string Why(OnnxFile file, GateException refused)
    {
        var without = file.Graph.Node.Where(n => n.Domain is not ("" or "ai.onnx") || !Operators.Names.Contains(n.OpType))
            .Select(OnnxNode.Kind).Distinct().ToArray();
        return without.Length == 0 ? refused.Message
            : $"The model '{file.Name}' cannot be rebuilt with gradients: there is no rebuild of {Wording.List(without.Take(10).Select(k => Wording.Plain(k, 100)))}.";
    }
}
