using PostTrainGate.Statistics;
using Xunit;

namespace PostTrainGate.Tests;

public class McNemarTests
{
    // By hand: twice the share of 2^n outcomes with at most the smaller count, 2 * 21,700 / 2^20 for 5 of 20.
    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(3, 3, 1)]
    [InlineData(0, 6, 2.0 / 64)]
    [InlineData(15, 5, 2.0 * 21_700 / (1 << 20))]
    public void The_exact_test_is_a_sign_test(int first, int second, double p)
    {
        Assert.Equal(p, McNemar.PValue(first, second), 1e-12);
        Assert.Equal(p, McNemar.PValue(second, first), 1e-12);
    }
}
