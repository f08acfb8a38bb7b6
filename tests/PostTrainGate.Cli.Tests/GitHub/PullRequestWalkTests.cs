using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>A whole pull request: red, a commit with the repaired model, green, merged, and the history grows.</summary>
public sealed class PullRequestWalkTests(PullRequestWalk walk, Browser browser)
    : IClassFixture<PullRequestWalk>,
        IClassFixture<Browser>
{
    [Fact]
    public void The_default_branch_passes_and_starts_the_history()
    {
        Assert.True(walk.First.Code == 0, walk.First.Log);
        Assert.Empty(walk.First.Comments);
        Assert.Single(walk.First.History);
    }

    [Fact]
    public void A_model_that_fails_gets_its_repair_as_a_commit_and_one_comment_that_names_it()
    {
        var (red, git) = (walk.Red, walk.Repository);
        Assert.True(red.Code == 1, red.Log);
        Assert.Equal([Verdict.Pass, Verdict.Fail], red.Result.Gates.Select(g => g.Original.Verdict));
        Assert.All(red.Result.Gates, g => Assert.Equal(Verdict.Pass, g.Repaired!.Verdict));
        Assert.Equal("failed", red.Outputs["outcome"]);

        var commit = red.Outputs["fix"];
        Assert.Equal(walk.Proposed, git.Git("rev-parse", $"{commit}^").Trim());
        Assert.Equal("model.onnx", git.Git("diff", "--name-only", $"{commit}^", commit).Trim());
        var message = git.Git("show", "-s", "--format=%an%n%B", commit);
        Assert.StartsWith($"{FakeGitHub.Bot}\nRepair model.onnx with fmt ", message, StringComparison.Ordinal);
        Assert.Contains($"Source-SHA256: {red.Result.Model!.Sha256}\n", message, StringComparison.Ordinal);
        Assert.Contains($"Repaired-SHA256: {red.Result.Repair!.Sha256}\n", message, StringComparison.Ordinal);

        var comment = Assert.Single(red.Comments).Body;
        Assert.StartsWith(
            $"<!-- posttraingate policy=posttraingate.yml run=502 attempt=1 head={walk.Proposed} outcome=failed -->\n"
                + "## ❌ Failed: 1 of 2 gates of `model.onnx` failed; a repaired model that passes both is proposed\n",
            comment,
            StringComparison.Ordinal
        );
        Assert.Contains(
            $"- The repaired model was committed to `new-model` as [`{commit[..7]}`](<",
            comment,
            StringComparison.Ordinal
        );
        Assert.Contains("<summary>Trend over 2 runs</summary>", comment, StringComparison.Ordinal);
        Assert.Equal(walk.First.History, red.History); // a pull request adds nothing
    }

    [Fact]
    public void The_run_of_that_commit_measures_what_was_promised_and_turns_the_comment_green()
    {
        var (red, green) = (walk.Red, walk.Green);
        Assert.True(green.Code == 0, green.Log);
        Assert.Equal(red.Outputs["fix"], green.Result.Commit);
        Assert.Equal(red.Result.Repair!.Sha256, green.Result.Model!.Sha256);
        Assert.Equal(
            red.Result.Gates.Select(g => GateText.Value(g.Repaired!)),
            green.Result.Gates.Select(g => GateText.Value(g.Original))
        );
        Assert.Equal(("passed", ""), (green.Outputs["outcome"], green.Outputs["fix"]));

        var (before, after) = (Assert.Single(red.Comments), Assert.Single(green.Comments));
        Assert.Equal(before.Id, after.Id);
        Assert.Contains("\n## ✅ Passed: both gates of `model.onnx` passed\n", after.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("❌ Failed", after.Body, StringComparison.Ordinal);
        Assert.All(red.Result.Gates, g =>
        {
            var promised = Cell(g.Repaired!);
            Assert.Contains(promised, before.Body, StringComparison.Ordinal);
            Assert.Contains(promised, after.Body, StringComparison.Ordinal);
        });

        static string Cell(MeasuredValue value) => $"{value.Value:0.000}&nbsp;(";
    }

    [Fact]
    public void The_merge_adds_a_run_to_the_history_and_the_trend_shows_it()
    {
        var merged = walk.Merged;
        Assert.True(merged.Code == 0, merged.Log);
        Assert.Equal(walk.Red.Result.Repair!.Sha256, merged.Result.Model!.Sha256);
        Assert.Equal(2, merged.History.Length);
        Assert.Contains(walk.First.History[0], merged.History);
        Assert.Equal("2", walk.Repository.Git("rev-list", "--count", PullRequestWalk.History).Trim());
        Assert.Equal(walk.Green.Comments, merged.Comments); // the pull request is closed
        Assert.Contains("Trend over 2 runs", File.ReadAllText(merged.Page), StringComparison.Ordinal);
        Assert.All(merged.Result.Gates, g => Assert.Matches($@"{g.Title}.*│ 2 .*{g.Original.Value:0.000}", walk.Table));
    }

    [Fact]
    public void Every_request_is_one_that_GitHub_describes()
    {
        Prism.Need();
        walk.Contract.NothingRefused(
            "POST /repos/octo/models/issues/7/comments",
            "PATCH /repos/octo/models/issues/comments/",
            "GET /repos/octo/models/pulls/7",
            "GET /repos/octo/models/git/trees/",
            "POST /repos/octo/models/git/blobs",
            "POST /repos/octo/models/git/trees",
            "POST /repos/octo/models/git/commits",
            "PATCH /repos/octo/models/git/refs/heads/new-model"
        );
    }

    [Fact]
    public async Task Its_pages_read_well()
    {
        foreach (var run in (PullRequestWalk.Run[])[walk.Red, walk.Merged])
        {
            await using var page = await browser.OpenAsync(run.Page, Browser.Widths[^1]);
            page.StandsAlone();
            await page.FitsAsync();
            await page.IsAccessibleAsync();
        }
    }
}
