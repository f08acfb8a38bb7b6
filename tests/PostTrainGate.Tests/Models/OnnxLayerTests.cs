using PostTrainGate.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Weighted layers in the forms that exporters write, and what can be tapped and changed.</summary>
public sealed class OnnxLayerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_product_and_a_sum_are_a_layer()
    {
        using var model = Load([4], w =>
        {
            w.Node(
                "Add",
                [w.Node("MatMul", [w.Last, w.Initializer("w1", randn(4, 6))]), w.Initializer("b1", randn(6))]
            );
            w.Then("Tanh");
            w.Node(
                "Add",
                [w.Initializer("b2", randn(3)), w.Node("MatMul", [w.Last, w.Initializer("w2", randn(6, 3))])]
            );
        });
        Assert.Equal(
            [
                new(0, "matmul1", "MatMul", "w1", "b1", "tanh1_output", 6, 1, 0, 1),
                new(1, "matmul2", "MatMul", "w2", "b2", "add2_output", 3, 1, 0, 1),
            ],
            model.Layers
        );
    }

    [Fact]
    public void A_weight_that_is_turned_first_keeps_its_own_axes()
    {
        using var model = Load([4], w =>
        {
            w.Node("MatMul", [w.Last, w.Node("Transpose", [w.Initializer("w1", randn(6, 4))])]);
            w.Node("Gemm", [w.Then("Sigmoid").Last, w.Initializer("w2", randn(6, 3)), w.Initializer("b2", randn(3))]);
        });
        Assert.Equal(
            [
                new(0, "matmul1", "MatMul", "w1", null, "sigmoid1_output", 6, 0, 1, 1),
                new(1, "gemm1", "Gemm", "w2", "b2", "gemm1_output", 3, 1, 0, 1),
            ],
            model.Layers
        );
    }

    [Fact]
    public void Normalization_belongs_to_its_convolution_and_pooling_does_not()
    {
        using var model = Load([2, 6, 6], w =>
        {
            w.Node("Conv", [w.Last, w.Initializer("w1", randn(4, 2, 3, 3))], ("pads", new long[] { 1, 1, 1, 1 }));
            w.Node(
                "BatchNormalization",
                [w.Last, .. new[] { "scale", "bias", "mean", "variance" }.Select(n => w.Initializer(n, rand(4) + 0.5))]
            );
            w.Then("LeakyRelu").MaxPool(2).Flatten().Gemm(randn(3, 36), randn(3));
        });
        Assert.Equal(
            [
                new(0, "conv1", "Conv", "w1", null, "leakyrelu1_output", 4, 0, 1, 1),
                new(1, "gemm1", "Gemm", "gemm1.weight", "gemm1.bias", "gemm1_output", 3, 0, 1, 9),
            ],
            model.Layers
        );
        Assert.All(model.Parameters.Values, p => Assert.False(p.requires_grad));
    }

    [Fact]
    public void The_last_layer_ends_before_the_head()
    {
        using var model = Load([4], w => w.Gemm(randn(1, 4), randn(1)).Then("Sigmoid"));
        Assert.Equal("gemm1_output", Assert.Single(model.Layers).Output);
    }

    [Fact]
    public void Where_units_of_several_layers_meet_inputs_are_not_told_apart()
    {
        using var model = Load([4], w =>
        {
            var left = w.Gemm(randn(3, 4), randn(3)).Last;
            w.Node("Gemm", ["input", w.Initializer("w", randn(4, 5)), w.Initializer("b", randn(5))]);
            w.Node("Concat", [left, w.Last], ("axis", 1L));
            w.Gemm(randn(2, 8), randn(2));
        });
        Assert.Equal([1, 1, 0], model.Layers.Select(l => l.InputsPerUnit));
    }

    [Fact]
    public void Where_channels_stand_last_inputs_of_a_unit_are_not_together()
    {
        using var model = Load([2, 4, 4], w =>
            w.Conv(randn(3, 2, 3, 3), randn(3))
                .Then("Transpose", ("perm", new long[] { 0, 2, 3, 1 }))
                .Flatten()
                .Gemm(randn(2, 12), randn(2))
        );
        Assert.Equal([1, 0], model.Layers.Select(l => l.InputsPerUnit));
    }

    [Fact]
    public void Several_values_come_from_one_pass_and_are_the_callers()
    {
        using var scope = NewDisposeScope();
        using var model = Load([4], w => w.Gemm(randn(5, 4), randn(5)).Relu().Gemm(randn(3, 5), randn(3)).Softmax());
        var x = rand(6, 4);
        var values = model.Values(
            x,
            "relu1_output",
            OnnxClassifier.LogitsTap,
            "relu1_output",
            "input",
            "gemm1.weight",
            "softmax1_output"
        );
        Assert.True(Same(values[0], values[2]));
        Assert.True(Same(values[1], model.Logits(x)));
        Assert.True(Same(values[1].softmax(1), values[5]));
        Assert.True(Same(values[3], x));
        foreach (var value in values)
            value.Dispose();
        Assert.Equal([6, 3], model.Logits(x).shape); // neither the input nor a weight went with them
    }

    [Fact]
    public void Parameters_can_be_trained_and_a_clone_leaves_its_source_alone()
    {
        using var scope = NewDisposeScope();
        using var model = Load([4], w => w.Gemm(randn(5, 4), randn(5)).Relu().Gemm(randn(3, 5), randn(3)));
        using var clone = model.Clone();
        var (x, y) = (rand(64, 4), randint(3, 64, dtype: int64));
        var before = model.Logits(x);
        foreach (var parameter in clone.Parameters.Values)
            parameter.requires_grad_();
        var losses = new List<float>();
        for (var i = 0; i < 20; i++)
        {
            foreach (var parameter in clone.Parameters.Values)
                parameter.grad?.zero_();
            var loss = nn.functional.cross_entropy(clone.Logits(x), y);
            loss.backward();
            using (no_grad())
                foreach (var parameter in clone.Parameters.Values)
                    parameter.sub_(parameter.grad! * 0.5f);
            losses.Add(loss.item<float>());
        }

        Assert.True(losses[^1] < losses[0]);
        Assert.True(Same(before, model.Logits(x)));
        Assert.All(model.Parameters.Values, p => Assert.False(p.requires_grad));
        using var again = clone.Clone();
        Assert.All(again.Parameters.Values, p => Assert.False(p.requires_grad));
        Assert.True(Same(again.Logits(x), clone.Logits(x)));
    }

    private OnnxClassifier Load(long[] input, Action<OnnxWriter> build)
    {
        OnnxWriter writer = new(input);
        build(writer);
        OnnxFile.Write(_folder.Path("model.onnx"), writer.Build());
        return OnnxClassifier.Load(_folder.Path("model.onnx"));
    }

    private static bool Same(Tensor a, Tensor b) => a.eq(b).all().item<bool>();
}
