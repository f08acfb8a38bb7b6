using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Models;

namespace PostTrainGate.Gating;

/// <summary>
/// Signs that the rows offered for a repair are those the model was trained on: it is far more often right on them than
/// on the test rows. A repair that is chosen by such rows looks dear there and is not worth its figures elsewhere.
/// </summary>
internal static class KnownRows
{
    // A difference that matters, and one that is beyond chance (one-sided 0.1 %).
    private const double Material = 0.03,
        Errors = 3.09;

    /// <summary>A warning; null where there is no sign.</summary>
    /// <param name="model">The source.</param>
    /// <param name="test">It on the test split.</param>
    /// <param name="rows">The split in question.</param>
    /// <param name="use">What the rows are used for, such as <c>select</c>.</param>
    /// <param name="at">Where the policy names the splits.</param>
    public static Diagnostic? Sign(
        Classifier model,
        Evaluation test,
        EvaluationSet rows,
        string use,
        SourcePosition? at
    )
    {
        using var evaluation = new Evaluation(model, rows);
        var (known, other) = (Right(evaluation), Right(test));
        var error = Math.Sqrt(known * (1 - known) / rows.Count + other * (1 - other) / test.Data.Count);
        return known - other < Math.Max(Material, Errors * error)
            ? null
            : new Diagnostic(
                DiagnosticCodes.RepairRowsKnown,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The model is right on {known:P1} of the '{use}' rows but on {other:P1} of the test rows. "
                ) + "It was probably trained on them; offer other rows, or name them in 'data.splits.trained'.",
                at,
                Severity.Warning
            );
    }

    private static double Right(Evaluation e) => e.Right / (double)Math.Max(1, e.Data.Count);
}
