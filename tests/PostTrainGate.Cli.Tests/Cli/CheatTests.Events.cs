using System.Text;
using PostTrainGate.Tests.GitHub;
using Xunit;

namespace PostTrainGate.Tests.Cli;

public sealed partial class CheatTests
{
    // What an event gives where there was no commit before.
    private const string NoCommit = "0000000000000000000000000000000000000000";

    [Theory]
    [InlineData("pull_request", """{"pull_request":{"number":7,"head":{"sha":"HEAD"},"base":{"sha":"BASE"}}}""")]
    [InlineData("pull_request_target", """{"pull_request":{"number":7,"head":{"sha":"HEAD"},"base":{"sha":"BASE"}}}""")]
    [InlineData("merge_group", """{"merge_group":{"base_sha":"BASE","head_sha":"HEAD"}}""")]
    [InlineData(
        "push",
        """{"ref":"refs/heads/main","before":"BASE","after":"HEAD","repository":{"default_branch":"main"}}"""
    )]
    [InlineData("push", """{"ref":"refs/heads/change","before":"BASE","after":"HEAD"}""")]
    [InlineData(
        "push",
        """{"ref":"refs/heads/change","before":"NONE","after":"HEAD","repository":{"default_branch":"main"}}"""
    )]
    [InlineData(
        "push",
        """{"ref":"refs/heads/change","before":"LOW","after":"HEAD","repository":{"default_branch":"main"}}"""
    )]
    [InlineData("workflow_dispatch", """{"ref":"refs/heads/change","repository":{"default_branch":"main"}}""")]
    [InlineData("schedule", """{"schedule":"0 0 * * *","repository":{"default_branch":"main"}}""")]
    [InlineData("issue_comment", """{"repository":{"default_branch":"main"}}""")]
    public async Task Every_event_has_its_base(string name, string text)
    {
        using var github = new FakeGitHub { HasBase = false };
        var @base = _git.Commit("base");
        _git.Git("checkout", "-q", "-b", "change");
        File.WriteAllText(_place.PolicyFile, Lowered);
        var low = _git.Commit("lowers the bar");
        _place.Folder.Write("other.txt", "x");
        var head = _git.Commit("and another commit");
        if (name == "push" && text.Contains("heads/main", StringComparison.Ordinal))
            _git.Git("branch", "-f", "main", head);
        text = text.Replace("BASE", @base, StringComparison.Ordinal)
            .Replace("HEAD", head, StringComparison.Ordinal)
            .Replace("LOW", low, StringComparison.Ordinal)
            .Replace("NONE", NoCommit, StringComparison.Ordinal);
        _place.Host = github.Host(
            _place.Folder,
            new()
            {
                ["GITHUB_EVENT_NAME"] = name,
                ["GITHUB_EVENT_PATH"] = _place.Folder.Write("e.json", text),
                ["GITHUB_SHA"] = head,
            }
        );
        Assert.Equal(0, await RunAsync(_place.Folder.Root));
        Assert.Equal(0.72, _ran!.Gates[0].Min);
    }

    [Theory]
    [InlineData("workflow_dispatch", "{}")] // GitHub knows the default branch and the commit in common
    [InlineData("push", """{"ref":"refs/heads/change","before":"NONE","repository":{"default_branch":"trunk"}}""")]
    public async Task A_checkout_of_one_commit_asks_GitHub_for_the_commit_in_common(string name, string text)
    {
        text = text.Replace("NONE", NoCommit, StringComparison.Ordinal);
        using var github = new FakeGitHub();
        github.Files["posttraingate.yml"] = Encoding.UTF8.GetBytes(Workplace.Policy);
        File.WriteAllText(_place.PolicyFile, Lowered);
        var head = _git.Commit("all there is");
        _place.Host = github.Host(
            _place.Folder,
            new()
            {
                ["GITHUB_EVENT_NAME"] = name,
                ["GITHUB_EVENT_PATH"] = _place.Folder.Write("e.json", text),
                ["GITHUB_SHA"] = head,
            }
        );
        await RunAsync(_place.Folder.Root);
        Assert.Equal(0.72, _ran!.Gates[0].Min);
    }

