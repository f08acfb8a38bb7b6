using PostTrainGate.Attacks;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Cross-entropy of the true class on inputs that are changed as the metric changes them; the figure is the share of
/// rows predicted right.
/// </summary>
internal class LabelSurrogate(SurrogateContext context) : Surrogate(context)
{
    /// <inheritdoc/>
    public override double Passes => 0;

    /// <inheritdoc/>
    protected override Tensor Compute(SurrogateBatch batch) =>
        nn.functional.cross_entropy(LogitsOf(batch), batch.Labels);

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch) => 1 - Errs(batch.Logits, batch.Labels);

    /// <summary>[batch, classes], of the changed inputs, with gradients.</summary>
    protected virtual Tensor LogitsOf(SurrogateBatch batch) => batch.Logits;

    /// <summary>Share of rows that are predicted wrong.</summary>
    protected static double Errs(Tensor logits, Tensor labels) =>
        AttackHarness.Errs(logits, labels).to(float64).mean().item<double>();
}
