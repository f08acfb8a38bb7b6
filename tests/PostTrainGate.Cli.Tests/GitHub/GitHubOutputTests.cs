using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

public sealed class GitHubOutputTests : IDisposable
{
    private readonly FakeGitHub _github = new();
    private readonly Workplace _place = new();

    public GitHubOutputTests() => Enter();

    public void Dispose()
    {
        _github.Dispose();
        _place.Dispose();
    }

    [Fact]
    public async Task A_pull_request_gets_annotations_summary_outputs_and_comment()
    {
        Assert.Equal(1, await Check(SampleResults.Repaired));

        var summary = File.ReadAllText(_place.Folder.Path("summary.md"));
        Assert.StartsWith("## ❌ Failed: 2 of 5 gates of `credit.onnx` failed", summary, StringComparison.Ordinal);
        var comment = Assert.Single(_github.Comments).Body;
        Assert.StartsWith(
            $"<!-- posttraingate policy=posttraingate.yml run=500 attempt=1 head={FakeGitHub.HeadSha} "
                + "outcome=failed -->\n"
                + "## ❌ Failed: 2 of 5 gates of `credit.onnx` failed",
            comment,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "[The run](https://github.example/octo/models/actions/runs/500) for `aaaaaaa`",
            comment,
            StringComparison.Ordinal
        );
        Assert.Equal(
            3,
            _place
                .Out.Split('\n')
                .Count(l =>
                    l.StartsWith("::error file=", StringComparison.Ordinal)
                    && l.Contains("samples/credit/posttraingate.yml,line=2", StringComparison.Ordinal)
                )
        );
        Assert.Equal(
            new()
            {
                ["outcome"] = "failed",
                ["report"] = "posttraingate-report",
                ["json"] = "posttraingate-report/gate-result.json",
                ["sarif"] = "",
                ["repaired-model"] = "models/credit.repaired.onnx",
                ["fix"] = "",
            },
            Outputs.Parse(File.ReadAllText(_place.Folder.Path("output.txt")))
        );
    }

    [Fact]
    public async Task Inside_Actions_no_format_has_to_be_asked_for()
    {
        await Check(SampleResults.Passed);
        Assert.StartsWith("::stop-commands::", _place.Out, StringComparison.Ordinal);
        Assert.Single(_github.Comments);
    }

