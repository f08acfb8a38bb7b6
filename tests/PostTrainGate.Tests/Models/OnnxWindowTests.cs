using CsCheck;
using Google.Protobuf;
using PostTrainGate.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Convolution and pooling with any attributes: the values of ONNX Runtime, or an error of both.</summary>
public class OnnxWindowTests
{
    private sealed record Window(
        long[] Input,
        long[] Kernel,
        long[] Strides,
        long[] Pads,
        long[] Dilations,
        string AutoPad,
        bool Ceil,
        bool CountPads,
        long Groups
    )
    {
        public (string, object)[] Attributes(bool dilations = true) =>
            [
                ("kernel_shape", Kernel),
                ("strides", Strides),
                ("auto_pad", AutoPad),
                .. AutoPad == "NOTSET" ? [("pads", Pads)] : Array.Empty<(string, object)>(),
                .. dilations ? [("dilations", Dilations)] : Array.Empty<(string, object)>(),
            ];

        public override string ToString() =>
            $"input [{string.Join(",", Input)}] kernel [{string.Join(",", Kernel)}] strides "
            + $"[{string.Join(",", Strides)}] "
            + $"pads [{string.Join(",", Pads)}] dilations [{string.Join(",", Dilations)}] {AutoPad} ceil {Ceil} count "
            + $"{CountPads} groups {Groups}";
    }

    private static readonly Gen<Window> Any =
        from axes in Gen.Int[1, 3]
        from channels in Gen.Long[1, 2]
        from size in Gen.Long[4, axes == 3 ? 6 : 9].Array[axes]
        from kernel in Gen.Long[1, 4].Array[axes]
        from strides in Gen.Long[1, 3].Array[axes]
        from pads in Gen.Long[0, 2].Array[2 * axes]
        from even in Gen.Bool
        from dilations in Gen.Long[1, 2].Array[axes]
        from autoPad in Gen.Int[0, 5]
            .Select(i => i < 3 ? "NOTSET" : new[] { "VALID", "SAME_UPPER", "SAME_LOWER" }[i - 3])
        from ceil in Gen.Bool
        from count in Gen.Bool
        from groups in Gen.Long[1, 2]
        // A window that is larger than the padded input gives nothing, or in ONNX Runtime sometimes one value.
        where
            size.Select(
                    (n, i) =>
                        n + (autoPad == "NOTSET" ? pads[i] + (even ? pads[i] : pads[i + axes]) : 0)
                        >= (kernel[i] - 1) * dilations[i] + 1
                )
                .All(fits => fits)
        // With SAME and dilation ONNX Runtime's pooling contradicts its own shape inference.
        select new Window(
            [2, 2 * channels, .. size],
            kernel,
            strides,
            even ? [.. pads[..axes], .. pads[..axes]] : pads,
            autoPad.StartsWith("SAME", StringComparison.Ordinal) ? [.. kernel.Select(_ => 1L)] : dilations,
            autoPad,
            ceil,
            count,
            groups
        );

    [Fact]
    public void Conv_with_any_attributes() =>
        Sample(13, (w, writer) =>
            writer.Node(
                "Conv",
                [
                    "input",
                    writer.Initializer("w", randn([4, w.Input[1] / w.Groups, .. w.Kernel])),
                    writer.Initializer("b", randn(4)),
                ],
                [("group", w.Groups), .. w.Attributes()]
            )
        );

    [Fact]
    public void MaxPool_with_any_attributes() =>
        Sample(12, (w, writer) =>
            writer.Then("MaxPool", [("ceil_mode", w.Ceil ? 1L : 0L), ("storage_order", 1L), .. w.Attributes()])
        );

    [Fact]
    public void AveragePool_with_any_attributes() =>
        Sample(11, (w, writer) =>
            writer.Then(
                "AveragePool",
                [
                    ("ceil_mode", w.Ceil ? 1L : 0L),
                    ("count_include_pad", w.CountPads ? 1L : 0L),
                    .. w.Attributes(dilations: false),
                ]
            )
        );

    // They are summed in another way than libtorch's own, which says what is right in double precision.
    [Fact]
    public void AveragePool_of_windows_side_by_side() =>
        (
            from axes in Gen.Int[1, 3]
            from kernel in Gen.Long[1, 5].Array[axes]
            from windows in Gen.Long[1, 4].Array[axes]
            select (kernel, windows)
        ).Sample(
            drawn =>
            {
                using var scope = NewDisposeScope();
                var (kernel, size) = (drawn.kernel, drawn.kernel.Zip(drawn.windows, (k, w) => k * w).ToArray());
                OnnxWriter writer = new([3, .. size], 19);
                writer.Then("AveragePool", [("kernel_shape", kernel), ("strides", kernel)]);
                var model = OnnxCompiler.Compile(
                    new("case.onnx", writer.Build()),
                    new("input", [3, .. size], 0, writer.Last)
                );
                var (x, weights) = (randn([2, 3, .. size]), randn([2, 3, .. drawn.windows]));
                var (values, slopes) = Slopes(x, i => model.Graph.Run(model.State, i, [model.Output])[0]);
                var (right, rightSlopes) = Slopes(x.to(float64), i => kernel.Length switch
                    {
                        1 => nn.functional.avg_pool1d(i, kernel[0], kernel[0]),
                        2 => nn.functional.avg_pool2d(i, kernel, kernel),
                        _ => nn.functional.avg_pool3d(i, kernel, kernel),
                    });
                return allclose(values.to(float64), right, rtol: 1e-5, atol: 1e-6)
                    && allclose(slopes.to(float64), rightSlopes, rtol: 1e-5, atol: 1e-6);

                (Tensor, Tensor) Slopes(Tensor given, Func<Tensor, Tensor> pool)
                {
                    var input = given.detach().requires_grad_();
                    var pooled = pool(input);
                    return (pooled.detach(), autograd.grad([(pooled * weights).sum()], [input])[0]);
                }
            },
            iter: 150,
            threads: 1
        );

    private static void Sample(long opset, Action<Window, OnnxWriter> build)
    {
        var compared = 0;
        Any.Sample(
            window =>
            {
                using var scope = NewDisposeScope();
                OnnxWriter writer = new(window.Input.AsSpan(1), opset);
                build(window, writer);
                var model = writer.Build();
                var x = randn(window.Input);
                var (expected, refusal) = Try(() => Ort.Run(model.ToByteArray(), x));
                var (actual, error) = Try(() =>
                {
                    var compiled = OnnxCompiler.Compile(
                        new("case.onnx", model),
                        new("input", [.. window.Input[1..]], 0, writer.Last)
                    );
                    return compiled.Graph.Run(compiled.State, x, [compiled.Output])[0];
                });
                if (expected is null || expected.numel() == 0)
                    return true; // ONNX Runtime does not pad by a window or more, nor dilate with SAME
                if (actual is null)
                    throw new InvalidOperationException(error);
                compared++;
                return
                    actual.shape.SequenceEqual(expected.shape)
                    && allclose(actual, expected, rtol: 1e-4, atol: 1e-5, equal_nan: true)
                    ? true
                    : throw new InvalidOperationException(
                        $"[{string.Join(",", actual.shape)}] instead of [{string.Join(",", expected.shape)}]"
                    );
            },
            iter: 300,
            threads: 1
        );
        Assert.True(compared > 150, $"only {compared} compared");
    }

    private static (Tensor?, string?) Try(Func<Tensor> run)
    {
        try
        {
            return (run(), null);
        }
        catch (Exception e)
        {
            return (null, e.Message);
        }
    }
}
