using PostTrainGate.Models;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>
/// Float32 convolutions run in oneDNN, float64 ones in libtorch's own code: the one is checked by the other, values and
/// gradients alike.
/// </summary>
public class ConvolutionTests
{
    public static TheoryData<int, int, int, int, int, int, int, int> Shapes()
    {
        // inputs, outputs, kernel, padding, stride, dilation, groups, size
        var data = new TheoryData<int, int, int, int, int, int, int, int>
        {
            { 1, 6, 5, 2, 1, 1, 1, 28 },
            { 1, 6, 3, 4, 1, 1, 1, 9 },
            { 1, 17, 1, 0, 1, 1, 1, 11 },
            { 2, 8, 2, 0, 3, 1, 1, 10 },
            { 1, 40, 5, 1, 2, 1, 1, 13 },
            { 6, 16, 5, 0, 1, 1, 1, 14 },
            { 1, 20, 5, 0, 1, 1, 1, 28 },
            { 1, 6, 4, 1, 2, 1, 1, 28 },
            { 3, 6, 3, 1, 1, 1, 1, 32 },
            { 3, 16, 7, 3, 2, 1, 1, 32 },
            { 3, 64, 11, 2, 4, 1, 1, 64 },
            { 1, 8, 3, 2, 1, 2, 1, 12 },
            { 6, 6, 3, 1, 1, 1, 6, 14 },
            { 24, 24, 3, 1, 2, 1, 24, 14 },
            { 24, 24, 3, 1, 1, 1, 3, 14 },
            { 40, 80, 3, 1, 1, 1, 2, 8 },
            { 16, 32, 3, 1, 1, 1, 16, 14 },
        };
        foreach (var inputs in new[] { 12, 17, 40 })
        foreach (var outputs in new[] { 4, 16, 18 })
            data.Add(inputs, outputs, 3, 1, 1, 1, 1, 6);
        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Values_and_gradients_are_those_of_double_precision(
        int inputs,
        int outputs,
        int kernel,
        int padding,
        int stride,
        int dilation,
        int groups,
        int size
    )
    {
        foreach (var axes in size == 6 ? new[] { 1, 2, 3 } : [2])
        {
            using var scope = NewDisposeScope();
            using var random = new Generator(7, CPU);
            long[] PerAxis(long value) => [.. Enumerable.Repeat(value, axes)];
            Tensor Draw(params long[] shape) => randn(shape, float64, generator: random);
            Tensor Convolve(Tensor x, Tensor w, Tensor b) =>
                Convolution.Apply(x, w, b, PerAxis(stride), PerAxis(padding), PerAxis(dilation), groups);

            var (x, w, b) = (
                Draw([4, inputs, .. PerAxis(size)]),
                Draw([outputs, inputs / groups, .. PerAxis(kernel)]),
                Draw(outputs)
            );
            var along = randn_like(Convolve(x, w, b));
            Tensor[] All(ScalarType type)
            {
                Tensor[] leaves = [.. new[] { x, w, b }.Select(t => t.to(type).clone().requires_grad_())];
                var y = Convolve(leaves[0], leaves[1], leaves[2]);
                return [y.detach(), .. autograd.grad([y], leaves, [along.to(type)])];
            }

            // Again in memory that the first round left behind.
            foreach (var round in new[] { 1, 2 })
            {
                foreach (
                    var (name, expected, actual) in new[] { "values", "input", "weight", "bias" }.Zip(
                        All(float64),
                        All(float32)
                    )
                )
                {
                    var error =
                        (actual.to(float64) - expected).abs().max().item<double>()
                        / expected.abs().max().item<double>();
                    Assert.True(error < 1e-4, $"{axes} axes, round {round}, {name}: relative error {error}");
                }
            }

            // As attacks ask for it: by the input alone, weights are what they are.
            var image = x.to(float32).requires_grad_();
            var convolved = Convolve(image, w.to(float32), b.to(float32));
            foreach (var round in new[] { 1, 2 })
            {
                var slope = autograd.grad([convolved], [image], [along.to(float32)], retain_graph: true)[0].to(float64);
                var right = Slope();
                Assert.True(
                    (slope - right).abs().max().item<double>() < 1e-4 * right.abs().max().item<double>(),
                    $"{axes} axes, round {round}, input alone"
                );
            }

            Tensor Slope()
            {
                var exact = x.clone().requires_grad_();
                return autograd.grad([Convolve(exact, w, b)], [exact], [along])[0];
            }

            using var _ = no_grad();
            var plain = Convolve(x.to(float32), w.to(float32), b.to(float32)).to(float64);
            Assert.True(
                (plain - Convolve(x, w, b)).abs().max().item<double>() < 1e-4 * plain.abs().max().item<double>()
            );
        }
    }

    [Fact]
    public void Libtorch_has_the_switch_that_keeps_NNPACK_quiet() =>
        Assert.Equal(!OperatingSystem.IsWindows(), NnPack.TurnOff());
}
