using PostTrainGate.Cli.GitHub;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

public sealed partial class PullRequestCommentTests : IDisposable
{
    private static readonly CommentMarker Mine = new("posttraingate.yml", 500, 1);

    private readonly FakeGitHub _github = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _github.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_first_run_makes_a_comment()
    {
        Assert.Equal(CommentOutcome.Created, await Upsert(Mine, "red"));
        Assert.Equal($"{Mine}\nred", Assert.Single(_github.Comments).Body);
    }

    [Fact]
    public async Task A_later_green_run_rewrites_it()
    {
        await Upsert(Mine, "red");
        var green = Mine with { Run = 501 };
        Assert.Equal(CommentOutcome.Updated, await Upsert(green, "green", create: false));
        Assert.Equal($"{green}\ngreen", Assert.Single(_github.Comments).Body);
        Assert.Equal(1, _github.Count("POST"));
    }

    [Fact]
    public async Task The_comment_is_found_on_the_last_of_many_pages()
    {
        for (var i = 0; i < 250; i++)
            _github.Add("somebody", $"comment {i}");
        _github.Add(FakeGitHub.Bot, $"{Mine with { Run = 499 }}\nold");
        Assert.Equal(CommentOutcome.Updated, await Upsert(Mine, "new"));
        Assert.Equal(251, _github.Comments.Count);
        Assert.Equal($"{Mine}\nnew", _github.Comments[^1].Body);
    }

    [Fact]
    public async Task A_list_that_lags_behind_the_write_makes_no_second_comment()
    {
        _github.Interfere = (method, path) =>
            method == "GET" && path.EndsWith("/comments", StringComparison.Ordinal)
                ? new WireMock.ResponseMessage
                {
                    StatusCode = 200,
                    BodyData = new WireMock.Util.BodyData
                    {
                        DetectedBodyType = WireMock.Types.BodyType.String,
                        BodyAsString = "[]",
                    },
                }
                : null;
        Assert.Equal(CommentOutcome.Created, await Upsert(Mine, "red"));
        Assert.Single(_github.Comments);
    }

    [Theory]
    [InlineData("mallory")]
    [InlineData("github-actions")] // a person can have the bot's name without its suffix
    public async Task A_marker_of_another_author_is_not_touched(string author)
    {
        var foreign = _github.Add(author, $"{Mine with { Run = 1 }}\nforged");
        Assert.Equal(CommentOutcome.Created, await Upsert(Mine, "ours"));
        Assert.Equal([foreign.Body, $"{Mine}\nours"], _github.Comments.Select(c => c.Body));
    }

    [Fact]
    public async Task A_marker_that_is_quoted_is_not_ours()
    {
        _github.Add(FakeGitHub.Bot, $"> quoted\n{Mine with { Run = 1 }}");
        Assert.Equal(CommentOutcome.Created, await Upsert(Mine, "ours"));
    }

    [Theory]
    [InlineData(501, 1)]
    [InlineData(500, 2)]
    public async Task An_older_run_leaves_the_comment_of_a_later_one(long run, int attempt)
    {
        var later = Mine with { Run = run, Attempt = attempt };
        await Upsert(later, "later");
        Assert.Equal(CommentOutcome.Stale, await Upsert(Mine, "earlier"));
        Assert.Equal($"{later}\nlater", Assert.Single(_github.Comments).Body);
        Assert.Equal(0, _github.Count("PATCH"));
    }

    [Fact]
    public async Task Of_two_runs_that_make_a_comment_at_once_the_later_ones_stays()
    {
        // Between our look and our write, an earlier run makes its comment.
        _github.Interfere = (method, _) =>
        {
            if (method == "POST" && _github.Comments.Count == 0 && _github.Count("POST") == 1)
                _github.Add(FakeGitHub.Bot, $"{Mine with { Run = 499 }}\nearlier");
            return null;
        };
        await Upsert(Mine, "ours");
        Assert.Equal($"{Mine}\nours", Assert.Single(_github.Comments).Body);
    }

