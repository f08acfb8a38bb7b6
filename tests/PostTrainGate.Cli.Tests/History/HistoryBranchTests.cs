using PostTrainGate.Cli.History;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.GitHub;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.History;

/// <summary>Real repositories: a bare one stands for GitHub's.</summary>
public sealed class HistoryBranchTests : IDisposable
{
    private const string Branch = "posttraingate-history";

    private readonly Workplace _place = new();
    private readonly FakeGitHub _github = new();
    private readonly TemporaryFolder _server = new();
    private readonly string _remote;
    private readonly string _commit;

    public HistoryBranchTests()
    {
        _remote = _server.Path("octo/models");
        Git(_server.Root, "init", "-q", "--bare", "-b", "main", _remote);
        var repository = new GitFolder(_place.Folder.Root);
        _commit = repository.Commit("all");
        repository.Git("push", "-q", _remote, "main");
    }

    public void Dispose()
    {
        _github.Dispose();
        _place.Dispose();
        _server.Dispose();
    }

    [Fact]
    public async Task A_run_of_the_default_branch_is_added_and_a_pull_request_shows_it()
    {
        Enter("push");
        for (var run = 0; run < 2; run++)
            Assert.Equal(0, await Check(SampleResults.Day(SampleResults.Passed, run)));
        Assert.DoesNotContain("PTG6006", _place.Out, StringComparison.Ordinal);
        var files = Files();
        Assert.Equal(2, files.Length);
        Assert.All(files, f => Assert.Contains($"-{_commit[..12]}-", f, StringComparison.Ordinal));
        // A branch without a common commit, whose first commit has no parent.
        Assert.Equal("2", Git(_remote, "rev-list", "--count", Branch).Trim());
        Assert.Contains(
            "Add the results of",
            Git(_remote, "log", "-1", "--format=%s", Branch),
            StringComparison.Ordinal
        );

        Enter("pull_request");
        Assert.Equal(0, await Check(SampleResults.Passed));
        var comment = Assert.Single(_github.Comments).Body;
        Assert.Contains("<summary>Trend over 3 runs</summary>", comment, StringComparison.Ordinal);
        Assert.Equal(files, Files());
        // The checkout is as it was.
        Assert.Equal("main", Git(_place.Folder.Root, "branch", "--format=%(refname:short)").Trim());
        Assert.Equal("", Git(_place.Folder.Root, "remote").Trim());
    }

    [Theory]
    [InlineData("pull_request_target", "refs/heads/main")]
    [InlineData("workflow_run", "refs/heads/main")]
    [InlineData("push", "refs/heads/feature")]
    [InlineData("push", "refs/tags/v1")]
    [InlineData("merge_group", "refs/heads/gh-readonly-queue/main/pr-7")]
    public async Task Nothing_else_is_added(string name, string reference)
    {
        Enter(name, reference);
        await Check(SampleResults.Passed);
        Assert.Empty(Files());
    }

    [Theory]
    [InlineData("schedule")]
    [InlineData("workflow_dispatch")]
    public async Task Other_runs_of_the_default_branch_are_added(string name)
    {
        Enter(name);
        Assert.Equal(0, await Check(SampleResults.Passed));
        Assert.Single(Files());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_runs_that_push_at_once_are_both_added(bool exists)
    {
        Enter("push");
        var cancel = TestContext.Current.CancellationToken;
        if (exists)
            await Check(SampleResults.Day(SampleResults.Passed, 0));
        // Both have fetched before one of them pushes.
        using var first = await HistoryBranch.OpenAsync(_place.Host, Branch, cancel);
        using var second = await HistoryBranch.OpenAsync(_place.Host, Branch, cancel);
        await first.AppendAsync(Rows(1), cancel);
        await second.AppendAsync(Rows(2), cancel);
        Assert.Equal(exists ? 3 : 2, Files().Length);
        Assert.Equal(exists ? "3" : "2", Git(_remote, "rev-list", "--count", Branch).Trim());
    }

    [Fact]
    public async Task Runs_that_race_are_all_added()
    {
        Enter("push");
        var cancel = TestContext.Current.CancellationToken;
        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(async run =>
                {
                    using var branch = await HistoryBranch.OpenAsync(_place.Host, Branch, cancel);
                    await branch.AppendAsync(Rows(run), cancel);
                })
        );
        Assert.Equal(4, Files().Length);
    }