    [Fact]
    public async Task A_read_only_token_leaves_summary_and_annotations_and_a_warning()
    {
        _github.Interfere = (method, path) =>
            method == "POST" && path != "/graphql"
                ? FakeGitHub.Status(403, "Resource not accessible by integration")
                : null;
        Assert.Equal(1, await Check(SampleResults.Rejected));
        Assert.Empty(_github.Comments);
        Assert.Contains(
            "\n::warning title=PostTrainGate PTG6001::The pull request comment could not be written (403 Resource not "
                + "accessible by integration)",
            _place.Out,
            StringComparison.Ordinal
        );
        Assert.Contains("\n::error file=", _place.Out, StringComparison.Ordinal);
        Assert.Contains("(PTG6001)", File.ReadAllText(_place.Folder.Path("summary.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_token_or_a_GitHub_that_is_down_changes_no_verdict()
    {
        var sha = new GitFolder(_place.Folder.Root).Commit("base"); // so that the base is here
        var file = _place.Folder.Write(
            "e.json",
            FakeGitHub.Event.Replace(FakeGitHub.BaseSha, sha, StringComparison.Ordinal)
        );
        Enter(("GITHUB_TOKEN", null), ("GITHUB_EVENT_PATH", file));
        Assert.Equal(0, await Check(SampleResults.Passed));
        Assert.Contains(
            "PTG6001::The pull request comment could not be written (there is no token)",
            _place.Out,
            StringComparison.Ordinal
        );

        Enter(
            ("GITHUB_API_URL", "http://127.0.0.1:9/"),
            ("GITHUB_GRAPHQL_URL", "http://127.0.0.1:9/graphql"),
            ("GITHUB_EVENT_PATH", file)
        );
        Assert.Equal(0, await Check(SampleResults.Passed));
        Assert.Empty(_github.Comments);
    }

    [Theory]
    [InlineData("push", "always", 0)]
    [InlineData("pull_request", "never", 0)]
    [InlineData("pull_request", "failures", 0)]
    [InlineData("pull_request", "always", 1)]
    public async Task A_comment_is_made_when_it_is_wanted(string name, string mode, int comments)
    {
        Enter(("GITHUB_EVENT_NAME", name));
        await Check(SampleResults.Passed, "--comment", mode);
        Assert.Equal(comments, _github.Comments.Count);
    }

    [Fact]
    public async Task A_comment_about_failures_is_brought_up_to_date_by_a_green_run()
    {
        await Check(SampleResults.Rejected, "--comment", "failures");
        Enter(("GITHUB_RUN_ID", "501"));
        await Check(SampleResults.Passed, "--comment", "failures");
        Assert.Contains("## ✅ Passed", Assert.Single(_github.Comments).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Legs_of_a_matrix_have_a_section_each_and_what_is_on_the_runner_is_said_to_be()
    {
        Enter(("INPUT_ID", "linux"));
        await Check(SampleResults.Passed);
        Enter(("INPUT_ID", "arm"));
        await Check(SampleResults.Repaired);
        var body = Assert.Single(_github.Comments).Body;
        var sections = PostTrainGate.Cli.GitHub.CommentBody.Parse(body).Sections;
        Assert.Equal(["arm", "linux"], sections.Select(s => s.Marker.Id));
        Assert.Contains(" is proposed (arm)\n", sections[0].Text, StringComparison.Ordinal);
        Assert.Contains("## ✅ Passed: the gate of `credit.onnx` passed (linux)\n", body, StringComparison.Ordinal);
        Assert.Contains(
            "on the runner only until a step uploads them: `actions/upload-artifact`",
            body,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("with the report files", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_breaks_does_not_leave_a_green_comment()
    {
        await Check(SampleResults.Passed);
        Enter(("GITHUB_RUN_ID", "501"));
        await _place.RunAsync(
            (_, _, _, _) => throw new GateException(new Diagnostic("PTG2001", "The model @octocat is broken."))
        );
        var comment = Assert.Single(_github.Comments).Body;
        Assert.Contains("## ❌ The gate could not run\n", comment, StringComparison.Ordinal);
        // The engine names no place for a model; it is where the policy names the model.
        Assert.Matches(@"- The model @&#8203;octocat is broken\. \(`[^`]*\(\d+,\d+\)`, PTG2001\)\n", comment);
        Assert.Equal(
            "error",
            Outputs.Parse(File.ReadAllText(_place.Folder.Path("output.txt")).Split("outcome")[^1].Insert(0, "outcome"))[
                "outcome"
            ]
        );
    }

    [Fact]
    public async Task No_name_in_the_log_acts_as_a_command()
    {
        await Check(
            SampleResults.Hostile with
            {
                Gates = [SampleResults.Hostile.Gates[0] with { Title = "::error::forged" }],
            }
        );
        var lines = _place.Out.Split('\n');
        var stopped = lines[0]["::stop-commands::".Length..];
        var resumed = Array.IndexOf(lines, $"::{stopped}::");
        var again = Array.IndexOf(lines, lines[0], resumed);
        Assert.DoesNotContain(lines[(resumed + 1)..again], l =>
            !l.StartsWith("::error ", StringComparison.Ordinal)
            && !l.StartsWith("::warning ", StringComparison.Ordinal)
            && !l.StartsWith("::notice ", StringComparison.Ordinal)
        );
    }

    private void Enter(params (string Name, string? Value)[] changes)
    {
        var host = _github.Host(_place.Folder, changes.ToDictionary(c => c.Name, c => c.Value));
        _place.Host = host;
        host.Out.NewLine = host.Error.NewLine = "\n";
    }

    private Task<int> Check(GateResult result, params string[] args) => _place.RunAsync(result, args);
}
