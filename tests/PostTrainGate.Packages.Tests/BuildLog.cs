using Microsoft.Build.Logging.StructuredLogger;
using Xunit;

namespace PostTrainGate.Packages.Tests;

/// <summary>What happened in a build, from its binary log.</summary>
internal sealed class BuildLog(string path, int exitCode, string output)
{
    private readonly Build build = BinaryLog.ReadBuild(path);

    /// <summary>What the build printed.</summary>
    public string Output { get; } = output;

    public bool Succeeded => exitCode == 0 && build.Succeeded;

    /// <summary>In the order they were logged.</summary>
    public IReadOnlyList<Error> Errors => [.. build.FindChildrenRecursive<Error>()];

    public IReadOnlyList<Warning> Warnings => [.. build.FindChildrenRecursive<Warning>()];

    /// <summary>How often the engine was run.</summary>
    public int Checks =>
        build.FindChildrenRecursive<Microsoft.Build.Logging.StructuredLogger.Task>(t => t.Name == "Check").Count;

    /// <summary>How often the check was skipped because all that it depends on was the same.</summary>
    public int Skips => build.FindChildrenRecursive<Target>(t => t.Name == "PostTrainGateMeasure" && t.Skipped).Count;

    /// <summary>The model was checked once, and the build is clean.</summary>
    public void Passed() => IsClean(checks: 1, skips: 0);

    /// <summary>The check was skipped, and the build is clean.</summary>
    public void Skipped() => IsClean(checks: 0, skips: 1);

    /// <summary>No check was even considered, and the build is clean.</summary>
    public void Ignored() => IsClean(checks: 0, skips: 0);

    /// <summary>The gate's error, and nothing else, fails the build: said by a check, or repeated from the last
    /// one.</summary>
    public void Failed(bool repeated = false)
    {
        Assert.Equal(repeated ? (0, 1) : (1, 0), (Checks, Skips));
        var error = Fails("PTG4001");
        Assert.Equal((ConsumerProject.GateLine, ConsumerProject.GateColumn), (error.LineNumber, error.ColumnNumber));
        Assert.StartsWith("accuracy is 0.000 ", error.Text, StringComparison.Ordinal);
    }

    /// <summary>One error of this code, about the policy, fails the build, and there is no warning.</summary>
    public Error Fails(string code, string file = "posttraingate.yml")
    {
        Assert.False(Succeeded, Output);
        var error = Assert.Single(Errors);
        Assert.Equal((code, file), (error.Code, error.File));
        Assert.Empty(Warnings);
        return error;
    }

    private void IsClean(int checks, int skips)
    {
        Assert.True(Succeeded, Output);
        Assert.Equal((checks, skips), (Checks, Skips));
        Assert.Empty(Errors);
        Assert.Empty(Warnings);
    }
}
