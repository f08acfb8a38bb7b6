using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Every operator that can be rebuilt with gradients: its name and the function that turns a node into a kernel. Names, attributes and
/// meanings are those of ONNX's operator descriptions; what a node asks for and a rebuild does not know, <see cref="OnnxNode"/> refuses.
/// </summary>
internal static partial class Operators
{
    /// <summary>The operators by name.</summary>
    public static IReadOnlyDictionary<string, Func<OnnxNode, Kernel>> Table { get; } = new Dictionary<string, Func<OnnxNode, Kernel>>
    {
        ["Abs"] = Unary(abs),
        ["Add"] = Elementwise(add),
        ["AveragePool"] = AveragePool,
        ["BatchNormalization"] = BatchNormalization,
        ["Cast"] = Cast,
        ["Clip"] = Clip,
        ["Concat"] = Concat,
        ["Constant"] = Constant,
        ["Conv"] = Conv,
        ["Div"] = Elementwise(Divide),
        ["Dropout"] = Dropout,
        ["Elu"] = Exponential(1, 1),
        ["Erf"] = Unary(erf),
        ["Exp"] = Unary(exp),
        ["Expand"] = Expand,
        ["Flatten"] = Flatten,
        ["Gather"] = Gather,
        ["Gelu"] = Gelu,
        ["Gemm"] = Gemm,
        ["GlobalAveragePool"] = Unary(x => x.mean(SpatialAxes(x), keepdim: true)),
        ["GlobalMaxPool"] = Unary(x => x.amax(SpatialAxes(x), keepdim: true)),
        ["HardSigmoid"] = HardSigmoid,
        ["HardSwish"] = Unary(x => x * x.div(Scalars.Of(6)).add(Scalars.Of(0.5)).clamp(Scalars.Of(0), Scalars.Of(1))),
        ["Identity"] = Unary(x => x),
        ["LayerNormalization"] = LayerNormalization,
        ["LeakyRelu"] = LeakyRelu,
        ["Log"] = Unary(log),
        ["LogSoftmax"] = node => OverClasses(node, (x, axis) => x.log_softmax(axis)),
        ["MatMul"] = MatMul,
        ["Max"] = Variadic(maximum),
        ["MaxPool"] = MaxPool,
        ["Min"] = Variadic(minimum),
        ["Mish"] = Unary(x => x * nn.functional.softplus(x).tanh()),
        ["Mul"] = Elementwise(mul),
        ["Neg"] = Unary(neg),
        ["PRelu"] = PRelu,
        ["Pad"] = Pad,
        ["Pow"] = Elementwise((x, y) => pow(x, y).to_type(x.dtype)),
        ["Reciprocal"] = Unary(reciprocal),
        ["ReduceMax"] = Reduce((x, axes, keep) => x.amax(axes, keep)),
        ["ReduceMean"] = Reduce((x, axes, keep) => x.mean(axes, keep)),
        ["ReduceSum"] = Reduce((x, axes, keep) => x.sum(axes, keep)),
        ["Relu"] = Unary(x => x.relu()),
        ["Reshape"] = Reshape,
        ["Selu"] = Exponential(1.67326319f, 1.05070102f),
        ["Shape"] = Shape,
        ["Sigmoid"] = Unary(sigmoid),
        ["Slice"] = Slice,
        ["Softmax"] = node => OverClasses(node, (x, axis) => x.softmax(axis)),
        ["Softplus"] = Unary(x => nn.functional.softplus(x)),
        ["Softsign"] = Unary(x => x / x.abs().add(Scalars.Of(1))),
        ["Split"] = Split,
        ["Sqrt"] = Unary(sqrt),
        ["Squeeze"] = Squeeze,
        ["Sub"] = Elementwise(sub),
        ["Sum"] = Variadic(add),
        ["Tanh"] = Unary(tanh),
        ["Transpose"] = Transpose,
        ["Unsqueeze"] = Unsqueeze,
    };

    /// <summary>Their names, for messages.</summary>
    public static string Names => string.Join(", ", Table.Keys);

    private static Func<OnnxNode, Kernel> Unary(Func<Tensor, Tensor> function) => node =>
    {
        var x = node.Input(0);
        return v => function(v[x]);
    };

    // Broadcasts as NumPy does.
    private static Func<OnnxNode, Kernel> Elementwise(Func<Tensor, Tensor, Tensor> function) => node =>
    {
        var (a, b) = (node.Input(0), node.Input(1));
        return v =>
        {
            node.Fit(v, Broadcast(v[a].shape, v[b].shape));
            return function(v[a], v[b]);
        };
    };

    private static long[] Broadcast(long[] a, long[] b)
    {
        if (a.Length < b.Length) (a, b) = (b, a);
        var shape = (long[])a.Clone();
        for (var i = 1; i <= b.Length; i++) shape[^i] = shape[^i] == 1 ? b[^i] : shape[^i];
        return shape;
    }
}
