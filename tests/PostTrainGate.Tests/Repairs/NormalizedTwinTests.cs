using PostTrainGate.Models;
using PostTrainGate.Repairs;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>Normalizations in training, and those that an export folded into the weights.</summary>
public sealed class NormalizedTwinTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void In_training_a_batch_is_normalized_by_its_own_moments_and_the_running_ones_follow()
    {
        using var scope = NewDisposeScope();
        using var model = Load("normalized.onnx", normalized: true);
        var x = rand(64, 1, 12, 12, generator: new Generator(1));
        var own = model.Parameters.ToDictionary(p => p.Key, p => p.Value.clone());
        var expected = ByHand(own, x, training: true);
        using (var moments = BatchMoments.Of(model)!)
        {
            model.Moments = moments;
            Near(expected, model.Logits(x));
            model.Moments = null;
            foreach (var (name, value) in model.Parameters.Where(p => IsMoment(p.Key)))
                Assert.False(allclose(own[name], value)); // the model's wait
            BatchMoments.Give([moments], model);
        }

        foreach (var (name, value) in model.Parameters)
            Near(own[name], value);
        Near(ByHand(own, x, training: false), model.Logits(x));
    }

    [Fact]
    public void Moments_that_do_not_follow_normalize_all_the_same()
    {
        using var scope = NewDisposeScope();
        using var model = Load("normalized.onnx", normalized: true);
        var x = rand(64, 1, 12, 12, generator: new Generator(1));
        var own = model.Parameters.ToDictionary(p => p.Key, p => p.Value.clone());
        using var moments = BatchMoments.Of(model)!;
        moments.Follows = false;
        model.Moments = moments;
        Near(ByHand(own.ToDictionary(p => p.Key, p => p.Value.clone()), x, training: true), model.Logits(x));
        model.Moments = null;
        BatchMoments.Give([moments], model);
        foreach (var (name, value) in model.Parameters)
            Near(own[name], value);
    }

    [Fact]
    public void A_folded_network_is_the_same_with_normalizations_and_folded_again()
    {
        using var scope = NewDisposeScope();
        using var model = Load("folded.onnx", normalized: false);
        var x = rand(600, 1, 12, 12, generator: new Generator(1));
        var twins = NormalizedTwin.Of(model)!;
        var twin = twins.Unfold(model, x)!;
        Near(model.Logits(x), twin.Logits(x));
        Assert.Equal(16, BatchMoments.Names(twin).Count);
        foreach (var filters in twin.Parameters.Values.Where(p => p.dim() == 4))
            Near(ones(filters.shape[0]), filters.flatten(1).norm(1));
        // The first rows' moments are their own already.
        using (var moments = BatchMoments.Of(twin)!)
        {
            twin.Moments = moments;
            Near(model.Logits(x[..512]), twin.Logits(x[..512]));
            twin.Moments = null;
        }

        using (no_grad())
            foreach (var value in twin.Parameters.Values)
                value.mul_(rand(value.shape, generator: new Generator(2)) + 0.5);
        using var folded = twins.Fold(twin, model);
        Near(twin.Logits(x), folded.Logits(x));
        Assert.Equal(model.Parameters.Keys.Order(), folded.Parameters.Keys.Order());
        folded.Save(_folder.Path("saved.onnx"));
        using var saved = OnnxClassifier.Load(_folder.Path("saved.onnx"));
        Near(folded.Logits(x), saved.Logits(x));
        twin.Dispose();
    }

    [Theory]
    [InlineData("fmnist/cnn.onnx")] // two convolutions are not deep
    [InlineData("fmnist/lenet5.onnx")]
    public void Shallow_networks_have_no_twin(string file)
    {
        using var model = OnnxClassifier.Load(Fixtures.Path(file));
        Assert.Null(NormalizedTwin.Of(model));
        Assert.Null(BatchMoments.Of(model));
    }

    [Fact]
    public void Networks_with_normalizations_have_no_twin()
    {
        using var model = Load("normalized.onnx", normalized: true);
        Assert.Null(NormalizedTwin.Of(model));
    }

    private static bool IsMoment(string name) =>
        name.EndsWith("mean", StringComparison.Ordinal) || name.EndsWith("variance", StringComparison.Ordinal);

    private static void Near(Tensor expected, Tensor found) =>
        Assert.True(
            allclose(expected, found, rtol: 1e-3, atol: 1e-4),
            $"{(expected - found).abs().max().item<float>()}"
        );

    // Four convolutions of eight channels, and a dense layer.
    private OnnxClassifier Load(string file, bool normalized)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(3);
        OnnxWriter w = new([1, 12, 12]);
        for (var i = 0; i < 4; i++)
        {
            var weight = randn(8, i == 0 ? 1 : 8, 3, 3, generator: random) / 3;
            w.Conv(weight, randn(8, generator: random), padding: 1);
            if (normalized)
                w.Node(
                    "BatchNormalization",
                    [
                        w.Last,
                        w.Initializer($"{i}.scale", rand(8, generator: random) + 0.5),
                        w.Initializer($"{i}.shift", randn(8, generator: random)),
                        w.Initializer($"{i}.mean", randn(8, generator: random)),
                        w.Initializer($"{i}.variance", rand(8, generator: random) + 0.5),
                    ]
                );
            w.Relu();
        }

        w.Then("GlobalAveragePool").Flatten().Gemm(randn(3, 8, generator: random), zeros(3));
        w.Save(_folder.Path(file), "logits", 3);
        return OnnxClassifier.Load(_folder.Path(file));
    }

    private static Tensor ByHand(Dictionary<string, Tensor> w, Tensor x, bool training)
    {
        string[] convolutions = [.. w.Keys.Where(k => k.StartsWith("conv", StringComparison.Ordinal)).Order()];
        for (var i = 0; i < 4; i++)
        {
            var prefix = convolutions[2 * i].Split('.')[0];
            x = nn.functional.conv2d(x, w[$"{prefix}.weight"], w[$"{prefix}.bias"], padding: [1, 1]);
            x = nn
                .functional.batch_norm(
                    x,
                    w[$"{i}.mean"],
                    w[$"{i}.variance"],
                    w[$"{i}.scale"],
                    w[$"{i}.shift"],
                    training
                )
                .relu();
        }

        return nn.functional.linear(x.mean([2, 3]), w["gemm1.weight"], w["gemm1.bias"]);
    }
}
