using MathNet.Numerics.Distributions;
using PostTrainGate.Attacks;
using PostTrainGate.Certification;
using PostTrainGate.Foundation;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Cross-entropy under the gate's Gaussian noise (Cohen et al. 2019) and the divergence of two noisy copies of each row
/// (Jeong and Shin 2020). The figure certifies rows from fewer draws than the gate does.
/// </summary>
internal sealed class SmoothingSurrogate : LabelSurrogate
{
    private const int Draws = 64;

    private readonly double _sigma,
        _epsilon;
    private readonly int _draws;
    private readonly ulong _seed;
    private readonly Generator _random;

    public SmoothingSurrogate(SurrogateContext context)
        : base(context)
    {
        var rule = context.Rule;
        (_sigma, _epsilon) = (rule.Get(SmoothedAccuracy.Sigma), rule.Get(AttackKeys.Epsilon));
        _draws = rule.Get(SmoothedAccuracy.Draws);
        _seed = (ulong)Seeds.Derive(context.Seed, "surrogate smoothing");
        _random = new(_seed, CPU);
    }

    /// <inheritdoc/>
    public override double Passes => 2 * ForwardAndBack;

    /// <inheritdoc/>
    public override void Dispose() => _random.Dispose();

    /// <inheritdoc/>
    protected override Tensor Compute(SurrogateBatch batch)
    {
        var (rows, both) = (batch.Inputs.shape[0], cat([batch.Inputs, batch.Inputs], 0));
        var logits = batch.Model.Logits(Noisy(both, _random));
        return nn
            .functional.cross_entropy(logits, cat([batch.Labels, batch.Labels], 0))
            .Plus(Divergence(logits.narrow(0, 0, rows), logits.narrow(0, rows, rows), 1));
    }

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        using var random = new Generator(_seed, CPU);
        var counts = zeros(batch.Logits.shape, dtype: int64);
        for (var draw = 0; draw < Draws; draw++)
        {
            using var step = NewDisposeScope();
            var predicted = batch.Model.LogitsOfAll(Noisy(batch.Inputs, random)).argmax(1, keepdim: true);
            counts.scatter_add_(1, predicted, ones_like(predicted));
        }

        // The share of hits is taken for that of as many draws as the gate makes.
        var (hits, chosen) = (counts.amax([1]).data<long>().ToArray(), Classes(counts));
        var labels = batch.Labels.data<long>().ToArray();
        return Enumerable.Range(0, hits.Length).Count(i => chosen[i] == labels[i] && Radius(hits[i]) >= _epsilon)
            / (double)hits.Length;
    }

    private Tensor Noisy(Tensor x, Generator random) =>
        x.Plus(randn(x.shape, generator: random).mul(Scalars.Get(_sigma)));

    private double Radius(long hits) =>
        Smoothing.Lower((long)Math.Round((double)hits / Draws * _draws), _draws) is > 0.5 and var p
            ? _sigma * Normal.InvCDF(0, 1, p)
            : 0;
}
