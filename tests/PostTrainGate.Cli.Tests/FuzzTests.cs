using PostTrainGate.Fuzz;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>A short run of eng/fuzz: the same inputs each time, each read or refused with a diagnostic.</summary>
public class FuzzTests
{
    public static TheoryData<string> Names => [.. Targets.All.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_input_ends_in_success_or_in_a_diagnostic(string name)
    {
        using var folder = new TemporaryFolder();
        var target = Targets.All.Single(t => t.Name == name);
        var result = new FuzzRun(target, seed: 1, folder.Root).Run(60 * target.Share);
        Assert.Empty(result.Failures);
        Assert.Equal(60 * target.Share, result.Inputs);
        Assert.InRange(result.Accepted, 1, result.Inputs - 1); // neither trivial nor out of reach
    }
}
