using CsCheck;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using Xunit;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

public sealed partial class OnnxRuntimeTests
{
    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(4)]
    public void Quantised_weights_give_the_logits_before_the_softmax_for_any_batch(long batch)
    {
        using var scope = NewDisposeScope();
        using var model = Load(Quantised(batch, "Softmax"), null);
        Assert.Equal(OutputHead.Softmax, model.Head);
        // The input's own scale is 2 / 255 a step, its values stand on steps, and weights are whole: nothing is
        // rounded.
        var steps = randint(0, 256, [11, 3]).to_type(float32);
        steps[.., 0] = 0; // every batch has the whole range
        steps[.., 1] = 255;
        var expected = (steps * 2 / 255 - 1 + 1).matmul(
            tensor(
                new float[,]
                {
                    { 1, -2 },
                    { 3, 4 },
                    { -5, 6 },
                }
            )
        );
        Assert.True(allclose(model.Logits(steps * 2 / 255), expected, rtol: 1e-4, atol: 1e-4));
    }

    // Values and weights stand on steps of their scales, so that nothing is rounded.
    [Theory]
    [InlineData("QDQ")]
    [InlineData("QOperator")]
    public void Both_ways_to_write_a_statically_quantised_convolution_run(string style)
    {
        using var scope = NewDisposeScope();
        sbyte[] weights = [.. Enumerable.Range(0, 32).Select(i => (sbyte)(1 + i * 7 % 4))];
        MlGraph graph = new();
        graph.Input("x", DataType.Float, -1, 1, 4, 4);
        string[] scales =
        [
            graph.Initializer("xs", [], 0.25f),
            graph.Initializer("ws", [2], 0.5f, 1),
            graph.Initializer("ys", [], 0.125f),
        ];
        var (w, zero, none) = (
            graph.Bytes("w", [2, 1, 4, 4], weights),
            graph.ZeroPoint("zero", 0),
            graph.Bytes("none", [2], 0, 0)
        );
        graph.Node("QuantizeLinear", ["x", scales[0], zero], ["xq"]);
        if (style == "QDQ")
        {
            graph.Node("DequantizeLinear", ["xq", scales[0], zero], ["xr"]);
            graph.Node("DequantizeLinear", [w, scales[1], none], ["wr"], ("axis", 0L));
            graph.Node("QuantizeLinear", [graph.Node("Conv", ["xr", "wr"], ["yr"]), scales[2], zero], ["yq"]);
        }
        else
        {
            graph.Node("QLinearConv", ["xq", scales[0], zero, w, scales[1], none, scales[2], zero], ["yq"]);
        }

        graph.Node("DequantizeLinear", ["yq", scales[2], zero], ["y"]);
        graph.Node("Flatten", ["y"], ["logits"]);
        graph.Output("logits", DataType.Float, -1, 2);
        using var model = Load(graph.Build(), null);
        var x = randint(0, 3, [20, 1, 4, 4]).to_type(float32) * 0.25;
        var real =
            tensor(weights).reshape(2, 16).to_type(float32)
            * tensor(
                new[,]
                {
                    { 0.5f },
                    { 1 },
                }
            );
        Assert.True(allclose(model.Logits(x), x.flatten(1).matmul(real.t()), rtol: 1e-5, atol: 1e-5));
        Assert.Contains(
            style == "QDQ" ? "QuantizeLinear" : "QLinearConv",
            model.WhyNoGradients,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_the_graph_does_not_show_the_user_says()
    {
        using var scope = NewDisposeScope();
        Assert.Contains(
            "set 'output.head' to probabilities, or to sigmoid",
            Refuse(Single(), null),
            StringComparison.Ordinal
        );
        var x = tensor(
            new[,]
            {
                { 0f },
                { 1 },
            }
        );
        using var shares = Open(Single(), OutputHead.Probabilities);
        Assert.True(
            allclose(
                shares.Logits(x),
                tensor(
                        new[,]
                        {
                            { 0.75f, 0.25f },
                            { 0.375f, 0.625f },
                        }
                    )
                    .log()
            )
        );
        using var units = Open(Single(), OutputHead.Sigmoid);
        Assert.True(
            allclose(
                units.Logits(x),
                tensor(
                    new[,]
                    {
                        { 0, 0.25f },
                        { 0, 0.625f },
                    }
                )
            )
        );
        Assert.Contains(
            "does not end in a softmax",
            Refuse(Single(), null, new(Head: OutputHead.Softmax)),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "has no output 'nowhere'; it has 'y'",
            Refuse(Single(), null, new(Name: "nowhere")),
            StringComparison.Ordinal
        );
        using var raw = Load(Quantised(-1, "Softmax"), null, new(Head: OutputHead.Probabilities));
        using var cut = Load(Quantised(-1, "Softmax"), null);
        var rows = rand(5, 3);
        Assert.True(allclose(raw.Logits(rows), cut.Logits(rows).log_softmax(1), rtol: 1e-4, atol: 1e-4));
    }

    // x -> 0.25 + 0.375 x, which ends where nobody can tell what it is.
    private static ModelProto Single()
    {
        MlGraph graph = new();
        graph.Node(
            "LinearRegressor",
            [graph.Input("x", DataType.Float, -1, 1)],
            ["y"],
            ("coefficients", new[] { 0.375f }),
            ("intercepts", new[] { 0.25f }),
            ("targets", 1L)
        );
        graph.Output("y", DataType.Float, -1, 1);
        return graph.Build();
    }

    private static ModelProto Quantised(long batch, string end)
    {
        MlGraph graph = new();
        graph.Node("DynamicQuantizeLinear", [graph.Input("x", DataType.Float, batch, 3)], ["q", "scale", "zero"]);
        graph.Node("MatMulInteger", ["q", graph.Bytes("w", [3, 2], 1, -2, 3, 4, -5, 6), "zero"], ["whole"]);
        graph.Node("Cast", ["whole"], ["real"], ("to", (long)DataType.Float));
        graph.Node("Mul", ["real", "scale"], ["z"]);
        graph.Node(end, ["z"], ["p"]);
        graph.Output("p", DataType.Float, batch, 2);
        return graph.Build();
    }
}
