using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

/// <summary>Writes the reports that a policy asks for.</summary>
public static class ReportFolder
{
    /// <summary>
    /// Every writer of the catalog that is always wanted or named in the policy, each written whole or not at all.
    /// </summary>
    /// <returns>The files by name of their writer, and a diagnostic for each that could not be written.</returns>
    public static (ImmutableSortedDictionary<string, string> Files, ImmutableArray<Diagnostic> Diagnostics) Write(
        GatePolicy policy,
        GateResult result
    )
    {
        var files = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        var diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        foreach (var writer in OutputFiles.Reports(policy))
        {
            var file = OutputFiles.ReportPath(policy, writer);
            try
            {
                if (OutputFiles.WhyNotReport(policy, writer) is { } refused)
                    throw new IOException($"it {refused}.");
                AtomicFile.WriteText(file, writer.Render(result));
                files.Add(writer.Name, file);
            }
            catch (Exception e)
            {
                // Whatever is wrong with one report, the others and the outcome stand.
                diagnostics.Add(
                    new(
                        DiagnosticCodes.ReportUnwritable,
                        $"The report {file} cannot be written: {e.Message}",
                        Severity: Severity.Warning
                    )
                );
            }
        }

        return (files.ToImmutable(), diagnostics.ToImmutable());
    }
}
