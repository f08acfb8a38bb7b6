using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Cross-entropy of the worst logits that interval bounds allow (IBP training, Gowal et al. 2018), mixed
/// with that of the clean ones. Epsilon grows to the gate's, the share of the clean loss falls to a half.
/// </summary>
/// <remarks>
/// The figure is certified by intervals as well. A gate that certifies by CROWN certifies those rows and maybe more.
/// </remarks>
internal sealed class CertificateSurrogate(SurrogateContext context) : LabelSurrogate(context)
{
    private const double GrownAt = 0.6; // of the repair
    private const double LastClean = 0.5;
    private readonly int _seed = context.Seed;

    private readonly CertificateSettings _settings = new(
        context.Rule.Get(AttackKeys.Norm),
        context.Rule.Get(AttackKeys.Epsilon),
        BoundMethod.Ibp
    );

    /// <inheritdoc/>
    public override double Passes => 4 * ForwardAndBack; // middle and radius, and more backward

    /// <inheritdoc/>
    protected override Tensor Compute(SurrogateBatch batch)
    {
        var (clean, grown) = (base.Compute(batch), Math.Clamp(batch.Progress / GrownAt, 0, 1));
        if (grown == 0)
            return clean;
        var share = 1 - (1 - LastClean) * grown;
        var input = batch.Model.Input;
        using var graph = Graph(batch.Model, trains: true);
        var budget = new Budget(_settings.Norm, grown * _settings.Epsilon, input.Lower, input.Upper);
        using var bounds = new Bounds(graph, batch.Inputs, budget, refine: false, trains: true);
        var margins = bounds.Margins(batch.Labels, backward: false);
        // ln(1 + sum_j exp(-margin_j)): the cross-entropy of the label's least logit and the others' largest.
        var worst = cat([zeros([margins.shape[0], 1], dtype: margins.dtype), margins.neg()], 1).logsumexp(1).mean();
        return clean.mul(Scalars.Get(share)).Plus(worst.mul(Scalars.Get(1 - share)));
    }

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        using var graph = Graph(batch.Model, trains: false);
        var found = Certifier.Run(graph, batch.Model, batch.Inputs, batch.Labels, _settings, _seed);
        return found.Certified.Count(c => c) / (double)found.Certified.Length;
    }

    // Constants are copied from the weights as they stand.
    private BoundGraph Graph(OnnxClassifier model, bool trains) =>
        BoundGraph.TryBuild(model, Data.InputShape, out var reason, trains)
        ?? throw new InvalidOperationException($"{model.Name} has bounds no longer: {reason}");
}
