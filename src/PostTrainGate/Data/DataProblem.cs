using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>Faults of the data, told at the place of the policy that names it.</summary>
internal static class DataProblem
{
    /// <summary>An error to throw.</summary>
    public static GateException Error(this SourcePosition position, string code, string message) =>
        new(new Diagnostic(code, message, position));

    /// <summary>The error for a file of arrays that is not what it should be.</summary>
    /// <param name="kind">What it should be.</param>
    /// <param name="path">The file.</param>
    /// <param name="source">Where a policy names it, in whose words it is then told; null: none does.</param>
    /// <param name="e">What is wrong.</param>
    public static GateException Unreadable(string kind, string path, PolicyPath? source, Exception e)
    {
        var why = e is EndOfStreamException ? "it ends too early" : e.Message.TrimEnd('.');
        var message = $"The file {Wording.Quote(source?.Text ?? path)} cannot be read as {kind}: {why}.";
        return new(new Diagnostic(DiagnosticCodes.DataUnreadable, message, source?.Position), e);
    }

    /// <summary><c>1 row</c>, <c>12 rows</c>.</summary>
    public static string Rows(long count) => count == 1 ? "1 row" : $"{count} rows";
}
