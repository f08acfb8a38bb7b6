using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>
/// Every operator that a bound is known of: its name, and what can be said of it; null where it is used in another way.
/// </summary>
internal static class Relaxations
{
    private static readonly Func<BoundedStep, Relaxation?> Moves = AffineSteps.First(mixes: false);
    private static readonly Func<BoundedStep, Relaxation?> Mixes = AffineSteps.First(mixes: true);

    /// <summary>The operators by name.</summary>
    public static IReadOnlyDictionary<string, Func<BoundedStep, Relaxation?>> Table { get; } =
        new Dictionary<string, Func<BoundedStep, Relaxation?>>
        {
            ["Abs"] = _ => ElementwiseSteps.Kinked(l => ones_like(l).neg()),
            ["Add"] = AffineSteps.Sum,
            ["Atan"] = _ => ElementwiseSteps.SShaped(atan, x => x.Squared().Plus(1).reciprocal()),
            ["AveragePool"] = Mixes,
            ["BatchNormalization"] = Moves,
            ["Cast"] = step =>
                step.Node.TypeOf(step.Node.Int("to")) is ScalarType.Float32 or ScalarType.Float64
                    ? AffineSteps.Same(step)
                    : null,
            ["Clip"] = Clip,
            ["Concat"] = AffineSteps.Sum,
            ["Conv"] = AffineSteps.WeightedSum,
            ["ConvTranspose"] = Mixes,
            ["DepthToSpace"] = Moves,
            ["Div"] = Moves,
            ["Dropout"] = Moves,
            ["Elu"] = Elu,
            ["Erf"] = _ =>
                ElementwiseSteps.SShaped(erf, x => x.Squared().neg().exp().mul(Scalars.Get(2 / Math.Sqrt(Math.PI)))),
            ["Exp"] = _ => ElementwiseSteps.Convex(exp, exp),
            ["Expand"] = Mixes,
            ["Flatten"] = Moves,
            ["Gather"] = Mixes,
            ["Gemm"] = AffineSteps.WeightedSum,
            ["GlobalAveragePool"] = Mixes,
            ["GlobalMaxPool"] = CoupledSteps.GlobalMaxPool,
            ["HardSigmoid"] = HardSigmoid,
            ["Identity"] = Moves,
            ["LeakyRelu"] = step =>
                ElementwiseSteps.Kinked(l => full_like(l, Scalars.Get(step.Node.Float("alpha", 0.01f)))),
            ["MatMul"] = AffineSteps.WeightedSum,
            ["Max"] = CoupledSteps.Max,
            ["MaxPool"] = CoupledSteps.MaxPool,
            ["Mean"] = AffineSteps.Sum,
            ["Mul"] = CoupledSteps.Product,
            ["Neg"] = Moves,
            ["PRelu"] = step =>
                step.IsBounded(1) ? null : ElementwiseSteps.Kinked(l => ones_like(l) * step.Constant(1)),
            ["Pad"] = Mixes,
            ["ReduceMean"] = Mixes,
            ["ReduceSum"] = Mixes,
            ["Relu"] = _ => ElementwiseSteps.Relu(),
            ["Reshape"] = Moves,
            ["Sigmoid"] = _ => ElementwiseSteps.SShaped(sigmoid, x => x.sigmoid() * x.neg().sigmoid()),
            ["Slice"] = Moves,
            ["Softplus"] = _ => ElementwiseSteps.Convex(x => nn.functional.softplus(x), sigmoid),
            ["Softsign"] = _ =>
                ElementwiseSteps.SShaped(x => x / x.abs().Plus(1), x => x.abs().Plus(1).Squared().reciprocal()),
            ["SpaceToDepth"] = Moves,
            ["Split"] = Moves,
            ["Squeeze"] = Moves,
            ["Sub"] = AffineSteps.Sum,
            ["Sum"] = AffineSteps.Sum,
            ["Tanh"] = _ => ElementwiseSteps.SShaped(tanh, x => ones_like(x) - x.tanh().Squared()),
            ["Tile"] = Mixes,
            ["Transpose"] = Moves,
            ["Unsqueeze"] = Moves,
        };

    // Bounds are attributes before operator set 11 and optional inputs since.
    private static Relaxation? Clip(BoundedStep step)
    {
        if (step.Bounded.Length > 1)
            return null;
        var node = step.Node;
        var old = node.Opset < 11;
        var low =
            old ? node.Float("min", float.NegativeInfinity)
            : node.Optional(1) < 0 ? double.NegativeInfinity
            : Number(1);
        var high =
            old ? node.Float("max", float.PositiveInfinity)
            : node.Optional(2) < 0 ? double.PositiveInfinity
            : Number(2);
        return low <= high ? ElementwiseSteps.Clipped(low, high) : null;

        double Number(int input)
        {
            using var wide = step.Constant(input).to(float64);
            return wide.item<double>();
        }
    }

    private static Relaxation? HardSigmoid(BoundedStep step)
    {
        var (alpha, beta) = (step.Node.Float("alpha", 0.2f), step.Node.Float("beta", 0.5f));
        return alpha > 0 ? ElementwiseSteps.Clipped(0, 1, alpha, beta) : null;
    }

    // Convex where the slope below 0 is nowhere larger than 1.
    private static Relaxation? Elu(BoundedStep step)
    {
        var alpha = Scalars.Get(step.Node.Float("alpha", 1));
        return step.Node.Float("alpha", 1) is < 0 or > 1
            ? null
            : ElementwiseSteps.Convex(
                x => x.relu().Plus(x.clamp_max(Scalars.Get(0)).expm1().mul(alpha)),
                x => where(x.gt(Scalars.Get(0)), ones_like(x), x.exp().mul(alpha))
            );
    }
}
