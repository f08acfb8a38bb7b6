using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Small networks of the usual families, written as exporters write them, with random weights.</summary>
internal static class Architectures
{
    public const long Classes = 5;

    public static IReadOnlyDictionary<string, Func<OnnxWriter>> All { get; } =
        new Dictionary<string, Func<OnnxWriter>>
        {
            ["ResNet"] = ResNet,
            ["MobileNetV2"] = MobileNet,
            ["DenseNet"] = DenseNet,
            ["ViT"] = VisionTransformer,
            ["LSTM"] = Lstm,
        };

    // He et al. 2016: residual blocks, a shortcut by a convolution where the shape changes.
    private static OnnxWriter ResNet()
    {
        OnnxWriter w = new([3, 16, 16]);
        Convolve(w, 3, 8, 7, 2);
        w.Relu().Then("MaxPool", ("kernel_shape", Pair(3)), ("strides", Pair(2)), ("pads", (long[])[1, 1, 1, 1]));
        var channels = 8L;
        foreach (var (outputs, stride) in ((long, long)[])[(8, 1), (16, 2), (16, 1)])
        {
            var shortcut = w.Last;
            Convolve(w, channels, outputs, 3, stride);
            w.Relu();
            var deep = Convolve(w, outputs, outputs, 3);
            if (stride > 1)
                shortcut = Convolve(w, channels, outputs, 1, stride, from: shortcut);
            w.Node("Add", [deep, shortcut]);
            w.Relu();
            channels = outputs;
        }

        return Classify(w, channels);
    }

    // Sandler et al. 2018: inverted residuals, depthwise convolutions, ReLU6.
    private static OnnxWriter MobileNet()
    {
        OnnxWriter w = new([3, 16, 16]);
        Convolve(w, 3, 8, 3, 2);
        Relu6(w);
        var channels = 8L;
        foreach (var (outputs, stride) in ((long, long)[])[(8, 1), (12, 2), (12, 1)])
        {
            var (shortcut, wide) = (w.Last, channels * 3);
            Convolve(w, channels, wide, 1);
            Relu6(w);
            Convolve(w, wide, wide, 3, stride, wide);
            Relu6(w);
            var narrow = Convolve(w, wide, outputs, 1);
            if (stride == 1 && channels == outputs)
                w.Node("Add", [narrow, shortcut]);
            channels = outputs;
        }

        return Classify(w, channels);
    }

    // Huang et al. 2017: every layer sees all before it; normalization and activation come first.
    private static OnnxWriter DenseNet()
    {
        OnnxWriter w = new([3, 16, 16]);
        Convolve(w, 3, 8, 3, 2);
        var channels = 8L;
        for (var block = 0; block < 2; block++)
        {
            for (var layer = 0; layer < 3; layer++, channels += 4)
            {
                var before = w.Last;
                Normalize(w, channels);
                w.Relu();
                w.Node("Concat", [before, Bare(w, channels, 4, 3)], ("axis", 1L));
            }

            Normalize(w, channels);
            w.Relu();
            Bare(w, channels, channels /= 2, 1);
            w.Then("AveragePool", ("kernel_shape", Pair(2)), ("strides", Pair(2)));
        }

        return Classify(w, channels);
    }

    // Dosovitskiy et al. 2021: patches, a class token that is expanded to the batch, attention from plain operators.
    private static OnnxWriter VisionTransformer()
    {
        const long width = 16,
            heads = 2;
        OnnxWriter w = new([3, 16, 16], opset: 17);
        w.Conv(Draw(width, 3, 4, 4), Draw(width), stride: 4);
        w.Node("Reshape", [w.Last, Longs(w, 0, width, 16)]);
        var patches = w.Then("Transpose", ("perm", (long[])[0, 2, 1])).Last;
        var rows = w.Node(
            "Unsqueeze",
            [w.Node("Gather", [w.Node("Shape", ["input"]), w.Initializer("first", tensor(0L))]), Longs(w, 0)]
        );
        var token = w.Node(
            "Expand",
            [w.Initializer("token", Draw(1, 1, width)), w.Node("Concat", [rows, Longs(w, 1, width)], ("axis", 0L))]
        );
        w.Node(
            "Add",
            [w.Node("Concat", [token, patches], ("axis", 1L)), w.Initializer("position", Draw(1, 17, width))]
        );
        for (var block = 0; block < 2; block++)
        {
            var before = w.Last;
            Layer(w, width);
            var qkv = Dense(w, width, 3 * width);
            var parts = w.Node("Reshape", [qkv, Longs(w, 0, 17, 3, heads, width / heads)]);
            parts = w.Node("Transpose", [parts], ("perm", (long[])[2, 0, 3, 1, 4]));
            string Part(long i) => w.Node("Gather", [parts, w.Initializer($"part{block}{i}", tensor(i))], ("axis", 0L));
            var scores = w.Node("MatMul", [Part(0), w.Node("Transpose", [Part(1)], ("perm", (long[])[0, 1, 3, 2]))]);
            scores = w.Node(
                "Mul",
                [scores, w.Node("Constant", [], ("value_float", (float)Math.Pow(width / heads, -0.5)))]
            );
            w.Node("MatMul", [w.Node("Softmax", [scores], ("axis", -1L)), Part(2)]);
            w.Then("Transpose", ("perm", (long[])[0, 2, 1, 3]));
            w.Node("Reshape", [w.Last, Longs(w, 0, 17, width)]);
            before = w.Node("Add", [before, Dense(w, width, width)]);
            Layer(w, width);
            // x * (1 + erf(x / sqrt 2)) / 2, as exporters write it.
            var x = Dense(w, width, 2 * width);
            var erf = w.Node("Erf", [w.Node("Div", [x, Number(w, Math.Sqrt(2))])]);
            w.Node("Mul", [w.Node("Mul", [x, w.Node("Add", [erf, Number(w, 1)])]), Number(w, 0.5)]);
            w.Node("Add", [before, Dense(w, 2 * width, width)]);
        }

        Layer(w, width);
        w.Node("Gather", [w.Last, w.Initializer("class", tensor(0L))], ("axis", 1L));
        return w.Gemm(Draw(Classes, width), Draw(Classes));
    }