    [Theory]
    [InlineData("pull_request", "{}")]
    [InlineData("pull_request", "no json")]
    [InlineData("merge_group", """{"merge_group":{"base_sha":7}}""")]
    [InlineData("push", "[]")]
    public async Task An_event_that_does_not_name_its_base_gives_no_verdict(string name, string text)
    {
        using var github = new FakeGitHub();
        _git.Commit("base");
        _place.Host = github.Host(
            _place.Folder,
            new() { ["GITHUB_EVENT_NAME"] = name, ["GITHUB_EVENT_PATH"] = _place.Folder.Write("e.json", text) }
        );
        Assert.Equal((3, null), (await RunAsync(_place.Folder.Root), _ran));
    }

    [Theory]
    [InlineData("--base=v1", false)] // a tag
    [InlineData("--base=trunk", false)] // a branch of the remote only
    [InlineData("--base=release", true)] // known to GitHub alone
    public async Task The_input_base_names_another_base(string option, bool remote)
    {
        using var github = new FakeGitHub();
        github.Files["posttraingate.yml"] = Encoding.UTF8.GetBytes(Workplace.Policy);
        var @base = _git.Commit("base");
        _git.Git("tag", "v1");
        _git.Git("update-ref", "refs/remotes/origin/trunk", @base);
        File.WriteAllText(_place.PolicyFile, Lowered);
        _git.Commit("lowers the bar");
        _place.Host = github.Host(_place.Folder);
        Assert.Equal(0, await RunAsync(_place.Folder.Root, option));
        Assert.Equal(0.72, _ran!.Gates[0].Min);
        Assert.Equal(remote, github.Requests.Any(r => r.Contains("/contents/", StringComparison.Ordinal)));
    }

    public static TheoryData<string, int, string> Answers()
    {
        var data = new TheoryData<string, int, string>();
        foreach (var part in new[] { "/git/commits/", "/contents/", "/git/blobs/" })
        {
            foreach (var status in new[] { 401, 403, 429, 500, 502, 503 })
                data.Add(part, status, """{"message":"no"}""");
            foreach (
                var body in new[]
                {
                    "",
                    "null",
                    "[]",
                    "{}",
                    "7",
                    "\"text\"",
                    "<html>Sign in</html>",
                    "{\"sha\":",
                    "[null]",
                    "[[]]",
                    """{"sha":12345678901234567890123,"type":7,"encoding":[],"content":{}}""",
                }
            )
                data.Add(part, 200, body);
        }

        data.Add("/git/commits/", 404, """{"message":"Not Found"}""");
        data.Add("/git/blobs/", 404, """{"message":"Not Found"}""");
        data.Add("/git/trees/", 500, """{"message":"no"}""");
        return data;
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task No_answer_of_GitHub_lets_a_change_set_its_own_bar(string part, int status, string body)
    {
        using var github = new FakeGitHub();
        if (part != "/git/trees/")
            github.Files["posttraingate.yml"] = Encoding.UTF8.GetBytes(Workplace.Policy);
        github.Interfere = (_, path) =>
            path.Contains(part, StringComparison.Ordinal) ? FakeGitHub.Raw(status, body) : null;
        File.WriteAllText(_place.PolicyFile, Lowered);
        _git.Commit("all there is");
        _place.Host = github.Host(_place.Folder);
        Assert.Equal(3, await RunAsync(_place.Folder.Root));
        Assert.Null(_ran);
        Assert.Contains(", PTG6004)", File.ReadAllText(_place.Folder.Path("summary.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_checkout_in_a_folder_of_the_workspace_is_found_on_GitHub_by_its_own_paths()
    {
        using var github = new FakeGitHub();
        github.Files["posttraingate.yml"] = Encoding.UTF8.GetBytes(Workplace.Policy);
        File.WriteAllText(_place.PolicyFile, Lowered);
        _git.Commit("all there is");
        _place.Host = github.Host(
            _place.Folder,
            new() { ["GITHUB_WORKSPACE"] = Path.GetDirectoryName(_place.Folder.Root) }
        );
        await RunAsync(_place.Folder.Root);
        Assert.Equal(0.72, _ran!.Gates[0].Min);
    }

    // The policy in a folder of the repository.
    private void Deep()
    {
        Copy("deep/down", Workplace.Policy);
        File.Delete(_place.PolicyFile);
        _git.Commit("base");
        File.WriteAllText(_place.Folder.Path("deep/down/posttraingate.yml"), Lowered);
    }
}
