using PostTrainGate.Repairs;
using Xunit;

namespace PostTrainGate.Tests.Repairs;

/// <summary>Some kinds of gates at little effort; <c>eng/bench mend</c> has them all.</summary>
public sealed class MendingTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("accuracy")]
    [InlineData("theil_index")]
    [InlineData("equal_opportunity_difference")]
    public void A_gate_that_a_model_fails_passes_on_sealed_rows_after_the_repair(string metric)
    {
        var mending = Mending.Try(Named.Metric(metric), null, 4, new PolicyRepair())!;
        output.WriteLine($"{mending}");
        Assert.True(mending.Candidates > 0);
        Assert.True(mending.Passes, $"{mending.Before} to {mending.After}, {mending.Verdict}, {mending.Method}");
    }
}
