using System.Text;
using PostTrainGate.Tests.GitHub;
using Xunit;

namespace PostTrainGate.Tests.Cli;

public sealed partial class BaseTests
{
    [Fact]
    public async Task A_pull_requests_base_is_the_events()
    {
        using var github = new FakeGitHub();
        Change(Workplace.Policy, Workplace.Policy.Replace("0.72", "0.5", StringComparison.Ordinal));
        var sha = Git("rev-parse", "HEAD").Trim();
        _place.Host = github.Host(
            _place.Folder,
            new()
            {
                ["GITHUB_EVENT_PATH"] = _place.Folder.Write(
                    "e.json",
                    FakeGitHub.Event.Replace(FakeGitHub.BaseSha, sha, StringComparison.Ordinal)
                ),
            }
        );
        await _place.RunAsync(See);
        Assert.Equal(0.72, _policy!.Gates[0].Min);
        Assert.Contains(
            "> ⚠️ The policy changes the threshold of",
            Assert.Single(github.Comments).Body,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_merge_checked_out_with_its_parents_knows_its_base()
    {
        using var github = new FakeGitHub();
        Change(Workplace.Policy, Workplace.Policy.Replace("0.72", "0.5", StringComparison.Ordinal));
        Git("checkout", "-q", "-b", "change");
        Commit("change");
        var head = Git("rev-parse", "HEAD").Trim();
        Git("checkout", "-q", "main");
        _place.Folder.Write("other.txt", "x");
        Commit("main moved on");
        Git("-c", "user.name=t", "-c", "user.email=t@example.com", "merge", "-q", "--no-ff", "-m", "merge", "change");
        _place.Host = github.Host(
            _place.Folder,
            new()
            {
                ["GITHUB_EVENT_PATH"] = _place.Folder.Write(
                    "e.json",
                    FakeGitHub.Event.Replace(FakeGitHub.HeadSha, head, StringComparison.Ordinal)
                ),
            }
        );
        await _place.RunAsync(See);
        Assert.Equal(0.72, _policy!.Gates[0].Min);
    }

    [Fact]
    public async Task Where_the_checkout_has_no_base_GitHub_has_it()
    {
        using var github = new FakeGitHub();
        github.Files["posttraingate.yml"] = Encoding.UTF8.GetBytes(WithDrop);
        github.Files["models/credit.onnx"] = "base model"u8.ToArray();
        File.WriteAllText(_place.PolicyFile, WithDrop.Replace("0.72", "0.5", StringComparison.Ordinal));
        _place.Host = github.Host(_place.Folder);
        await _place.RunAsync(See);
        Assert.Equal(0.72, _policy!.Gates[0].Min);
        Assert.Equal("base model", Encoding.UTF8.GetString(_baseModel!));
    }

    [Fact]
    public async Task A_path_with_signs_of_its_own_is_found_on_GitHub()
    {
        const string name = "my gate #1 100%.yml";
        using var github = new FakeGitHub();
        github.Files[name] = Encoding.UTF8.GetBytes(Workplace.Policy);
        var file = _place.Folder.Write(name, Workplace.Policy.Replace("0.72", "0.5", StringComparison.Ordinal));
        await PostTrainGate.Cli.CommandLine.RunAsync(
            ["check", file],
            github.Host(_place.Folder) with
            {
                Run = See,
            },
            TestContext.Current.CancellationToken
        );
        Assert.Equal(0.72, _policy!.Gates[0].Min);
    }

    [Fact]
    public async Task Where_nobody_has_the_base_there_is_no_verdict_and_the_report_says_why()
    {
        using var github = new FakeGitHub { HasBase = false };
        _place.Host = github.Host(_place.Folder);
        Assert.Equal(3, await _place.RunAsync(See));
        Assert.Null(_policy);
        Assert.Contains(
            "GitHub did not return the commit bbbbbbb: 404 Not Found",
            Assert.Single(github.Comments).Body,
            StringComparison.Ordinal
        );
    }
}
