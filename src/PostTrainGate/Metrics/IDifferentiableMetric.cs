using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// A metric that gradients can improve: it has a differentiable surrogate. A property that has one can be repaired.
/// </summary>
public interface IDifferentiableMetric : IMetric
{
    /// <summary>The surrogate of a gate on the rows that a repair learns from; the caller disposes it.</summary>
    /// <param name="context">Model, rows and gate.</param>
    /// <param name="whyNot">Why there is none for these rows, in one line; null where there is one.</param>
    ISurrogate? Surrogate(SurrogateContext context, out string? whyNot);
}

/// <summary>What a surrogate is made for.</summary>
/// <param name="Source">The model before the repair; not to be changed.</param>
/// <param name="Data">Rows to learn from.</param>
/// <param name="Rule">The gate. Its thresholds are the target.</param>
/// <param name="Seed">Seed of everything random in it.</param>
public sealed record SurrogateContext(OnnxClassifier Source, EvaluationSet Data, GateRule Rule, int Seed);

/// <summary>
/// Stands in for a metric while weights are tuned: its loss has gradients, its violation is counted on predictions as
/// the metric counts them (the two constraints of a proxy-Lagrangian; Cotter et al., JMLR 2019).
/// </summary>
public interface ISurrogate : IDisposable
{
    /// <summary>What a step costs beside the pass over clean inputs, in forward passes of a batch.</summary>
    double Passes { get; }

    /// <summary>
    /// Whether it needs more of a batch than its logits, its labels and where its rows stand: the inputs, or the model.
    /// </summary>
    bool ReadsInputs => true;

    /// <summary>Scalar, at least 0, with gradients: the lower, the nearer the gate is to being met.</summary>
    Tensor Loss(SurrogateBatch batch);

    /// <summary>
    /// By how much the figure of the batch misses the gate's threshold, in the metric's own unit; negative where it is
    /// met. Called without gradients.
    /// </summary>
    double Violation(SurrogateBatch batch);
}

/// <summary>Rows of one step, with what several surrogates share.</summary>
/// <param name="Model">The model as it stands.</param>
/// <param name="Index">[batch], int64: positions in the rows of <see cref="SurrogateContext.Data"/>.</param>
/// <param name="Inputs">[batch, input shape].</param>
/// <param name="Labels">[batch], int64.</param>
/// <param name="Logits">[batch, classes]: what the model gives for <paramref name="Inputs"/>.</param>
public sealed record SurrogateBatch(OnnxClassifier Model, Tensor Index, Tensor Inputs, Tensor Labels, Tensor Logits)
{
    /// <summary>
    /// Of the soft predictions: the difference of logits at which a prediction counts by 73 %. Falls during a repair,
    /// so that the surrogate sharpens toward the metric.
    /// </summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Share of the repair that is done, in [0,1], for what grows step by step.</summary>
    public double Progress { get; init; } = 1;
}