    [Fact]
    public async Task The_first_run_of_a_month_makes_one_file_of_the_month_before()
    {
        Enter("push");
        for (var run = 0; run < 3; run++)
            Assert.Equal(0, await Check(SampleResults.Day(SampleResults.Passed, run)));
        var passed = SampleResults.Passed;
        var december = passed.Run! with { Started = new(2026, 12, 1, 9, 0, 0, TimeSpan.Zero) };
        Assert.Equal(0, await Check(passed with { Run = december }));
        Assert.Collection(
            Files(),
            f => Assert.Equal("2026/11/month.parquet", f),
            f => Assert.StartsWith("2026/12/20261201T090000Z-", f, StringComparison.Ordinal)
        );
        Enter("pull_request");
        Assert.Equal(0, await Check(passed with { Run = december with { Started = december.Started.AddDays(1) } }));
        Assert.Contains(
            "<summary>Trend over 5 runs</summary>",
            Assert.Single(_github.Comments).Body,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_push_that_is_refused_is_a_warning_with_the_permission()
    {
        Enter("push");
        await Check(SampleResults.Day(SampleResults.Passed, 0));
        var hook = Path.Combine(_remote, "hooks/pre-receive");
        File.WriteAllText(hook, "#!/bin/sh\necho 'Write access not granted.' >&2\nexit 1\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(hook, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Enter("push");
        Assert.Equal(0, await Check(SampleResults.Passed));
        Assert.Contains(
            "::warning title=PostTrainGate PTG6006::The history's branch 'posttraingate-history' cannot be pushed: "
                + "remote: Write access not granted. The job needs 'permissions: contents: write'.",
            _place.Out,
            StringComparison.Ordinal
        );
        Assert.Contains("PTG6006", File.ReadAllText(_place.Folder.Path("summary.md")), StringComparison.Ordinal);
        Assert.Contains(
            "<summary>Trend over 2 runs</summary>",
            File.ReadAllText(_place.Folder.Path("summary.md")),
            StringComparison.Ordinal
        );
        Assert.Single(Files());
    }

    [Theory]
    [InlineData("main", "is the default branch")]
    [InlineData("-f", "cannot be used")]
    [InlineData("a..b", "cannot be used")]
    [InlineData("work", "has other files and no history")]
    public async Task A_branch_that_is_none_for_a_history_is_left_alone(string branch, string why)
    {
        Git(_place.Folder.Root, "push", "-q", _remote, "main:work");
        Enter("push");
        Assert.Equal(1, await Check(SampleResults.Rejected, branch));
        Assert.Matches($"::warning title=PostTrainGate PTG6006::.*{why}", _place.Out);
        Assert.Equal(_commit, Git(_remote, "rev-parse", "main").Trim());
        Assert.Equal(_commit, Git(_remote, "rev-parse", "work").Trim());
    }

    [Fact]
    public async Task A_repository_that_does_not_answer_changes_no_verdict()
    {
        Enter("push", changes: ("GITHUB_REPOSITORY", "octo/nowhere"));
        Assert.Equal(0, await Check(SampleResults.Passed));
        Assert.Matches("PTG6006::The history's branch .* cannot be read: ", _place.Out);
    }

    [Fact]
    public async Task A_history_that_takes_too_long_changes_no_verdict()
    {
        Enter("push");
        _place.Host = _place.Host with { HistoryTime = TimeSpan.FromMilliseconds(1) };
        Assert.Equal(0, await Check(SampleResults.Passed));
        Assert.Contains("PTG6006::The history took longer than 0.001 s.", _place.Out, StringComparison.Ordinal);
        Assert.Empty(Files());
    }

    [Fact]
    public async Task No_file_of_a_clone_is_left()
    {
        Enter("push");
        var cancel = TestContext.Current.CancellationToken;
        string folder;
        using (var branch = await HistoryBranch.OpenAsync(_place.Host, Branch, cancel))
            folder = branch.Folder;
        Assert.False(Directory.Exists(folder));
    }

    private static System.Collections.Immutable.ImmutableArray<HistoryRow> Rows(int run) =>
        HistoryRow.From(SampleResults.Day(SampleResults.Passed, run), new("posttraingate.yml"), "main");

    private string[] Files() =>
        Git(_remote, "branch", "--list", Branch).Length == 0
            ? []
            : Git(_remote, "ls-tree", "-r", "--name-only", Branch).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private void Enter(string name, string reference = "refs/heads/main", params (string Name, string? Value)[] changes)
    {
        var happened = _place.Folder.Write(
            "event.push.json",
            FakeGitHub.Event.Replace(FakeGitHub.BaseSha, _commit, StringComparison.Ordinal).TrimEnd('}')
                + $$$"""
                }},"before":"{{{new string('0', 40)}}}","ref":"{{{reference}}}",
                "merge_group":{"base_sha":"{{{_commit}}}"},"repository":{"default_branch":"main"}}
                """
        );
        Dictionary<string, string?> variables = new()
        {
            ["GITHUB_EVENT_NAME"] = name,
            ["GITHUB_EVENT_PATH"] = happened,
            ["GITHUB_REF"] = reference,
            ["GITHUB_REF_NAME"] = reference.Split('/')[^1],
            ["GITHUB_SHA"] = _commit,
            ["GITHUB_SERVER_URL"] = new Uri(_server.Root).AbsoluteUri,
        };
        foreach (var (variable, value) in changes)
            variables[variable] = value;
        _place.Host = _github.Host(_place.Folder, variables);
        _place.Host.Out.NewLine = _place.Host.Error.NewLine = "\n";
    }

    private Task<int> Check(GateResult result, string branch = Branch) =>
        _place.RunAsync(result, $"--history-branch={branch}");

    private static string Git(string folder, params string[] arguments)
    {
        var (code, output, error) = Processes.Run("git", arguments, folder: folder);
        Assert.True(code == 0, error);
        return output;
    }
}
