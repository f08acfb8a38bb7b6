using static TorchSharp.torch;

namespace PostTrainGate.Attacks;

/// <summary>
/// Carlini and Wagner's attack in L2 (2017): Adam on the arc tangent of the input, so that every point is within the bounds.
/// </summary>
public sealed class CarliniWagner : ConstantSearch
{
    private const double LearningRate = 0.01, Inside = 0.999999;

    private CarliniWagner() : base("cw",
        "Carlini and Wagner's L2 attack: Adam on a margin with 5 searches of its weight, 100 steps each (Carlini and Wagner 2017); minimal norm.",
        searches: 5, steps: 100, first: 1, Norm.L2) { }

    /// <summary>The attack.</summary>
    public static CarliniWagner Instance { get; } = new();

    private protected override Minimiser Begin(AttackContext context, RowSet rows, int steps) => new InTangents(context, rows);

    private sealed class InTangents : Minimiser
    {
        private const double Beta1 = 0.9, Beta2 = 0.999, Tiny = 1e-8;

        private readonly RowSet.Kept _origin, _w, _mean, _square, _tanh;
        private readonly double _half, _middle;

        public InTangents(AttackContext context, RowSet rows)
        {
            using var scope = NewDisposeScope();
            var (lower, upper) = (context.Budget.Lower, context.Budget.Upper);
            (_half, _middle) = ((upper - lower) / 2, (upper + lower) / 2);
            var unit = (rows.Clean.Value - Scalars.Of(_middle)) / Scalars.Of(_half);
            _w = rows.Keep((unit.clamp(Scalars.Of(-1), Scalars.Of(1)) * Scalars.Of(Inside)).atanh());
            _tanh = rows.Keep(_w.Value.tanh());
            _origin = rows.Keep(X);
            _mean = rows.Keep(zeros_like(unit));
            _square = rows.Keep(zeros_like(unit));
        }

        public override Tensor X => (_tanh.Value * Scalars.Of(_half)).Plus(_middle);

        public override (Tensor Value, Tensor Gradient) Size
        {
            get
            {
                var change = X - _origin.Value;
                return (change.square().flatten(1).sum(1), change * Scalars.Of(2));
            }
        }

        public override void Step(int step, Tensor gradient)
        {
            using var scope = NewDisposeScope();
            var g = gradient * _tanh.Value.square().neg().Plus(1) * Scalars.Of(_half);
            _mean.Value = (_mean.Value * Scalars.Of(Beta1)).Plus(g * Scalars.Of(1 - Beta1));
            _square.Value = (_square.Value * Scalars.Of(Beta2)).Plus(g.square() * Scalars.Of(1 - Beta2));
            var mean = _mean.Value / Scalars.Of(1 - Math.Pow(Beta1, step + 1));
            var deviation = (_square.Value / Scalars.Of(1 - Math.Pow(Beta2, step + 1))).sqrt().Plus(Tiny);
            _w.Value = _w.Value - mean / deviation * Scalars.Of(LearningRate);
            _tanh.Value = _w.Value.tanh();
        }

        public override void Dispose()
        {
            foreach (var kept in new[] { _origin, _w, _mean, _square, _tanh }) kept.Dispose();
        }
    }
}
