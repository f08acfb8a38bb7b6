using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Cli.GitHub.Fix;

/// <summary>What a commit with a repaired model says of where it comes from.</summary>
internal static class RepairMessage
{
    // The line by which a commit of this tool is known.
    private const string Mark = "PostTrainGate-Model: ";

    private const int LongestSubject = 72;

    /// <summary>Whether the message of a commit is one of these.</summary>
    public static bool Is(string? message) => message?.Contains($"\n{Mark}", StringComparison.Ordinal) == true;

    /// <summary>The first line.</summary>
    public static string Subject(GateResult result)
    {
        var subject = $"Repair {Plain(result.Model!.File)} with {Plain(result.Repair!.Method)}";
        return subject.Length <= LongestSubject ? subject : $"Repair a model with {Plain(result.Repair.Method)}";
    }

    /// <summary>The whole message.</summary>
    public static string Write(GateResult result)
    {
        var (repair, text) = (result.Repair!, new StringBuilder());
        text.Append(Subject(result)).Append("\n\nGates, before and after on rows that the repair never saw:\n");
        foreach (var gate in result.Gates.Where(g => g.Repaired is not null))
            text.Append(
                $"- {Plain(gate.Title)}, {gate.Threshold}: {GateText.Value(gate.Original)} "
                    + $"{Outcomes.Words(gate.Original.Verdict)}, {GateText.Value(gate.Repaired!)} "
                    + $"{Outcomes.Words(gate.Repaired!.Verdict)}\n"
            );
        var isGated = result.Gates.Any(g => g.Metric == new Accuracy().Name);
        if (!isGated && repair is { AccuracyBefore: { } before, AccuracyAfter: { } after })
            text.Append($"- accuracy: {GateText.Value(before)}, {GateText.Value(after)}\n");
        text.Append($"\n{Mark}{Plain(result.Model!.File)}\n");
        text.Append($"PostTrainGate-Version: {result.Tool}\n");
        text.Append($"Source-SHA256: {result.Model.Sha256}\n");
        text.Append($"Repaired-SHA256: {repair.Sha256}\n");
        return text.ToString();
    }

    // Names come from the change: none may mention a person, close an issue or steer a workflow.
    private static string Plain(string? text) =>
        new([.. Untrusted.Clean(text, 120).Select(c => c is '#' or '@' or '[' or ']' ? '_' : c)]);
}
