using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Statistics;
using static TorchSharp.torch;

namespace PostTrainGate.Gating;

/// <summary>
/// Signs that the rows offered for a repair are those the model was trained on: it is far more often right on them than
/// on the test rows, or surer. A repair that is chosen by such rows looks dear there and is not worth its figures elsewhere.
/// </summary>
internal static class KnownRows
{
    // A difference of accuracy that matters, the share of pairs in which a loss has to be smaller, and what is beyond
    // chance: one-sided 0.1 %.
    private const double Material = 0.03,
        MaterialShare = 0.55,
        Errors = 3.09,
        Level = 0.001;

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
        return (Accuracy(evaluation, test, use) ?? Loss(evaluation, test, use)) is { } sign
            ? new Diagnostic(
                DiagnosticCodes.RepairRowsKnown,
                $"{sign} It was probably trained on them; offer other rows, or name them in 'data.splits.trained'.",
                at,
                Severity.Warning
            )
            : null;
    }

    private static string? Accuracy(Evaluation evaluation, Evaluation test, string use)
    {
        var (known, other) = (Right(evaluation), Right(test));
        var error = Math.Sqrt(known * (1 - known) / evaluation.Data.Count + other * (1 - other) / test.Data.Count);
        return known - other < Math.Max(Material, Errors * error)
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"The model is right on {known:P1} of the '{use}' rows but on {other:P1} of the test rows."
            );
    }

    // A model can be as often right and still surer of rows that it has seen (Yeom et al. 2018).
    private static string? Loss(Evaluation evaluation, Evaluation test, string use)
    {
        if (evaluation.Data.Count == 0 || test.Data.Count == 0)
            return null;
        var (known, other) = (Losses(evaluation), Losses(test));
        if (known.Concat(other).Any(double.IsNaN))
            return null;
        var (share, p) = MannWhitney.Smaller(known, other);
        return share < MaterialShare || p > Level
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"The model's loss on a '{use}' row is smaller than on a test row in {share:P0} of pairs, more than "
                    + $"chance (Mann-Whitney test, p < {Level})."
            );
    }

    private static double[] Losses(Evaluation e)
    {
        using var scope = NewDisposeScope();
        return
        [
            .. nn
                .functional.cross_entropy(e.Logits, e.Data.Labels, reduction: nn.Reduction.None)
                .to(ScalarType.Float64)
                .data<double>(),
        ];
    }

    private static double Right(Evaluation e) => e.Right / (double)Math.Max(1, e.Data.Count);
}
