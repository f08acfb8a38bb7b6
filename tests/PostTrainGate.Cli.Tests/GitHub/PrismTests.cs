using Octokit;
using PostTrainGate.Cli.Base;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Cli.GitHub.Fix;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>What GitHub's own description says of every request.</summary>
public sealed class PrismTests(Prism prism) : IClassFixture<Prism>
{
    [Fact]
    public async Task GitHub_accepts_the_comment_of_a_whole_run()
    {
        Prism.Need();
        using var place = new Workplace();
        using var github = new FakeGitHub();
        // The base is here, and the head that of GitHub's own example of a pull request.
        var sha = new GitFolder(place.Folder.Root).Commit("base");
        var text = FakeGitHub
            .Event.Replace(FakeGitHub.BaseSha, sha, StringComparison.Ordinal)
            .Replace(FakeGitHub.HeadSha, "6dcb09b5b57875f334f61aebed695e2e4193db5e", StringComparison.Ordinal);
        place.Host = github.Host(
            place.Folder,
            new()
            {
                ["GITHUB_API_URL"] = prism.Url,
                ["GITHUB_GRAPHQL_URL"] = $"{prism.Url}graphql",
                ["GITHUB_EVENT_PATH"] = place.Folder.Write("e.json", text),
            }
        );
        Assert.Equal(1, await place.RunAsync(SampleResults.Repaired));
        Assert.True(
            place.Out.Contains("Comment on pull request 7: created.", StringComparison.Ordinal),
            place.Out + string.Join('\n', prism.Log.TakeLast(20))
        );
        prism.NothingRefused("POST /repos/octo/models/issues/7/comments");
    }

    [Fact]
    public async Task GitHub_accepts_every_other_request_that_is_made()
    {
        Prism.Need();
        using var folder = new TemporaryFolder();
        using var github = new FakeGitHub();
        var api = GitHubApi.Open(
            github.Host(
                folder,
                new() { ["GITHUB_API_URL"] = prism.Url, ["GITHUB_GRAPHQL_URL"] = $"{prism.Url}graphql" }
            ),
            TimeSpan.FromMinutes(1)
        )!;
        var cancel = TestContext.Current.CancellationToken;
        await api.Client.Issue.Comment.Update(api.Owner, api.Name, 42, "body");
        await api.Client.Issue.Comment.Delete(api.Owner, api.Name, 42);
        Assert.NotEmpty(await api.LoginAsync(cancel));
        // The answers are examples, of other commits and files; what is asked is what counts.
        await Assert.ThrowsAsync<BaseUnreadableException>(() => api.ObjectAsync(FakeGitHub.BaseSha, cancel));
        await Record.ExceptionAsync(() => api.ReadFileAsync("a/posttraingate.yml", FakeGitHub.BaseSha, cancel));
        await Record.ExceptionAsync(() => api.ListFilesAsync(FakeGitHub.BaseSha, cancel));
        await Record.ExceptionAsync(() => api.CommitAsync("main", cancel));
        await Record.ExceptionAsync(() => api.MergeBaseAsync("main", FakeGitHub.HeadSha, cancel));
        // Asks for the default branch.
        await Record.ExceptionAsync(() => api.MergeBaseAsync(null, FakeGitHub.HeadSha, cancel));
        await api.HeadAsync(7, cancel);
        await api.Client.Git.Blob.Get(api.Owner, api.Name, FakeGitHub.BaseSha);
        await ProposesAsync(api, cancel);
        prism.NothingRefused(
            "PATCH /repos/octo/models/issues/comments/42",
            "DELETE /repos/octo/models/issues/comments/42",
            $"GET /repos/octo/models/git/commits/{FakeGitHub.BaseSha}",
            "GET /repos/octo/models/contents/a/posttraingate.yml",
            $"GET /repos/octo/models/git/blobs/{FakeGitHub.BaseSha}",
            $"GET /repos/octo/models/git/trees/{FakeGitHub.BaseSha}",
            "GET /repos/octo/models/commits/main",
            "GET /repos/octo/models/compare/",
            "GET /repos/octo/models/pulls/7",
            "POST /repos/octo/models/git/blobs",
            "POST /repos/octo/models/git/trees",
            "POST /repos/octo/models/git/commits",
            "POST /repos/octo/models/pulls"
        );
    }

    // What a proposed model asks of git and of pull requests.
    private static async Task ProposesAsync(GitHubApi api, CancellationToken cancel)
    {
        var (git, sha) = (api.Client.Git, FakeGitHub.HeadSha);
        await git.Blob.Create(api.Owner, api.Name, new NewBlob { Content = "bQ==", Encoding = EncodingType.Base64 });
        var tree = new NewTree { BaseTree = sha };
        tree.Tree.Add(
            new NewTreeItem
            {
                Path = "models/credit.onnx",
                Mode = "100644",
                Type = TreeType.Blob,
                Sha = sha,
            }
        );
        await git.Tree.Create(api.Owner, api.Name, tree);
        await git.Tree.Get(api.Owner, api.Name, sha);
        await git.Commit.Create(api.Owner, api.Name, new NewCommit("message", sha, sha));
        var change = new PullRequestEvent(7, sha, FakeGitHub.BaseSha) { HeadRef = "feature/model" };
        await git.Reference.Create(api.Owner, api.Name, new NewReference("refs/heads/other", sha));
        // Prism takes no slash in the name of a branch: there is none yet, and FakeGitHub has the others.
        var request = new RepairPullRequest(api, change, "models/credit.onnx", SampleResults.Repaired);
        // The description's examples of pull requests are not what the description says of one.
        await Record.ExceptionAsync(() => request.OpenAsync(sha, cancel));
        var made = new NewPullRequest("t", "a", "b") { Body = "text" };
        await Record.ExceptionAsync(() => api.Client.PullRequest.Create(api.Owner, api.Name, made));
        var update = new PullRequestUpdate { Title = "t", Body = "b" };
        await Record.ExceptionAsync(() => api.Client.PullRequest.Update(api.Owner, api.Name, 7, update));
    }
}
