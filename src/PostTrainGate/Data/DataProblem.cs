using PostTrainGate.Foundation;

namespace PostTrainGate.Data;

/// <summary>Faults of the data, told at the place of the policy that names it.</summary>
internal static class DataProblem
{
    /// <summary>An error to throw.</summary>
    public static GateException Error(this SourcePosition position, string code, string message) =>
        new(new Diagnostic(code, message, position));

    /// <summary><c>1 row</c>, <c>12 rows</c>.</summary>
    public static string Rows(long count) => count == 1 ? "1 row" : $"{count} rows";
}
