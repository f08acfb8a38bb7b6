using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// A classifier's scores for a row must not depend on the rows beside it, nor on chance: otherwise no figure means
/// anything. Layers that were exported in training mode break both.
/// </summary>
internal static class RowIndependence
{
    /// <summary>Rows that it is tried on.</summary>
    public const int Rows = 8;

    private const double Tolerance = 1e-3;

    /// <summary>Compares a batch with itself again, and with its rows one by one.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">[n, input shape].</param>
    /// <exception cref="GateException">PTG2007.</exception>
    public static void Check(Classifier model, Tensor rows)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var together = Scores(model, rows);
        if (!OnnxAgreement.Agree(together, Scores(model, rows), Tolerance))
            throw Refused(model, "returns different outputs for the same rows in repeated passes");
        if (rows.shape[0] < 2)
            return;
        var single = cat(
            [.. Enumerable.Range(0, (int)rows.shape[0]).Select(i => Scores(model, rows.narrow(0, i, 1)))],
            0
        );
        if (!OnnxAgreement.Agree(together, single, Tolerance))
            throw Refused(model, "returns outputs for a row that depend on the other rows of its batch");
    }

    /// <summary>
    /// Compares some rows as they were measured, in batches and at places of the measurement, with the same ones by
    /// one.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">The rows it was measured on.</param>
    /// <param name="measured">Logits of all rows, [n, classes].</param>
    /// <param name="seed">Which rows.</param>
    /// <exception cref="GateException">PTG2007.</exception>
    public static void CheckMeasured(Classifier model, EvaluationSet rows, Tensor measured, int seed)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var order = Enumerable
            .Range(0, rows.Count)
            .OrderBy(i => Seeds.Key((ulong)(uint)seed, (ulong)i))
            .Take(2 * Rows)
            .Order()
            .ToArray();
        if (order.Length < 2)
            return;
        var alone = cat([.. order.Select(i => Scores(model, rows.InputsOf(i, 1)))], 0);
        var chosen = measured.index_select(0, tensor(order.Select(i => (long)i).ToArray()));
        if (!OnnxAgreement.Agree(Shares(model, chosen), alone, Tolerance))
            throw Refused(model, "returns outputs for a row that depend on the other rows of its batch");
    }

    /// <summary>
    /// Refuses a Dropout in training mode. ONNX Runtime takes some of them out as it optimizes, so that passes agree by
    /// luck of the engine.
    /// </summary>
    /// <exception cref="GateException">PTG2007.</exception>
    public static void CheckDropouts(OnnxFile file)
    {
        foreach (
            var node in file.Graph.Node.Where(n =>
                n is { OpType: "Dropout", Input.Count: > 2 } && n.Domain is "" or "ai.onnx"
            )
        )
        {
            if (file.Number(node.Input[2]) is not (not null and not 0) || file.Number(node.Input[1]) == 0)
                continue;
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelNotRowwise,
                    $"The model '{file.Name}' drops values at random, so no measurement would be valid. "
                        + $"Node {OnnxNode.Describe(node)} "
                        + "is in training mode; export the model for inference."
                )
            );
        }
    }

    /// <summary>Whether a file scales values by all rows of a batch, so that rows have to be run one by one.</summary>
    public static bool NeedsSingleRows(GraphProto graph) =>
        graph.Node.Any(n => n.OpType.StartsWith("DynamicQuantize", StringComparison.Ordinal));

    // Where probabilities are given, their logarithms say more of rounding than of the model.
    private static Tensor Scores(Classifier model, Tensor rows) => Shares(model, model.Logits(rows));

    private static Tensor Shares(Classifier model, Tensor logits) =>
        model.Head is OutputHead.Logits or OutputHead.Sigmoid ? logits : logits.softmax(1);

    private static GateException Refused(Classifier model, string what)
    {
        var training =
            model.WhyNoGradients is { } why && why.Contains("training mode", StringComparison.Ordinal)
                ? $" {why}"
                : " A layer such as BatchNormalization or Dropout may be in training mode; "
                    + "export the model for inference.";
        return new(
            new Diagnostic(
                DiagnosticCodes.ModelNotRowwise,
                $"The model '{model.Name}' {what}, so no measurement would be valid.{training}"
            )
        );
    }
}
