using PostTrainGate.Statistics;
using Xunit;

namespace PostTrainGate.Tests;

public class MannWhitneyTests
{
    private static readonly double[] A = [0.1, 0.4, 0.4, 0.7, 1.2, 0.3],
        B = [0.9, 0.4, 1.5, 2.0, 1.1, 0.8, 0.2];

    // SciPy 1.10.1: mannwhitneyu(a, b, alternative='less', method='asymptotic').
    [Fact]
    public void Share_and_p_value_are_those_of_scipy()
    {
        var (share, p) = MannWhitney.Smaller(A, B);
        Assert.Equal(1 - 11.0 / 42, share, 1e-12);
        Assert.Equal(0.08617969948071841, p, 1e-9);
        (share, p) = MannWhitney.Smaller(B, A);
        Assert.Equal(1 - 31.0 / 42, share, 1e-12);
        Assert.Equal(0.9342624375017031, p, 1e-9);
    }

    [Fact]
    public void Equal_values_are_no_sign() => Assert.Equal((0.5, 1), MannWhitney.Smaller([1, 1, 1], [1, 1]));
}
