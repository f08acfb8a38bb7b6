using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>Rules for what tapped outputs should become, for inputs with a reference beside them.</summary>
public static class ReferenceTargets
{
    /// <summary>Regression: the activations that the source has for the reference, by mean squared error.</summary>
    public static TuningTargets Activations(TransformContext context, TuningInputs inputs)
    {
        var values = Represent(context, inputs, x => x);
        return new(
            (tapped, batch) => nn.functional.mse_loss(tapped, values.index_select(0, batch.Index)),
            "activations of the reference rows"
        );
    }

    /// <summary>
    /// Regression on the model's own output (variants last): softmax of the reference, by mean squared error.
    /// </summary>
    public static TuningTargets Probabilities(TransformContext context, TuningInputs inputs)
    {
        var values = Represent(context, inputs, x => x.softmax(1));
        return new(
            (logits, batch) => nn.functional.mse_loss(logits.softmax(1), values.index_select(0, batch.Index)),
            "class probabilities of the reference rows"
        );
    }

    /// <summary>No transformation (variants -sl): cross-entropy toward the reference's softmax.</summary>
    public static TuningTargets SoftLabels(TransformContext context, TuningInputs inputs)
    {
        var values = Represent(context, inputs, x => x.softmax(1));
        return new(
            (logits, batch) => nn.functional.cross_entropy(logits, values.index_select(0, batch.Index)),
            "soft labels of the reference rows"
        );
    }

    private static Tensor Represent(TransformContext context, TuningInputs inputs, Func<Tensor, Tensor> map)
    {
        var references = inputs.References ?? throw new InvalidOperationException("these targets need reference rows");
        return context.Source.ActivationsOfAll(references, context.Tap, map);
    }
}

/// <summary>Activations of many rows.</summary>
internal static class ActivationExtensions
{
    /// <summary>A value for many rows, in batches, without gradients.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">[n, input shape].</param>
    /// <param name="tap">Name of the value.</param>
    /// <param name="map">Applied to each batch.</param>
    /// <param name="batchSize">Rows at a time.</param>
    public static Tensor ActivationsOfAll(
        this OnnxClassifier model,
        Tensor rows,
        string tap,
        Func<Tensor, Tensor>? map = null,
        int batchSize = 2048
    )
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        for (long start = 0; start < rows.shape[0]; start += batchSize)
        {
            using var batch = NewDisposeScope();
            var part = model.Values(rows.narrow(0, start, Math.Min(batchSize, rows.shape[0] - start)), tap)[0];
            parts.Add((map is null ? part : map(part)).contiguous().MoveToOuterDisposeScope());
        }

        return cat(parts, 0).MoveToOuterDisposeScope();
    }
}