    [Fact]
    public async Task Our_comment_goes_when_a_later_run_made_one_at_the_same_time()
    {
        _github.Interfere = (method, _) =>
        {
            if (method == "POST" && _github.Comments.Count == 0 && _github.Count("POST") == 1)
                _github.Add(FakeGitHub.Bot, $"{Mine with { Run = 501 }}\nlater");
            return null;
        };
        await Upsert(Mine, "ours");
        Assert.EndsWith("later", Assert.Single(_github.Comments).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_an_older_run_overwrote_is_written_again()
    {
        var comment = _github.Add(FakeGitHub.Bot, $"{Mine with { Run = 498 }}\nold");
        var overwritten = false;
        _github.Interfere = (method, _) =>
        {
            // The older run saw the same comment as we did, and its write comes after ours.
            if (method == "GET" && _github.Count("PATCH") == 1 && !overwritten)
            {
                overwritten = true;
                _github.Replace(comment.Id, $"{Mine with { Run = 499 }}\nolder");
            }

            return null;
        };
        await Upsert(Mine, "ours");
        Assert.True(overwritten);
        Assert.Equal($"{Mine}\nours", Assert.Single(_github.Comments).Body);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_two_simultaneous_runs_the_newest_commits_result_stays_whichever_writes_last(bool newestFirst)
    {
        const string old = "0000000000000000000000000000000000000000";
        _github.Add(FakeGitHub.Bot, $"{Mine with { Run = 498 }}\nbefore both");
        Task[] runs = newestFirst
            ? [Upsert(Mine with { Run = 501 }, "newest", head: FakeGitHub.HeadSha), Upsert(Mine, "older", head: old)]
            : [Upsert(Mine, "older", head: old), Upsert(Mine with { Run = 501 }, "newest", head: FakeGitHub.HeadSha)];
        await Task.WhenAll(runs);
        Assert.Equal(
            $"{Mine with { Run = 501, Head = FakeGitHub.HeadSha }}\nnewest",
            Assert.Single(_github.Comments).Body
        );
    }

    [Fact]
    public async Task A_run_whose_commit_is_no_longer_proposed_writes_nothing()
    {
        Assert.Equal(CommentOutcome.Stale, await Upsert(Mine, "older", head: FakeGitHub.BaseSha));
        Assert.Empty(_github.Comments);
    }

    [Fact]
    public async Task What_an_older_run_overwrites_after_the_first_look_is_written_again()
    {
        var comment = _github.Add(FakeGitHub.Bot, $"{Mine with { Run = 498 }}\nold");
        var looks = 0;
        _github.Interfere = (method, path) =>
        {
            // Between the look right after our write and the one a while later.
            if (
                method == "GET"
                && path.EndsWith("/comments", StringComparison.Ordinal)
                && _github.Count("PATCH") == 1
                && ++looks == 2
            )
                _github.Replace(comment.Id, $"{Mine with { Run = 499 }}\nolder");
            return null;
        };
        await Upsert(Mine, "ours");
        Assert.Equal($"{Mine}\nours", Assert.Single(_github.Comments).Body);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(429)]
    public async Task A_failure_that_passes_is_outlasted(int status)
    {
        var failures = 3;
        _github.Interfere = (_, path) =>
            path.Contains("comments", StringComparison.Ordinal) && failures-- > 0
                ? FakeGitHub.Status(status, "try again")
                : null;
        Assert.Equal(CommentOutcome.Created, await Upsert(Mine, "red"));
        Assert.Single(_github.Comments);
    }

    [Fact]
    public async Task A_write_that_failed_after_it_took_effect_is_not_repeated()
    {
        var failed = false;
        _github.Interfere = (method, _) =>
        {
            if (method != "POST" || failed || _github.Requests.Last().Contains("graphql", StringComparison.Ordinal))
                return null;
            failed = true;
            _github.Add(FakeGitHub.Bot, $"{Mine}\nred");
            return FakeGitHub.Status(502, "Bad Gateway");
        };
        await Upsert(Mine, "red");
        Assert.True(failed);
        Assert.Equal($"{Mine}\nred", Assert.Single(_github.Comments).Body);
        Assert.Equal(1, _github.Count("POST"));
    }

    [Fact]
    public async Task A_secondary_rate_limit_is_waited_for()
    {
        var first = true;
        _github.Interfere = (method, path) =>
        {
            if (method != "POST" || !first || path == "/graphql")
                return null;
            first = false;
            return FakeGitHub.Status(
                403,
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                ("Retry-After", "0")
            );
        };
        Assert.Equal(CommentOutcome.Created, await Upsert(Mine, "red"));
        Assert.False(first);
    }

    [Theory]
    [InlineData(403, "Resource not accessible by integration")]
    [InlineData(404, "Not Found")]
    [InlineData(401, "Bad credentials")]
    public async Task A_refusal_is_not_repeated(int status, string message)
    {
        _github.Interfere = (method, path) =>
            method == "POST" && path != "/graphql" ? FakeGitHub.Status(status, message) : null;
        var error = await Assert.ThrowsAnyAsync<Exception>(() => Upsert(Mine, "red"));
        Assert.StartsWith($"{status} {message}", GitHubApi.Why(error), StringComparison.Ordinal);
        Assert.Equal(1, _github.Count("POST"));
    }

    [Theory]
    [InlineData("my-app[bot]", null, "my-app[bot]")]
    [InlineData(null, "octocat", "octocat")]
    [InlineData(null, null, FakeGitHub.Bot)]
    public async Task The_tokens_owner_is_found(string? viewer, string? user, string login)
    {
        (_github.Viewer, _github.User) = (viewer, user);
        _github.Add(login, $"{Mine with { Run = 1 }}\nold");
        Assert.Equal(CommentOutcome.Updated, await Upsert(Mine, "new"));
    }

    [Fact]
    public async Task No_comment_is_made_when_none_is_wanted()
    {
        Assert.Equal(CommentOutcome.None, await Upsert(Mine, "green", create: false));
        Assert.Equal(0, _github.Count("POST"));
    }

    private Task<CommentOutcome> Upsert(CommentMarker marker, string text, bool create = true, string? head = null)
    {
        var host = _github.Host(_folder);
        if (_wait is { } wait)
            host = host with { RetryWait = wait };
        return new PullRequestComment(GitHubApi.Open(host, TimeSpan.FromMinutes(1))!, 7, head).UpsertAsync(
            marker,
            text,
            create,
            TestContext.Current.CancellationToken
        );
    }
}
