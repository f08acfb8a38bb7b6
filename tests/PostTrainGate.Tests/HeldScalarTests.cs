using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>No native call reads a number that a collection may have freed.</summary>
public class HeldScalarTests
{
    [Fact]
    public void A_square_is_the_power_that_TorchSharp_makes_of_it_and_so_is_its_slope()
    {
        using var scope = NewDisposeScope();
        var x = randn([100], generator: new Generator(1)).requires_grad_();
        var (own, theirs) = (x.Squared(), x.square());
        Assert.Equal(theirs.data<float>(), own.data<float>());
        Assert.Equal(Slope(theirs), Slope(own));

        float[] Slope(Tensor y) => [.. autograd.grad([y.sum()], [x])[0].data<float>()];
    }

    // Tensor.square is Tensor.pow of an exponent that nothing holds once its handle is read.
    [Fact]
    public void No_square_is_a_power_of_an_exponent_that_nothing_holds()
    {
        var sources = Path.Combine(Fixtures.Repository, "src");
        var files = Directory.GetFiles(sources, "*.cs", SearchOption.AllDirectories);
        Assert.True(files.Length > 100);
        Assert.DoesNotContain(files, f => File.ReadAllText(f).Contains(".square", StringComparison.Ordinal));
    }
}
