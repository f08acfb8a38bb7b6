using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>A classifier on a set of rows; predictions are computed once and shared by every metric.</summary>
/// <remarks>Owns neither the classifier nor the rows.</remarks>
public sealed class Evaluation(Classifier model, EvaluationSet data) : IDisposable
{
    private readonly Lazy<Tensor> _logits = new(() => model.LogitsOfAll(data.Inputs).DetachFromDisposeScope());
    private ImmutableArray<int> _predictions;

    /// <summary>The classifier.</summary>
    public Classifier Model => model;

    /// <summary>The rows.</summary>
    public EvaluationSet Data => data;

    /// <summary>[n, classes].</summary>
    public Tensor Logits => _logits.Value;

    /// <summary>Predicted class of every row; of equal logits the lower index wins.</summary>
    public ImmutableArray<int> Predictions
    {
        get
        {
            if (_predictions.IsDefault)
            {
                using var best = Logits.argmax(1);
                _predictions = [.. best.data<long>().Select(c => (int)c)];
            }

            return _predictions;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_logits.IsValueCreated) _logits.Value.Dispose();
    }
}
