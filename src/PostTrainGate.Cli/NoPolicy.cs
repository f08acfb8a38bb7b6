using PostTrainGate.Data;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli;

/// <summary>Files that are given where a policy belongs.</summary>
internal static class NoPolicy
{
    /// <summary>Says which command was meant, where a model or data is given.</summary>
    /// <exception cref="GateException">It is one of them.</exception>
    public static void Refuse(string file)
    {
        var isModel = file.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);
        if (!isModel && !Table.Reads(file) && !file.EndsWith(".npz", StringComparison.OrdinalIgnoreCase))
            return;
        var (what, command) = isModel ? ("a model", $"{file} DATA") : ("data", $"MODEL {file}");
        throw new GateException(
            new Diagnostic(
                DiagnosticCodes.PolicyUnreadable,
                $"This is {what}, not a policy; did you mean 'posttraingate init {command}'? It writes one.",
                new SourcePosition(file, 0, 0)
            )
        );
    }
}
