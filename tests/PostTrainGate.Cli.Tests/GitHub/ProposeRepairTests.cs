using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>What becomes of a repaired model in a pull request.</summary>
public sealed class ProposeRepairTests : IDisposable
{
    private readonly Workplace _place = new();
    private readonly FakeGitHub _github = new();
    private readonly Dictionary<string, string?> _variables = [];
    private readonly string _base;

    public ProposeRepairTests()
    {
        _base = new GitFolder(_place.Folder.Root).Commit("base");
        Event(FakeGitHub.Event);
        _github.HeadFiles["posttraingate.yml"] = "policy"u8.ToArray();
        _github.HeadFiles["models/credit.onnx"] = "model"u8.ToArray();
    }

    public void Dispose()
    {
        _github.Dispose();
        _place.Dispose();
    }

    [Fact]
    public async Task A_commit_on_the_branch_changes_the_model_alone_and_says_where_it_comes_from()
    {
        await Run("commit");
        var (sha, commit) = Assert.Single(_github.Commits);
        Assert.Equal(sha, _github.Branches["feature/model"]);
        Assert.Equal(FakeGitHub.HeadSha, (string)Assert.Single(commit["parents"]!.AsArray())!);
        Assert.Equal("the repaired model"u8.ToArray(), Assert.Single(_github.Blobs));
        var entry = Assert.Single(Assert.Single(_github.Trees)["tree"]!.AsArray())!;
        Assert.Equal("models/credit.onnx", (string)entry["path"]!);
        var message = (string)commit["message"]!;
        Assert.StartsWith("Repair models/credit.onnx with ", message, StringComparison.Ordinal);
        Assert.Contains("statistical parity difference by sex", message, StringComparison.Ordinal);
        Assert.Contains(Hash.ComputeFile(_place.Folder.Path("models/credit.onnx")), message, StringComparison.Ordinal);
        Assert.Contains($"the repaired model was committed to feature/model as {sha[..7]}", Said());
        Assert.Equal(sha, Fix());
    }

