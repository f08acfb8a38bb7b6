using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace PostTrainGate.MSBuild;

/// <summary>
/// Says again what the last check said: nothing it depends on has changed, so its errors and warnings still hold.
/// </summary>
public sealed class Repeat : Task
{
    /// <summary>The result that the last check wrote.</summary>
    [Required]
    public string Result { get; set; } = "";

    /// <summary>The policy as the project names it, for messages.</summary>
    [Required]
    public string Policy { get; set; } = "";

    /// <inheritdoc cref="Check.Project"/>
    public string Project { get; set; } = "";

    /// <inheritdoc/>
    public override bool Execute()
    {
        var record = GateRecord.Read(Result);
        foreach (var line in record?.Lines ?? [])
            GateLine.Parse(line)?.Log(Log, Policy);
        var passed = record is { ExitCode: 0 };
        Log.LogMessage(
            passed ? MessageImportance.Normal : MessageImportance.High,
            "PostTrainGate {0}: {1}: nothing has changed since the check at {2:yyyy-MM-dd HH:mm:ss}, {3}",
            Project,
            Policy,
            File.GetLastWriteTime(Result),
            passed ? "which passed" : "so its result still applies"
        );
        return !Log.HasLoggedErrors;
    }
}
