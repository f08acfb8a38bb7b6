using System.Text;
using CsCheck;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Foundation;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

public sealed class WorkflowTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeGitHub _github = new();

    public void Dispose()
    {
        _github.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void An_annotation_stands_at_the_policys_line_and_cannot_become_another_command()
    {
        var file = _folder.Path("a,b:c%.yml");
        var lines = Annotate(new Diagnostic("PTG4001", "100 % bad\n::error::forged", new SourcePosition(file, 3, 5)));
        Assert.Contains(
            "::error file=a%2Cb%3Ac%25.yml,line=3,col=5,title=PostTrainGate PTG4001::100 %25 bad ::error::forged",
            lines
        );
        Assert.Single(lines, l => l.StartsWith("::error", StringComparison.Ordinal));
    }

    [Fact]
    public void Commands_work_only_while_annotations_are_written()
    {
        var lines = Annotate(new Diagnostic("PTG4001", "bad"));
        var token = lines[0]["::stop-commands::".Length..];
        Assert.Equal(32, token.Length);
        Assert.Equal(
            [
                $"::stop-commands::{token}",
                $"::{token}::",
                "::error title=PostTrainGate PTG4001::bad",
                $"::stop-commands::{token}",
            ],
            lines
        );
        Assert.NotEqual(lines[0], Annotate(new Diagnostic("PTG4001", "bad"))[0]);
    }

    [Fact]
    public void Beyond_GitHubs_limit_the_rest_is_counted()
    {
        var lines = Annotate([
            .. Enumerable.Range(0, 25).Select(i => new Diagnostic("PTG4001", $"bad {i}")),
            new Diagnostic("PTG4002", "unsure", Severity: Severity.Warning),
        ]);
        Assert.Equal(10, lines.Count(l => l.StartsWith("::error", StringComparison.Ordinal)));
        Assert.Contains("::error title=PostTrainGate PTG4001::bad 9 (15 more in the summary)", lines);
        Assert.Contains("::warning title=PostTrainGate PTG4002::unsure", lines);
    }

    [Fact]
    public void Outputs_keep_every_line_and_cannot_set_another()
    {
        Workflow(out _).Set([("outcome", "failed"), ("report", "a\nevil=1\nb")]);
        var text = File.ReadAllText(_folder.Path("output.txt"));
        Assert.Equal(new() { ["outcome"] = "failed", ["report"] = "a\nevil=1\nb" }, Outputs.Parse(text));
    }

    [Fact]
    public void The_summary_never_outgrows_its_megabyte()
    {
        var workflow = Workflow(out _);
        var file = _folder.Path("summary.md");
        workflow.Summarize(new string('x', 600_000));
        workflow.Summarize(new string('é', 300_000));
        var text = File.ReadAllText(file);
        Assert.InRange(Encoding.UTF8.GetByteCount(text), 600_000, 1 << 20);
        Assert.EndsWith(
            "does not fit into this job summary; see the report files.\n\n",
            text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_marker_comes_back_whatever_the_policys_path_is() =>
        Gen.Select(Gen.String, Gen.Long[0, long.MaxValue], Gen.Int[0, int.MaxValue])
            .Where(m => m.Item1.Length > 0 && IsText(m.Item1))
            .Sample(
                (path, run, attempt) =>
                {
                    var marker = new CommentMarker(path, run, attempt);
                    var text = marker.ToString();
                    Assert.Equal(marker, CommentMarker.TryParse($"{text}\nanything"));
                    Assert.DoesNotContain("--", text[4..^3], StringComparison.Ordinal);
                    Assert.DoesNotContain('>', text[..^1]);
                }
            );

    [Theory]
    [InlineData("push", null)]
    [InlineData("pull_request", "{}")]
    [InlineData("pull_request", "not json")]
    [InlineData("pull_request", "{\"pull_request\":{\"number\":\"seven\"}}")]
    public void No_other_event_is_taken_for_a_pull_request(string name, string? text)
    {
        var host = _github.Host(
            _folder,
            new()
            {
                ["GITHUB_EVENT_NAME"] = name,
                ["GITHUB_EVENT_PATH"] = _folder.Write("other.json", text ?? FakeGitHub.Event),
            }
        );
        Assert.Null(GitHubEvent.PullRequestOf(host));
        Assert.NotNull(GitHubEvent.PullRequestOf(_github.Host(_folder)));
        Assert.Null(
            GitHubEvent.PullRequestOf(
                _github.Host(_folder, new() { ["GITHUB_EVENT_PATH"] = _folder.Path("missing.json") })
            )
        );
    }

    // Lone surrogates are no text; a path in a repository is.
    private static bool IsText(string path) => !path.EnumerateRunes().Any(r => r.Value == 0xFFFD);

    private string[] Annotate(params Diagnostic[] diagnostics)
    {
        var workflow = Workflow(out var output);
        workflow.Stop();
        workflow.Annotate(diagnostics);
        return output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private GitHubWorkflow Workflow(out StringWriter output)
    {
        output = new StringWriter { NewLine = "\n" };
        return new(output, new ActionsEnvironment(_github.Host(_folder)));
    }
}

/// <summary>Reads the file of a step's outputs as the runner does.</summary>
internal static class Outputs
{
    public static Dictionary<string, string> Parse(string text)
    {
        var outputs = new Dictionary<string, string>();
        var lines = new Queue<string>(text.Split('\n')[..^1]);
        while (lines.TryDequeue(out var head))
        {
            var parts = head.Split("<<", 2);
            var value = new List<string>();
            for (string line; (line = lines.Dequeue()) != parts[1]; )
                value.Add(line);
            outputs.Add(parts[0], string.Join('\n', value));
        }

        return outputs;
    }
}
