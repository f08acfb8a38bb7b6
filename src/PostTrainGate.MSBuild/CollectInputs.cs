using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;
using PostTrainGate.Foundation;

namespace PostTrainGate.MSBuild;

/// <summary>
/// Tells MSBuild which files the last check read, so that it can skip the next one; deletes a result that no longer
/// stands for a reason that MSBuild's comparison of times does not see (a file gone, new or replaced by an older one,
/// another tool or other arguments).
/// </summary>
public sealed class CollectInputs : Task
{
    /// <summary>The policy, relative to the project's folder or absolute.</summary>
    [Required]
    public string Policy { get; set; } = "";

    /// <summary>Absolute folder of the project.</summary>
    [Required]
    public string ProjectDirectory { get; set; } = "";

    /// <summary>What else the result depends on.</summary>
    public string Settings { get; set; } = "";

    /// <summary>
    /// A tool to use instead of the packaged one, relative to the project's folder or absolute; empty: the packaged
    /// one.
    /// </summary>
    public string Tool { get; set; } = "";

    /// <summary>The list that the last check wrote.</summary>
    [Required]
    public string InputList { get; set; } = "";

    /// <summary>The result that the last check wrote.</summary>
    [Required]
    public string Result { get; set; } = "";

    /// <summary>Every file that the result depends on.</summary>
    [Output]
    public ITaskItem[] Files { get; private set; } = [];

    /// <inheritdoc/>
    public override bool Execute()
    {
        var policy = Check.Resolve(ProjectDirectory, Policy);
        if (!File.Exists(policy))
        {
            Log.LogError(
                null,
                DiagnosticCodes.PolicyUnreadable,
                null,
                Policy,
                0,
                0,
                0,
                0,
                "the policy '{0}' does not exist; create it, or set PostTrainGatePolicy to its path",
                policy
            );
            return false;
        }

        var inputs = GateInputs.Read(policy, InputList, Check.Resolve(ProjectDirectory, Tool), Check.Call(Settings));
        if (File.Exists(Result) && GateRecord.Read(Result)?.Fingerprint != inputs.Fingerprint)
        {
            Log.LogMessage(MessageImportance.Low, "The inputs of the last check have changed.");
            File.Delete(Result);
        }
        // MSBuild's escapes
        Files = [.. inputs.Files.Select(f => new TaskItem(f.Replace("%", "%25").Replace(";", "%3B")))];
        return true;
    }
}
