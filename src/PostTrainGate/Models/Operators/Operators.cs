using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Every operator that can be rebuilt with gradients: its name and the function that turns a node into a kernel. Names,
/// attributes and meanings are those of ONNX's operator descriptions; what a node asks for and a rebuild does not know,
/// <see cref="OnnxNode"/> refuses.
/// </summary>
internal static partial class Operators
{
    /// <summary>The operators by name.</summary>
    public static IReadOnlyDictionary<string, Func<OnnxNode, Kernel>> Table { get; } =
        new Dictionary<string, Func<OnnxNode, Kernel>>
        {
            ["Abs"] = Unary(abs),
            ["Acos"] = Unary(acos),
            ["Acosh"] = Unary(acosh),
            ["Add"] = Elementwise(Scalars.Plus),
            ["And"] = Elementwise(logical_and),
            ["ArgMax"] = Place((x, axis) => x.argmax(axis, true)),
            ["ArgMin"] = Place((x, axis) => x.argmin(axis, true)),
            ["Asin"] = Unary(asin),
            ["Asinh"] = Unary(asinh),
            ["Atan"] = Unary(atan),
            ["Atanh"] = Unary(atanh),
            ["AveragePool"] = AveragePool,
            ["BatchNormalization"] = BatchNormalization,
            ["BitShift"] = BitShift,
            ["BitwiseAnd"] = Elementwise(bitwise_and),
            ["BitwiseNot"] = Unary(bitwise_not),
            ["BitwiseOr"] = Elementwise(bitwise_or),
            ["BitwiseXor"] = Elementwise(bitwise_xor),
            ["Cast"] = Cast,
            ["CastLike"] = CastLike,
            ["Ceil"] = Unary(ceil),
            ["Celu"] = Celu,
            ["Clip"] = Clip,
            ["Compress"] = Compress,
            ["Concat"] = Concat,
            ["Constant"] = Constant,
            ["ConstantOfShape"] = ConstantOfShape,
            ["Conv"] = Conv,
            ["ConvTranspose"] = ConvTranspose,
            ["Cos"] = Unary(cos),
            ["Cosh"] = Unary(cosh),
            ["CumSum"] = CumSum,
            ["DepthToSpace"] = DepthToSpace,
            ["Det"] = Unary(linalg.det),
            ["Div"] = Elementwise(Divide),
            ["Dropout"] = Dropout,
            ["Einsum"] = Einsum,
            ["Elu"] = Exponential(1, 1),
            ["Equal"] = Elementwise(eq),
            ["Erf"] = Unary(erf),
            ["Exp"] = Unary(exp),
            ["Expand"] = Expand,
            ["EyeLike"] = EyeLike,
            ["Flatten"] = Flatten,
            ["Floor"] = Unary(floor),
            ["GRU"] = Gru,
            ["Gather"] = Gather,
            ["GatherElements"] = GatherElements,
            ["GatherND"] = GatherND,
            ["Gelu"] = Gelu,
            ["Gemm"] = Gemm,
            ["GlobalAveragePool"] = Unary(x => x.mean(SpatialAxes(x), keepdim: true)),
            ["GlobalLpPool"] = GlobalLpPool,
            ["GlobalMaxPool"] = Unary(x => x.amax(SpatialAxes(x), keepdim: true)),
            ["Greater"] = Elementwise(gt),
            ["GreaterOrEqual"] = Elementwise(ge),
            ["GridSample"] = GridSample,
            ["GroupNormalization"] = GroupNormalization,
            ["HardSigmoid"] = HardSigmoid,
            ["HardSwish"] = Unary(x => x * x.div(Scalars.Get(6)).Plus(0.5).clamp(Scalars.Get(0), Scalars.Get(1))),
            ["Hardmax"] = node => OverClasses(node, Hardmax),
            ["Identity"] = Unary(x => x),
            ["InstanceNormalization"] = InstanceNormalization,
            ["IsInf"] = IsInf,
            ["IsNaN"] = Unary(isnan),
            ["LRN"] = Lrn,
            ["LSTM"] = Lstm,
            ["LayerNormalization"] = LayerNormalization,
            ["LeakyRelu"] = LeakyRelu,
            ["Less"] = Elementwise(lt),
            ["LessOrEqual"] = Elementwise(le),
            ["Log"] = Unary(log),
            ["LogSoftmax"] = node => OverClasses(node, (x, axis) => x.log_softmax(axis)),
            ["LpNormalization"] = LpNormalization,
            ["LpPool"] = LpPool,
            ["MatMul"] = MatMul,
            ["Max"] = Variadic(maximum),
            ["MaxPool"] = MaxPool,
            ["Mean"] = Variadic(Scalars.Plus, (sum, count) => sum.div(Scalars.Get(count))),
            ["MeanVarianceNormalization"] = MeanVarianceNormalization,
            ["Min"] = Variadic(minimum),
            ["Mish"] = Unary(x => x * nn.functional.softplus(x).tanh()),
            ["Mod"] = Mod,
            ["Mul"] = Elementwise(mul),
            ["Neg"] = Unary(neg),
            ["NonZero"] = Unary(x => x.nonzero().t()),
            ["Not"] = Unary(logical_not),
            ["OneHot"] = OneHot,
            ["Or"] = Elementwise(logical_or),
            ["PRelu"] = PRelu,
            ["Pad"] = Pad,
            ["Pow"] = Elementwise((x, y) => pow(x, y).to_type(x.dtype)),
            ["RMSNormalization"] = RmsNormalization,
            ["RNN"] = Rnn,
            ["Range"] = Range,
            ["Reciprocal"] = Unary(reciprocal),
            ["ReduceL1"] = Reduce((x, axes, keep) => x.abs().sum(axes, keep, x.dtype)),
            ["ReduceL2"] = Reduce((x, axes, keep) => InFloats(x, y => Root(y.Squared().sum(axes, keep), 2))),
            ["ReduceLogSum"] = Reduce((x, axes, keep) => InFloats(x, y => y.sum(axes, keep).log())),
            ["ReduceLogSumExp"] = Reduce((x, axes, keep) => InFloats(x, y => LogSumExp(y, axes, keep))),
            ["ReduceMax"] = Reduce((x, axes, keep) => x.amax(axes, keep)),
            ["ReduceMean"] = Reduce((x, axes, keep) => InFloats(x, y => y.mean(axes, keep))),
            ["ReduceMin"] = Reduce((x, axes, keep) => x.amin(axes, keep)),
            ["ReduceProd"] = Reduce(Product),
            ["ReduceSum"] = Reduce((x, axes, keep) => x.sum(axes, keep, x.dtype)),
            ["ReduceSumSquare"] = Reduce((x, axes, keep) => x.Squared().sum(axes, keep, x.dtype)),
            ["Relu"] = Unary(x => x.relu()),
            ["Reshape"] = Reshape,
            ["Resize"] = Resize,
            ["ReverseSequence"] = ReverseSequence,
            ["Round"] = Unary(x => x.round()),
            ["Scatter"] = ScatterElements,
            ["ScatterElements"] = ScatterElements,
            ["ScatterND"] = ScatterND,
            ["Selu"] = Exponential(1.67326319f, 1.05070102f),
            ["Shape"] = Shape,
            ["Shrink"] = Shrink,
            ["Sigmoid"] = Unary(sigmoid),
            ["Sign"] = Unary(sign),
            ["Sin"] = Unary(sin),
            ["Sinh"] = Unary(sinh),
            ["Size"] = Unary(x => tensor(x.numel()).On(x)),
            ["Slice"] = Slice,
            ["Softmax"] = node => OverClasses(node, (x, axis) => x.softmax(axis)),
            ["Softplus"] = Unary(x => nn.functional.softplus(x)),
            ["Softsign"] = Unary(x => x / x.abs().Plus(1)),
            ["SpaceToDepth"] = SpaceToDepth,
            ["Split"] = Split,
            ["Sqrt"] = Unary(sqrt),
            ["Squeeze"] = Squeeze,
            ["Sub"] = Elementwise(sub),
            ["Sum"] = Variadic(Scalars.Plus),
            ["Swish"] = Swish,
            ["Tan"] = Unary(tan),
            ["Tanh"] = Unary(tanh),
            ["ThresholdedRelu"] = ThresholdedRelu,
            ["Tile"] = Tile,
            ["TopK"] = TopK,
            ["Transpose"] = Transpose,
            ["Trilu"] = Trilu,
            ["Unsqueeze"] = Unsqueeze,
            ["Upsample"] = Upsample,
            ["Where"] = Where,
            ["Xor"] = Elementwise(logical_xor),
        };

