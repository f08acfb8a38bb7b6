using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// What the last layer of a model reads, for all rows of a set, computed once. Models that differ from it in the last
/// layer alone are tuned and judged from there, without a pass through what stands before.
/// </summary>
internal sealed class FeatureSet : IDisposable
{
    // Of a row and a pass; below, a step costs more than the layers it leaves out.
    private const double FewestMultiplications = 1e6;

    private readonly OnnxClassifier _source;
    private readonly EvaluationSet _rows;
    private readonly string _value;
    private EvaluationSet? _features;

    private FeatureSet(OnnxClassifier source, EvaluationSet rows, string value) =>
        (_source, _rows, _value) = (source, rows, value);

    /// <summary>The features of a model; null where it is small, or where no single value carries them.</summary>
    /// <param name="source">The model. It has to outlive this, and must not change.</param>
    /// <param name="rows">The rows, of which the same holds.</param>
    public static FeatureSet? Of(OnnxClassifier source, EvaluationSet rows) =>
        Value(source, rows) is { } value ? new(source, rows, value) : null;

    /// <summary>The rows with what the last layer reads as their inputs.</summary>
    public EvaluationSet Rows => _features ??= _rows.WithInputs(_source.ActivationsOfAll(_rows.Inputs, _value));

    /// <summary>Whether a model differs from the source in its last layer at most.</summary>
    public bool Fits(OnnxClassifier model)
    {
        if (!model.HasGraphOf(_source))
            return false;
        using var _ = no_grad();
        var head = _source.Layers[^1];
        return ReferenceEquals(model, _source)
            || _source.Parameters.All(p =>
                p.Key == head.Weight || p.Key == head.Bias || Same(model.Parameters[p.Key], p.Value)
            );
    }

    /// <summary>The last layer of a model that fits, and what follows it, over the same weights.</summary>
    public OnnxClassifier Head(OnnxClassifier model) => model.Behind(_value, Rows.Inputs.shape.AsSpan()[1..])!;

    /// <summary>Logits of all rows, or null where the model does not fit; the caller disposes them.</summary>
    public Tensor? LogitsOf(Classifier model)
    {
        if (model is not OnnxClassifier rebuilt || !Fits(rebuilt))
            return null;
        using var head = Head(rebuilt);
        return head.LogitsOfAll(Rows.Inputs);
    }

    /// <summary>Tunes the last layer alone.</summary>
    /// <param name="run">A run whose source, and start, fit.</param>
    /// <param name="tune">Tunes a classifier of features.</param>
    /// <returns>What came of it, as a whole model.</returns>
    public RepairCandidate Tune(TransformRun run, Func<TransformRun, RepairCandidate> tune)
    {
        using var source = Head(run.Source);
        using var start = run.Start is { } from ? Head(from) : null;
        var instead = run with { Source = source, Data = Rows, Start = start };
        return StandIn.Tune(run, instead, head => With(run.Source, head), tune);
    }

    /// <inheritdoc/>
    public void Dispose() => _features?.Dispose();

    private static bool Same(Tensor a, Tensor b)
    {
        using var same = a.eq(b).all();
        return same.item<bool>();
    }

    private static OnnxClassifier With(OnnxClassifier source, OnnxClassifier head)
    {
        using var _ = no_grad();
        var model = source.Clone();
        foreach (var (name, value) in head.Parameters)
            model.Parameters[name].copy_(value);
        return model;
    }

    // Features that take more memory than the rows would be no gain.
    private static string? Value(OnnxClassifier source, EvaluationSet rows)
    {
        if (rows.Count == 0 || source.InputOfLastLayer is not { } value)
            return null;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var row = rows.Inputs.narrow(0, 0, 1);
        if (TuningCost.Measure(source, row).Multiplications < FewestMultiplications)
            return null;
        var features = source.Values(row, value)[0];
        if (features.dim() < 2 || features.size(0) != 1 || features.numel() > row.numel())
            return null;
        using var head = source.Behind(value, features.shape.AsSpan()[1..]);
        return head is null ? null : value;
    }
}
