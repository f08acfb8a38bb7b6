using PostTrainGate.Foundation;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>What becomes of a repaired model in a pull request.</summary>
public sealed class ProposeRepairTests : IDisposable
{
    private readonly RepairInPullRequest _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public async Task A_commit_on_the_branch_changes_the_model_alone_and_says_where_it_comes_from()
    {
        await _run.Run("commit");
        var (sha, commit) = Assert.Single(_run.GitHub.Commits);
        Assert.Equal(sha, _run.GitHub.Branches["feature/model"]);
        Assert.Equal(FakeGitHub.HeadSha, (string)Assert.Single(commit["parents"]!.AsArray())!);
        Assert.Equal("the repaired model"u8.ToArray(), Assert.Single(_run.GitHub.Blobs));
        var entry = Assert.Single(Assert.Single(_run.GitHub.Trees)["tree"]!.AsArray())!;
        Assert.Equal("models/credit.onnx", (string)entry["path"]!);
        var message = (string)commit["message"]!;
        Assert.StartsWith("Repair models/credit.onnx with ", message, StringComparison.Ordinal);
        Assert.Contains("statistical parity difference by sex", message, StringComparison.Ordinal);
        Assert.Contains(
            Hash.ComputeFile(_run.Place.Folder.Path("models/credit.onnx")),
            message,
            StringComparison.Ordinal
        );
        Assert.Contains($"the repaired model was committed to feature/model as {sha[..7]}", _run.Said);
        Assert.Equal(sha, _run.Fix);
    }

    [Theory]
    [InlineData(
        "commit",
        @"\n- The repaired model was committed to `feature/model` as \[`\w{7}`\]\(<\S+/commit/\w{40}>\);"
    )]
    [InlineData("pull-request", @"\n- The pull request \[`8`\]\(<\S+/pull/8>\) with the repaired model was opened\.\n")]
    public async Task The_comment_names_what_was_made_before_it(string fix, string sentence)
    {
        await _run.Run(fix);
        var comment = Assert.Single(_run.GitHub.Comments).Body;
        Assert.Matches(sentence, comment);
        Assert.DoesNotContain("then replace", comment, StringComparison.Ordinal);
        Assert.DoesNotContain("on the runner only", comment, StringComparison.Ordinal);
        Assert.DoesNotContain("⏳", comment, StringComparison.Ordinal); // the commit makes it no older one
        Assert.Contains($"head={FakeGitHub.HeadSha}", comment, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_comment_says_why_nothing_was_made()
    {
        _run.GitHub.Interfere = (method, path) =>
            method == "PATCH" && path.Contains("/git/refs/", StringComparison.Ordinal)
                ? FakeGitHub.Status(403, "Resource not accessible by integration")
                : null;
        await _run.Run("commit");
        var comment = Assert.Single(_run.GitHub.Comments).Body;
        Assert.Contains(
            "\n> ⚠️ The repaired model was not proposed: GitHub refused",
            comment,
            StringComparison.Ordinal
        );
        Assert.Contains("contents: write", comment, StringComparison.Ordinal);
        Assert.Contains("\n- Review the repaired model ", comment, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pull_request_is_opened_once_and_then_brought_up_to_date()
    {
        await _run.Run("pull-request");
        var branch = Assert.Single(_run.GitHub.Branches.Keys, b =>
            b.StartsWith("posttraingate/", StringComparison.Ordinal)
        );
        Assert.Equal(FakeGitHub.HeadSha, _run.GitHub.Branches["feature/model"]);
        Assert.Contains(
            "pull request 8 (https://github.example/octo/models/pull/8) with the repaired model was opened",
            _run.Said
        );
        Assert.Equal("https://github.example/octo/models/pull/8", _run.Fix);

        await _run.Run("pull-request");
        Assert.Equal(2, _run.GitHub.Branches.Count);
        Assert.Equal(_run.GitHub.Commits.Keys.Last(), _run.GitHub.Branches[branch]);
        Assert.Single(_run.GitHub.PullRequests);
        Assert.Contains("was updated", _run.Said);
    }

    [Fact]
    public async Task A_branch_with_somebody_elses_commit_is_left_alone()
    {
        await _run.Run("pull-request");
        var branch = _run.GitHub.Branches.Keys.Last();
        _run.GitHub.Branches[branch] = FakeGitHub.BaseSha;
        await _run.Run("pull-request");
        Assert.Equal(FakeGitHub.BaseSha, _run.GitHub.Branches[branch]);
        Assert.Contains("holds a commit of somebody else", _run.Said);
    }

    [Fact]
    public async Task A_fork_gets_no_commit()
    {
        _run.Event(FakeGitHub.Event.Replace("octo/models", "someone/models", StringComparison.Ordinal));
        await _run.Run("commit");
        _run.Nothing("the pull request comes from a fork");
    }

    [Fact]
    public async Task A_push_gets_no_commit()
    {
        _run.Variables["GITHUB_EVENT_NAME"] = "push";
        _run.Push();
        await _run.Run("commit");
        _run.Nothing("the run is not for a pull request");
    }

    [Fact]
    public async Task A_newer_commit_is_not_built_upon()
    {
        _run.GitHub.Head = FakeGitHub.BaseSha;
        await _run.Run("commit");
        _run.Nothing("the pull request has a newer commit");
    }

    [Fact]
    public async Task A_branch_that_moves_meanwhile_stays_where_it_is()
    {
        _run.GitHub.Branches["feature/model"] = FakeGitHub.BaseSha;
        await _run.Run("commit");
        Assert.Equal(FakeGitHub.BaseSha, _run.GitHub.Branches["feature/model"]);
        Assert.Contains("the pull request has a newer commit", _run.Said);
    }

    [Fact]
    public async Task A_link_in_the_models_place_is_not_followed()
    {
        _run.GitHub.Mode = "120000";
        await _run.Run("commit");
        _run.Nothing("no plain file at the model's path");
    }

    [Fact]
    public async Task Another_model_than_the_measured_one_is_not_replaced()
    {
        _run.GitHub.HeadFiles["models/credit.onnx"] = "another"u8.ToArray();
        await _run.Run("commit");
        _run.Nothing("another model than the one that was measured");
    }

    [Fact]
    public async Task A_missing_permission_is_named()
    {
        _run.GitHub.Interfere = (method, path) =>
            method == "POST" && path.EndsWith("/git/blobs", StringComparison.Ordinal)
                ? FakeGitHub.Status(403, "Resource not accessible by integration")
                : null;
        await _run.Run("commit");
        _run.Nothing("permissions: contents: write");
    }

    [Fact]
    public async Task An_artifact_asks_nothing_of_github()
    {
        await _run.Run("artifact", "--comment", "never");
        Assert.Empty(_run.GitHub.Requests);
        Assert.Equal("", _run.Fix);
    }
}
