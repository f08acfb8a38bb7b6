using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Evaluations;

/// <summary>A classifier on a set of rows; predictions are computed once and shared by every metric.</summary>
/// <remarks>Owns neither the classifier nor the rows.</remarks>
public sealed class Evaluation : IPredictions, IDisposable
{
    private readonly Lazy<Tensor> _logits;
    private readonly Dictionary<object, IDisposable> _kept = [];
    private LogitPredictions? _predicted;
    private int? _undefined;

    /// <summary>A classifier on rows.</summary>
    public Evaluation(Classifier model, EvaluationSet data)
        : this(model, data, null) { }

    /// <summary>The same where the logits may be had for less than a pass over all rows.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="data">The rows.</param>
    /// <param name="known">Its logits for the rows, if they are; what it returns is taken over.</param>
    internal Evaluation(Classifier model, EvaluationSet data, Func<Classifier, Tensor?>? known)
    {
        (Model, Data) = (model, data);
        _logits = new(() => (known?.Invoke(model) ?? model.LogitsOfAll(data)).DetachFromDisposeScope());
    }

    /// <summary>The classifier.</summary>
    public Classifier Model { get; }

    /// <summary>The rows.</summary>
    public EvaluationSet Data { get; }

    /// <summary>[n, classes].</summary>
    public Tensor Logits => _logits.Value;

    /// <summary>Predicted class of every row; of equal logits the lower index wins.</summary>
    public ImmutableArray<int> Predictions => Predicted.Classes;

    /// <summary>Rows that are predicted right.</summary>
    internal int Right => Predicted.Right;

    /// <summary>Probability of a class for every row.</summary>
    public double[] Scores(int favorable) => Predicted.Scores(favorable);

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames => Data.ClassNames;

    /// <inheritdoc/>
    public int Favorable => Data.Favorable;

    /// <inheritdoc/>
    public PredictedRows? Rows(string? group, int? scored = null) => Predicted.Rows(group, scored);

    private LogitPredictions Predicted => _predicted ??= new(Data, Logits);

    /// <summary>
    /// Number of rows whose logits or probabilities are not numbers: the largest of them is no prediction, so that
    /// nothing measured of these rows would mean anything.
    /// </summary>
    public int UndefinedScores
    {
        get
        {
            using var scope = NewDisposeScope();
            return _undefined ??= Data.Count == 0 ? 0 : (int)Logits.softmax(1).isnan().any(1).sum().item<long>();
        }
    }

    /// <summary>
    /// What is costly to make of this classifier on these rows and needed again, such as its adversarial examples: made
    /// at the first request for that key, disposed with this.
    /// </summary>
    public T Once<T>(object key, Func<T> make)
        where T : IDisposable
    {
        if (!_kept.TryGetValue(key, out var value))
            _kept[key] = value = make();
        return (T)value;
    }

    /// <summary>
    /// The same classifier on the rows that lack no value; this where all are such. Not the caller's.
    /// </summary>
    public Evaluation OnCompleteRows()
    {
        if (Data.IncompleteRows.IsEmpty)
            return this;
        var rows = Once(typeof(EvaluationSet), () => Data.Complete()!);
        return Once(typeof(Evaluation), () => new Evaluation(Model, rows));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in _kept.Values)
            value.Dispose();
        _kept.Clear();
        if (_logits.IsValueCreated)
            _logits.Value.Dispose();
    }
}