    /// <summary>
    /// Names of all operators that can be rebuilt; those with graphs of their own are the compiler's.
    /// </summary>
    public static IReadOnlySet<string> Names { get; } = Table.Keys.Concat(["If", "Loop"]).ToHashSet();

    private static Func<OnnxNode, Kernel> Unary(Func<Tensor, Tensor> function) =>
        node =>
        {
            var x = node.Input(0);
            return v => function(v[x]);
        };

    // Broadcasts as NumPy does.
    private static Func<OnnxNode, Kernel> Elementwise(Func<Tensor, Tensor, Tensor> function) =>
        node =>
        {
            var (a, b) = (node.Input(0), node.Input(1));
            return v =>
            {
                node.Fit(v, Broadcast(v[a].shape, v[b].shape));
                return function(v[a], v[b]);
            };
        };

    private static bool Broadcasts(long[] a, long[] b) =>
        a.Reverse().Zip(b.Reverse()).All(p => p.First == p.Second || p.First == 1 || p.Second == 1);

    private static long[] Broadcast(long[] a, long[] b)
    {
        if (a.Length < b.Length)
            (a, b) = (b, a);
        var shape = (long[])a.Clone();
        for (var i = 1; i <= b.Length; i++)
            shape[^i] = shape[^i] == 1 ? b[^i] : shape[^i];
        return shape;
    }
}
