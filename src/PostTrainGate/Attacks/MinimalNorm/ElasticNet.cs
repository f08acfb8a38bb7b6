using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Elastic-net attack (Chen et al. 2018): Carlini and Wagner's objective with an L1 term, minimized by accelerated
/// shrinkage, so that few values change.
/// </summary>
public sealed class ElasticNet : MarginDescent
{
    private const double LearningRate = 0.01,
        Shrinkage = 0.01;

    private ElasticNet()
        : base(
            "ead",
            "Elastic-net attack in L1: shrinkage on a margin loss with L2 and L1 terms, "
                + "which changes few values (Chen et al. 2018); minimal norm.",
            steps: 200,
            Norm.L1
        ) { }

    /// <summary>The attack.</summary>
    public static ElasticNet Instance { get; } = new();

    private protected override Descent Begin(AttackContext context, ActiveBatch rows, Tensor reach) =>
        new Shrinking(context, rows);

    private sealed class Shrinking(AttackContext context, ActiveBatch rows) : Descent
    {
        private readonly ActiveBatch.Kept _x = rows.Keep(rows.Clean.Value),
            _momentum = rows.Keep(rows.Clean.Value);

        // The point with momentum, where the gradient is taken, may leave the bounds a little.
        public override Tensor X => Bounded(_momentum.Value);

        public override void Step(int step, double done, Tensor gradient)
        {
            using var scope = NewDisposeScope();
            var rate = LearningRate * Math.Sqrt(1 - done);
            var change = X - gradient * Scalars.Get(rate) - rows.Clean.Value;
            var shrunk = change.sign() * (change.abs() - Scalars.Get(Shrinkage)).clamp_min(Scalars.Get(0));
            var next = Bounded(rows.Clean.Value.Plus(shrunk));
            _momentum.Value = next.Plus((next - _x.Value) * Scalars.Get(step / (step + 3.0)));
            _x.Value = next;
        }

        public override void Dispose()
        {
            _x.Dispose();
            _momentum.Dispose();
        }

        private Tensor Bounded(Tensor x) => context.Budget.Clip(rows.Clean.Value, x);
    }
}
