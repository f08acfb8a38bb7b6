using System.Collections.Immutable;
using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Evaluations;

/// <summary>What the logits of rows come to, whoever made them.</summary>
/// <param name="data">The rows.</param>
/// <param name="logits">[n, classes]; not owned.</param>
internal sealed class LogitPredictions(EvaluationSet data, Tensor logits) : IPredictions
{
    /// <summary>Predicted class of every row; of equal logits the lower index wins.</summary>
    public ImmutableArray<int> Classes { get; } = Best(logits);

    /// <inheritdoc/>
    public ImmutableArray<string> ClassNames => data.ClassNames;

    /// <inheritdoc/>
    public int Favorable => data.Favorable;

    /// <summary>Rows that are predicted right.</summary>
    public int Right => Classes.Zip(data.LabelValues).Count(p => p.First == p.Second);

    /// <summary>Probability of a class for every row.</summary>
    public double[] Scores(int favorable)
    {
        using var scope = NewDisposeScope();
        return logits.to(float64).softmax(1).select(1, favorable).contiguous().data<double>().ToArray();
    }

    /// <inheritdoc/>
    public PredictedRows? Rows(string? group, int? scored = null)
    {
        GroupColumn? levels = null;
        if (group is not null && !data.Groups.TryGetValue(group, out levels))
            return null;
        return new(data.LabelValues, Classes, levels) { Scores = scored is { } of ? Scores(of) : null };
    }

    private static ImmutableArray<int> Best(Tensor logits)
    {
        using var best = logits.argmax(1);
        return [.. best.data<long>().Select(c => (int)c)];
    }
}