    // A sequence [batch, time, values] through a bidirectional LSTM, classified by its last states.
    private static OnnxWriter Lstm()
    {
        const long inputs = 6,
            hidden = 8;
        OnnxWriter w = new([10, inputs], opset: 14);
        w.Then("Transpose", ("perm", (long[])[1, 0, 2]));
        w.Node(
            "LSTM",
            [
                w.Last,
                w.Initializer("lstm.w", Draw(2, 4 * hidden, inputs)),
                w.Initializer("lstm.r", Draw(2, 4 * hidden, hidden)),
                w.Initializer("lstm.b", Draw(2, 8 * hidden)),
            ],
            ("hidden_size", hidden),
            ("direction", "bidirectional")
        );
        w.Node("Transpose", [w.Also("states")], ("perm", (long[])[1, 0, 2]));
        w.Flatten();
        return w.Gemm(Draw(Classes, 2 * hidden), Draw(Classes));
    }

    private static OnnxWriter Classify(OnnxWriter w, long channels) =>
        w.Then("GlobalAveragePool").Flatten().Gemm(Draw(Classes, channels), Draw(Classes));

    private static string Convolve(
        OnnxWriter w,
        long inputs,
        long outputs,
        long kernel,
        long stride = 1,
        long groups = 1,
        string? from = null
    )
    {
        Bare(w, inputs, outputs, kernel, stride, groups, from);
        return Normalize(w, outputs);
    }

    private static string Bare(
        OnnxWriter w,
        long inputs,
        long outputs,
        long kernel,
        long stride = 1,
        long groups = 1,
        string? from = null
    ) =>
        w.Node(
            "Conv",
            [from ?? w.Last, Weight(w, outputs, inputs / groups, kernel, kernel)],
            ("kernel_shape", Pair(kernel)),
            ("strides", Pair(stride)),
            ("pads", (long[])[kernel / 2, kernel / 2, kernel / 2, kernel / 2]),
            ("group", groups)
        );

    private static string Normalize(OnnxWriter w, long channels) =>
        w.Node(
            "BatchNormalization",
            [
                w.Last,
                Weight(w, channels),
                Weight(w, channels),
                Weight(w, channels),
                w.Initializer($"variance{Count(w)}", rand(channels) + 0.5),
            ]
        );

    private static void Layer(OnnxWriter w, long width) =>
        w.Node("LayerNormalization", [w.Last, Weight(w, width), Weight(w, width)], ("axis", -1L));

    private static string Dense(OnnxWriter w, long inputs, long units) =>
        w.Node("Add", [Weight(w, units), w.Node("MatMul", [w.Last, Weight(w, inputs, units)])]);

    private static void Relu6(OnnxWriter w) => w.Node("Clip", [w.Last, Number(w, 0), Number(w, 6)]);

    private static string Number(OnnxWriter w, double value) => w.Node("Constant", [], ("value_float", (float)value));

    private static string Weight(OnnxWriter w, params long[] shape) => w.Initializer($"weight{Count(w)}", Draw(shape));

    private static string Longs(OnnxWriter w, params long[] values) =>
        w.Initializer($"shape{Count(w)}", tensor(values));

    private static int Count(OnnxWriter w) => w.Build().Graph.Initializer.Count;

    private static long[] Pair(long size) => [size, size];

    // Of a size that keeps activations about 1.
    private static Tensor Draw(params long[] shape) =>
        shape.Length == 1
            ? randn(shape) * 0.5 + 0.5
            : randn(shape) / Math.Sqrt(shape[1..].Aggregate(1L, (a, b) => a * b));
}
