using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Every operator that can be rebuilt with gradients: its name and the function that turns a node into a kernel. Names, attributes and
/// meanings are those of ONNX's operator descriptions; what a node asks for and a rebuild does not know is refused by <see cref="OnnxNode"/>.
/// </summary>
internal static partial class Operators
{
    /// <summary>The operators by name.</summary>
    public static IReadOnlyDictionary<string, Func<OnnxNode, Kernel>> Table { get; } = new SortedDictionary<string, Func<OnnxNode, Kernel>>(StringComparer.Ordinal)
    {
        ["Add"] = Binary(add),
        ["AveragePool"] = AveragePool,
        ["BatchNormalization"] = BatchNormalization,
        ["Cast"] = Cast,
        ["Clip"] = Clip,
        ["Concat"] = Concat,
        ["Constant"] = Constant,
        ["Conv"] = Conv,
        ["Div"] = Binary(Divide),
        ["Dropout"] = Dropout,
        ["Flatten"] = Flatten,
        ["Gather"] = Gather,
        ["Gemm"] = Gemm,
        ["GlobalAveragePool"] = Unary(x => x.mean(SpatialAxes(x), keepdim: true)),
        ["Identity"] = Unary(x => x),
        ["LeakyRelu"] = LeakyRelu,
        ["LogSoftmax"] = node => OverClasses(node, (x, axis) => x.log_softmax(axis)),
        ["MatMul"] = Binary(matmul),
        ["MaxPool"] = MaxPool,
        ["Mul"] = Binary(mul),
        ["Pad"] = Pad,
        ["Relu"] = Unary(x => x.relu()),
        ["Reshape"] = Reshape,
        ["Shape"] = Shape,
        ["Sigmoid"] = Unary(sigmoid),
        ["Softmax"] = node => OverClasses(node, (x, axis) => x.softmax(axis)),
        ["Squeeze"] = Squeeze,
        ["Sub"] = Binary(sub),
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

    private static Func<OnnxNode, Kernel> Binary(Func<Tensor, Tensor, Tensor> function) => node =>
    {
        var (a, b) = (node.Input(0), node.Input(1));
        return v => function(v[a], v[b]);
    };
}
