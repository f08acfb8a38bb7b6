using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Policy;

namespace PostTrainGate.Cli;

/// <summary>
/// The list of files that a run depends on, for builds that skip what has not changed: one absolute path a line, and
/// <c>glob:PATTERN</c> for every pattern, as a new file that matches matters too.
/// </summary>
internal static class InputsFile
{
    /// <summary>Writes the list; for a policy that cannot be read it is the policy alone.</summary>
    public static void Write(string path, string policyFile, GatePolicy? policy, CheckOptions options)
    {
        var lines = new SortedSet<string>(StringComparer.Ordinal) { Path.GetFullPath(policyFile) };
        if (options.BaseModel is { } model)
            lines.Add(Path.GetFullPath(model));
        if (policy is not null)
        {
            foreach (
                var used in new[]
                {
                    policy.Model,
                    policy.Data.Source,
                    policy.Data.LabelFile,
                    policy.Repair?.Snapshots,
                }.OfType<PolicyPath>()
            )
            {
                if (used.Files is not [var only] || only != used.FullPath)
                    lines.Add($"glob:{used.FullPath}");
                foreach (var file in used.Files)
                {
                    lines.Add(file);
                    if (RealPaths.Follow(file) is { } real)
                        lines.Add(real); // a link's own time says nothing of what it leads to
                }
            }

            foreach (var file in (policy.Model?.Files ?? []).Concat(policy.Repair?.Snapshots?.Files ?? []))
                lines.UnionWith(OnnxFile.ExternalFiles(file));
        }

        try
        {
            if (OutputFiles.WhyNotList(path, policy) is { } refused)
                throw new IOException($"it {refused}.");
            AtomicFile.WriteText(path, string.Join('\n', lines) + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ReportUnwritable,
                    $"The list of inputs {path} cannot be written: {e.Message}"
                ),
                e
            );
        }
    }
}
