using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Carlini and Wagner's attack in L2 (2017): Adam on the size of the perturbation and a margin. Of their three ways to
/// stay within the bounds it takes the projection: through an arc tangent, as most tools have it, a value at a bound
/// hardly moves, and the black background of an image stays black. Steps become smaller, so that the last ones settle
/// on the boundary.
/// </summary>
public sealed class CarliniWagner : MarginDescent
{
    // The first rate in units of a value's share of the way to the linearized boundary, at most of the bounds' width;
    // the last of the first.
    private const double FirstRate = 2,
        MostOfWidth = 0.1,
        LastRate = 0.1;

    private CarliniWagner()
        : base(
            "cw",
            "Carlini and Wagner's L2 attack: 100 Adam steps on a margin loss whose weight adapts at every step "
                + "(2017); minimal norm.",
            steps: 100,
            Norm.L2
        ) { }

    /// <summary>The attack.</summary>
    public static CarliniWagner Instance { get; } = new();

    /// <inheritdoc/>
    public override string Title => "C&W";

    private protected override Descent Begin(AttackContext context, ActiveBatch rows, Tensor reach) =>
        new Adam(context, rows, reach);

    private sealed class Adam(AttackContext context, ActiveBatch rows, Tensor reach) : Descent
    {
        private const double Beta1 = 0.9,
            Beta2 = 0.999,
            Tiny = 1e-8;

        private readonly ActiveBatch.Kept _x = rows.Keep(rows.Clean.Value);
        private readonly ActiveBatch.Kept _mean = rows.Keep(zeros_like(rows.Clean.Value)),
            _square = rows.Keep(zeros_like(rows.Clean.Value));

        private readonly ActiveBatch.Kept _rate = rows.Keep(
            (reach * Scalars.Get(FirstRate / Math.Sqrt(rows.Clean.Value[0].numel()))).clamp_max(
                Scalars.Get(MostOfWidth * (context.Budget.Upper - context.Budget.Lower))
            )
        );

        public override Tensor X => _x.Value.alias();

        public override void Step(int step, double done, Tensor gradient)
        {
            using var scope = NewDisposeScope();
            _mean.Value = (_mean.Value * Scalars.Get(Beta1)).Plus(gradient * Scalars.Get(1 - Beta1));
            _square.Value = (_square.Value * Scalars.Get(Beta2)).Plus(gradient.Squared() * Scalars.Get(1 - Beta2));
            var mean = _mean.Value / Scalars.Get(1 - Math.Pow(Beta1, step + 1));
            var deviation = (_square.Value / Scalars.Get(1 - Math.Pow(Beta2, step + 1))).sqrt().Plus(Tiny);
            var rate = ActiveBatch.PerRow(_rate.Value, gradient) * Scalars.Get(Math.Pow(LastRate, done));
            _x.Value = context.Budget.Clip(rows.Clean.Value, _x.Value - mean / deviation * rate);
        }

        public override void Dispose()
        {
            foreach (var kept in new[] { _x, _mean, _square, _rate })
                kept.Dispose();
        }
    }
}
