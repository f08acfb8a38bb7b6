using Microsoft.Build.Logging.StructuredLogger;

namespace PostTrainGate.Packages.Tests;

/// <summary>What happened in a build, from its binary log.</summary>
internal sealed class BuildLog
{
    private readonly Build build;

    public BuildLog(string path, int exitCode, string output)
    {
        build = BinaryLog.ReadBuild(path);
        (ExitCode, Output) = (exitCode, output);
    }

    public int ExitCode { get; }

    /// <summary>What the build printed, for messages of failing tests.</summary>
    public string Output { get; }

    public bool Succeeded => ExitCode == 0 && build.Succeeded;

    /// <summary>In the order they were logged.</summary>
    public IReadOnlyList<Error> Errors => [.. build.FindChildrenRecursive<Error>()];

    public IReadOnlyList<Warning> Warnings => [.. build.FindChildrenRecursive<Warning>()];

    /// <summary>How often the engine was run.</summary>
    public int Checks => build.FindChildrenRecursive<Microsoft.Build.Logging.StructuredLogger.Task>(t => t.Name == "Check").Count;

    /// <summary>How often the check was skipped because all that it depends on was the same.</summary>
    public int Skips => build.FindChildrenRecursive<Target>(t => t.Name == "PostTrainGateMeasure" && t.Skipped).Count;

    /// <summary>Whether a target of this package took part at all.</summary>
    public bool Mentions(string project) => build.FindChildrenRecursive<Target>(t => t.Name.StartsWith("PostTrainGate", StringComparison.Ordinal)
        && !t.Skipped && t.Project?.Name == project).Count > 0;

    public override string ToString() => Output;
}
