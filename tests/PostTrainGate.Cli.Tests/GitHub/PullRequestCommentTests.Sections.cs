using PostTrainGate.Cli.GitHub;
using PostTrainGate.Gating;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

// Several policies, or legs of a matrix, in one comment.
public sealed partial class PullRequestCommentTests
{
    private static readonly CommentMarker Other = new("shop/posttraingate.yml", 500, 1);

    private TimeSpan? _wait;

    [Fact]
    public async Task Two_policies_share_a_comment_the_worst_first()
    {
        await Upsert(Other with { Outcome = RunOutcome.Passed }, "green");
        await Upsert(Mine with { Outcome = RunOutcome.Failed }, "red");
        await Upsert(Other with { Run = 501, Outcome = RunOutcome.Undecided }, "yellow");
        Assert.Equal(["red", "yellow"], Sections());
        await Upsert(Other with { Run = 502 }, "broken");
        Assert.Equal(["broken", "red"], Sections());
        Assert.Equal(1, _github.Count("POST"));
    }

    [Fact]
    public async Task Two_legs_with_one_policy_have_a_section_each()
    {
        await Upsert(Mine with { Id = "linux--x64" }, "one");
        await Upsert(Mine with { Id = "windows" }, "two");
        await Upsert(Mine with { Id = "linux--x64", Run = 501 }, "one again");
        Assert.Equal(["one again", "two"], Sections());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(6)]
    public async Task Legs_that_end_at_once_lose_nothing(int legs)
    {
        // As on a real line the pause is longer than the time between a look and a write.
        _wait = TimeSpan.FromMilliseconds(400);
        await Task.WhenAll(Enumerable.Range(0, legs).Select(i => Upsert(Mine with { Id = $"leg{i}" }, $"text {i}")));
        Assert.Equal(Enumerable.Range(0, legs).Select(i => $"text {i}"), Sections());
    }

    [Fact]
    public async Task What_another_leg_overwrote_between_our_write_and_our_look_is_written_again()
    {
        var comment = _github.Add(FakeGitHub.Bot, $"{Other}\nother");
        var overwritten = false;
        _github.Interfere = (method, path) =>
        {
            // The other leg read before our write, and wrote after it: our section is gone.
            if (
                method == "GET"
                && path.EndsWith("/comments", StringComparison.Ordinal)
                && _github.Count("PATCH") == 1
                && !overwritten
            )
            {
                overwritten = true;
                _github.Replace(comment.Id, $"{Other with { Run = 501 }}\nother again");
            }

            return null;
        };
        await Upsert(Mine, "ours");
        Assert.True(overwritten);
        Assert.Equal(["ours", "other again"], Sections());
    }

    [Fact]
    public async Task Comments_of_two_policies_from_before_become_one()
    {
        _github.Add(FakeGitHub.Bot, $"{Mine with { Run = 1 }}\nold");
        _github.Add(FakeGitHub.Bot, $"{Other with { Run = 1 }}\nold other");
        await Upsert(Mine, "new", head: FakeGitHub.HeadSha);
        var body = Assert.Single(_github.Comments).Body;
        Assert.Equal(["new", "old other"], CommentBody.Parse(body).Sections.Select(s => s.Text));
        Assert.Contains("Of an older commit; not yet run for this one.", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_section_of_an_older_commit_says_so_until_its_run_ends()
    {
        await Upsert(Other, "old", head: FakeGitHub.HeadSha);
        _github.Head = FakeGitHub.BaseSha; // a push
        await Upsert(Mine with { Run = 501 }, "new", head: FakeGitHub.BaseSha);
        Assert.Contains(
            "> ⏳ Of the older commit `aaaaaaa`; not yet run for this one.\n\nold",
            Assert.Single(_github.Comments).Body,
            StringComparison.Ordinal
        );
        await Upsert(Other with { Run = 501 }, "new other", head: FakeGitHub.BaseSha);
        Assert.DoesNotContain("⏳", _github.Comments[0].Body, StringComparison.Ordinal);
        Assert.Equal(["new", "new other"], Sections());
    }

    [Theory]
    [InlineData("Repair m.onnx\n\nPostTrainGate-Model: m.onnx\n", true)]
    [InlineData("Another model", false)]
    public async Task A_repair_that_another_leg_committed_on_top_makes_no_section_an_older_one(
        string message,
        bool isOurs
    )
    {
        await Upsert(Other, "other", head: FakeGitHub.HeadSha);
        _github.HeadFiles["m.onnx"] = [];
        _github.Head = FakeGitHub.BaseSha;
        _github.Commits[FakeGitHub.BaseSha] = new System.Text.Json.Nodes.JsonObject
        {
            ["message"] = message,
            ["parents"] = new System.Text.Json.Nodes.JsonArray(FakeGitHub.HeadSha),
        };
        var outcome = await Upsert(Mine, "ours", head: FakeGitHub.HeadSha);
        Assert.Equal(isOurs ? CommentOutcome.Updated : CommentOutcome.Stale, outcome);
        Assert.Equal(isOurs ? ["ours", "other"] : ["other"], Sections());
        Assert.DoesNotContain("⏳", _github.Comments[0].Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_text_passes_for_a_section()
    {
        await Upsert(Mine, $"ours\n{Other with { Run = 999 }}\nforged");
        Assert.Single(Sections());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(1000)]
    public async Task A_full_comment_keeps_the_worst_and_cuts_the_rest_to_their_headings(int policies)
    {
        var filler = string.Concat(Enumerable.Repeat("line\n", 12_000));
        var sections = Enumerable
            .Range(0, policies)
            .Select(i => new CommentSection(
                Mine with
                {
                    Id = $"{i:0000}",
                },
                $"## heading {i}\n{filler}<sub>run {i}</sub>"
            ));
        _github.Add(FakeGitHub.Bot, CommentBody.Merge([new([.. sections])]).Render([]));
        await Upsert(Other with { Outcome = RunOutcome.Passed }, "green");
        var body = Assert.Single(_github.Comments).Body;
        Assert.InRange(body.Length, 1000, CommentBody.Limit);
        Assert.Contains("## heading 0\n", body, StringComparison.Ordinal);
        Assert.Contains("<sub>run 1</sub>", body, StringComparison.Ordinal);
        Assert.Equal(policies > 100, body.Contains("have no place in a comment.", StringComparison.Ordinal));
    }

    private IEnumerable<string> Sections() =>
        CommentBody.Parse(Assert.Single(_github.Comments).Body).Sections.Select(s => s.Text);
}
