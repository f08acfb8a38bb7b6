using System.Security.Cryptography;
using System.Text;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.GitHub;

/// <summary>
/// Workflow commands, job summary and outputs of GitHub Actions: the one place that writes and escapes them. Outside
/// its own commands, command processing is stopped, so that no name in the log can act as one.
/// </summary>
internal sealed class GitHubWorkflow(TextWriter output, ActionsEnvironment actions)
{
    private const int LargestSummary = 1 << 20; // bytes a step
    private const int MostAnnotations = 10; // of a level a step; GitHub drops the rest without a word

    private readonly string _token = RandomNumberGenerator.GetHexString(32, lowercase: true);
    private bool _stopped;

    /// <summary>From here on the log is only text.</summary>
    public void Stop()
    {
        if (_stopped)
            return;
        output.WriteLine($"::stop-commands::{_token}");
        _stopped = true;
    }

    /// <summary>
    /// Annotates the lines of the policy; gravest first, and what exceeds GitHub's limit is counted in the last one.
    /// </summary>
    public void Annotate(IEnumerable<Diagnostic> diagnostics)
    {
        Resume();
        foreach (var level in diagnostics.GroupBy(d => d.Severity).OrderByDescending(l => l.Key))
        {
            var all = level.ToArray();
            foreach (var (diagnostic, i) in all.Take(MostAnnotations).Select((d, i) => (d, i)))
            {
                var rest =
                    i == MostAnnotations - 1 && all.Length > MostAnnotations
                        ? $" ({all.Length - MostAnnotations} more in the summary)"
                        : "";
                output.WriteLine(Command(diagnostic, rest));
            }
        }

        Stop();
    }

    /// <summary>Adds to the job summary, as much as GitHub takes.</summary>
    public void Summarize(string markdown) => Append("job summary", actions.SummaryFile, file =>
        {
            var used = File.Exists(file) ? new FileInfo(file).Length : 0;
            if (used + Encoding.UTF8.GetByteCount(markdown) + 1 > LargestSummary)
                markdown = "The report does not fit into this job summary; see the report files.\n";
            return used + Encoding.UTF8.GetByteCount(markdown) + 1 <= LargestSummary ? markdown + "\n" : "";
        });

    /// <summary>Sets outputs of the step, in the form that any value keeps its lines in.</summary>
    public void Set(IEnumerable<(string Name, string Value)> outputs) => Append("output file", actions.OutputFile, _ =>
        {
            var text = new StringBuilder();
            foreach (var (name, value) in outputs)
            {
                var delimiter = $"end-{RandomNumberGenerator.GetHexString(32, lowercase: true)}";
                text.Append($"{name}<<{delimiter}\n{value}\n{delimiter}\n");
            }

            return text.ToString();
        });

    // A file that cannot be written costs what would stand in it, and nothing else.
    private void Append(string what, string? file, Func<string, string> text)
    {
        if (file is null)
            return;
        try
        {
            File.AppendAllText(file, text(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Annotate([
                new(
                    DiagnosticCodes.GitHubDegraded,
                    $"The {what} cannot be written: {e.Message}",
                    Severity: Severity.Warning
                ),
            ]);
        }
    }

    private void Resume()
    {
        if (_stopped)
            output.WriteLine($"::{_token}::");
        _stopped = false;
    }

    private string Command(Diagnostic diagnostic, string rest)
    {
        var level = diagnostic.Severity switch
        {
            Severity.Error => "error",
            Severity.Warning => "warning",
            _ => "notice",
        };
        List<string> properties = [];
        if (diagnostic.Position is { } at)
        {
            properties.Add($"file={Property(actions.Relative(at.File))}");
            if (at.Line > 0)
                properties.Add($"line={at.Line}");
            if (at.Column > 0)
                properties.Add($"col={at.Column}");
        }

        properties.Add($"title={Property($"PostTrainGate {diagnostic.Code}")}");
        return $"::{level} {string.Join(',', properties)}::{Data(diagnostic.Message + rest)}";
    }

    private static string Data(string text) =>
        Untrusted
            .Clean(text, 4000)
            .Replace("%", "%25", StringComparison.Ordinal)
            .Replace("\r", "%0D", StringComparison.Ordinal)
            .Replace("\n", "%0A", StringComparison.Ordinal);

    private static string Property(string text) =>
        Data(text).Replace(":", "%3A", StringComparison.Ordinal).Replace(",", "%2C", StringComparison.Ordinal);
}