    [Theory]
    [InlineData(
        "commit",
        @"\n- The repaired model was committed to `feature/model` as \[`\w{7}`\]\(<\S+/commit/\w{40}>\);"
    )]
    [InlineData("pull-request", @"\n- The pull request \[`8`\]\(<\S+/pull/8>\) with the repaired model was opened\.\n")]
    public async Task The_comment_names_what_was_made_before_it(string fix, string sentence)
    {
        await Run(fix);
        var comment = Assert.Single(_github.Comments).Body;
        Assert.Matches(sentence, comment);
        Assert.DoesNotContain("then replace", comment, StringComparison.Ordinal);
        Assert.DoesNotContain("on the runner only", comment, StringComparison.Ordinal);
        Assert.DoesNotContain("⏳", comment, StringComparison.Ordinal); // the commit makes it no older one
        Assert.Contains($"head={FakeGitHub.HeadSha}", comment, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_comment_says_why_nothing_was_made()
    {
        _github.Interfere = (method, path) =>
            method == "PATCH" && path.Contains("/git/refs/", StringComparison.Ordinal)
                ? FakeGitHub.Status(403, "Resource not accessible by integration")
                : null;
        await Run("commit");
        var comment = Assert.Single(_github.Comments).Body;
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
        await Run("pull-request");
        var branch = Assert.Single(_github.Branches.Keys, b =>
            b.StartsWith("posttraingate/", StringComparison.Ordinal)
        );
        Assert.Equal(FakeGitHub.HeadSha, _github.Branches["feature/model"]);
        Assert.Contains(
            "pull request 8 (https://github.example/octo/models/pull/8) with the repaired model was opened",
            Said()
        );
        Assert.Equal("https://github.example/octo/models/pull/8", Fix());

        await Run("pull-request");
        Assert.Equal(2, _github.Branches.Count);
        Assert.Equal(_github.Commits.Keys.Last(), _github.Branches[branch]);
        Assert.Single(_github.PullRequests);
        Assert.Contains("was updated", Said());
    }

    [Fact]
    public async Task A_branch_with_somebody_elses_commit_is_left_alone()
    {
        await Run("pull-request");
        var branch = _github.Branches.Keys.Last();
        _github.Branches[branch] = FakeGitHub.BaseSha;
        await Run("pull-request");
        Assert.Equal(FakeGitHub.BaseSha, _github.Branches[branch]);
        Assert.Contains("holds a commit of somebody else", Said());
    }

    [Fact]
    public async Task A_fork_gets_no_commit()
    {
        Event(FakeGitHub.Event.Replace("octo/models", "someone/models", StringComparison.Ordinal));
        await Run("commit");
        Nothing("the pull request comes from a fork");
    }

    [Fact]
    public async Task A_push_gets_no_commit()
    {
        _variables["GITHUB_EVENT_NAME"] = "push";
        Event($$$"""{"before":"{{{_base}}}","ref":"refs/heads/main","repository":{"default_branch":"main"}}""");
        await Run("commit");
        Nothing("the run is not for a pull request");
    }

    [Fact]
    public async Task A_newer_commit_is_not_built_upon()
    {
        _github.Head = FakeGitHub.BaseSha;
        await Run("commit");
        Nothing("the pull request has a newer commit");
    }

    [Fact]
    public async Task A_branch_that_moves_meanwhile_stays_where_it_is()
    {
        _github.Branches["feature/model"] = FakeGitHub.BaseSha;
        await Run("commit");
        Assert.Equal(FakeGitHub.BaseSha, _github.Branches["feature/model"]);
        Assert.Contains("the pull request has a newer commit", Said());
    }

    [Fact]
    public async Task A_model_in_git_lfs_points_to_the_artifact()
    {
        _github.HeadFiles["models/credit.onnx"] = Encoding.ASCII.GetBytes(
            $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 5\n"
        );
        await Run("commit");
        Nothing("the model is stored by Git LFS");
        Assert.Contains("repaired.onnx", Said());
    }

    [Fact]
    public async Task A_link_in_the_models_place_is_not_followed()
    {
        _github.Mode = "120000";
        await Run("commit");
        Nothing("no plain file at the model's path");
    }

    [Fact]
    public async Task Another_model_than_the_measured_one_is_not_replaced()
    {
        _github.HeadFiles["models/credit.onnx"] = "another"u8.ToArray();
        await Run("commit");
        Nothing("another model than the one that was measured");
    }

    [Fact]
    public async Task A_missing_permission_is_named()
    {
        _github.Interfere = (method, path) =>
            method == "POST" && path.EndsWith("/git/blobs", StringComparison.Ordinal)
                ? FakeGitHub.Status(403, "Resource not accessible by integration")
                : null;
        await Run("commit");
        Nothing("permissions: contents: write");
    }

    [Fact]
    public async Task An_artifact_asks_nothing_of_github()
    {
        await Run("artifact", "--comment", "never");
        Assert.Empty(_github.Requests);
        Assert.Equal("", Fix());
    }

    private void Nothing(string why)
    {
        Assert.Empty(_github.Commits);
        Assert.Contains("warning", Said());
        Assert.Contains(why, Said());
        Assert.Equal("", Fix());
    }

    private string Said() => _place.Out.Replace("The repaired", "the repaired", StringComparison.Ordinal);

    private string Fix() => Outputs.Parse(File.ReadAllText(_place.Folder.Path("output.txt")))["fix"];

    private void Event(string text) =>
        _variables["GITHUB_EVENT_PATH"] = _place.Folder.Write(
            "e.json",
            text.Replace(FakeGitHub.BaseSha, _base, StringComparison.Ordinal)
        );

    private async Task Run(string fix, params string[] args)
    {
        File.Delete(_place.Folder.Path("output.txt"));
        _place.Host = _github.Host(_place.Folder, _variables);
        Assert.Equal(1, await _place.RunAsync((_, _, _, _) => Result(), ["--fix", fix, .. args]));
    }

    // As a run leaves it: the repaired model is there.
    private GateResult Result()
    {
        var (model, repaired) = (_place.Folder.Path("models/credit.onnx"), _place.Folder.Path("repaired.onnx"));
        File.WriteAllText(repaired, "the repaired model");
        var sample = SampleResults.Repaired;
        return sample with
        {
            Model = sample.Model! with { File = "models/credit.onnx", Sha256 = Hash.ComputeFile(model) },
            Repair = sample.Repair! with { Output = "repaired.onnx", Sha256 = Hash.ComputeFile(repaired) },
        };
    }
}
