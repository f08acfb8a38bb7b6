using System.Collections.Immutable;
using Octokit;

namespace PostTrainGate.Cli.GitHub;

/// <summary>What became of a comment.</summary>
internal enum CommentOutcome
{
    /// <summary>A new one was made.</summary>
    Created,

    /// <summary>The one that was there was rewritten.</summary>
    Updated,

    /// <summary>A later run has written already.</summary>
    Stale,

    /// <summary>There was none, and none was wanted.</summary>
    None,
}

/// <summary>
/// Keeps one comment on a pull request, with a section for each policy and leg. A run whose commit is no longer the
/// proposed one writes nothing, unless what is on top of it is its repaired model; of one commit and section the
/// later run counts. GitHub has no conditional writes, so every write is checked afterwards, at once and after a
/// while: where another run wrote meanwhile and our section is missing or older, what is there is read again and
/// written with ours. Of comments that runs made at once, the oldest gets all sections. Every step starts from what
/// is there, so that all of it can be repeated after a failure.
/// </summary>
/// <param name="api">GitHub.</param>
/// <param name="pullRequest">Number of the pull request.</param>
/// <param name="head">Commit that the run is for; null when it is not known.</param>
internal sealed class PullRequestComment(GitHubApi api, long pullRequest, string? head = null)
{
    private const int Rounds = 8;
    private const int PageSize = 100;
    private const int MostPages = 100;

    /// <summary>Makes the comment, writes the section into it, or leaves both.</summary>
    /// <param name="marker">What tells the section from others.</param>
    /// <param name="text">Markdown below the marker.</param>
    /// <param name="create">Whether to write a section where there is none.</param>
    /// <param name="cancel">Stops between requests.</param>
    public async Task<CommentOutcome> UpsertAsync(
        CommentMarker marker,
        string text,
        bool create,
        CancellationToken cancel
    )
    {
        var login = await api.AskAsync(api.LoginAsync, cancel);
        var section = new CommentSection(marker with { Head = head ?? "" }, text.Trim('\n'));
        return await api.AskAsync(token => UpsertAsync(login, section, create, token), cancel);
    }

    private async Task<CommentOutcome> UpsertAsync(
        string login,
        CommentSection section,
        bool create,
        CancellationToken cancel
    )
    {
        var comments = api.Client.Issue.Comment;
        IssueComment? mine = null; // as GitHub confirmed it
        var outcome = CommentOutcome.None;
        for (var round = 0; round < Rounds; round++)
        {
            cancel.ThrowIfCancellationRequested();
            if (await HeadsAsync(cancel) is not { } heads)
                return CommentOutcome.Stale;
            var own = await OwnAsync(login, mine);
            var all = CommentBody.Merge(own.Select(c => CommentBody.Parse(c.Body)));
            var there = all.Find(section.Marker);
            if (there is not null && there.Marker.Age.CompareTo(section.Marker.Age) > 0)
                return CommentOutcome.Stale;

            if (there is null && !create && outcome == CommentOutcome.None)
                return outcome;
            var body = all.With(section).Render(heads);
            if (own is [var oldest, ..])
            {
                mine = await comments.Update(api.Owner, api.Name, oldest.Id, body);
                if (outcome == CommentOutcome.None)
                    outcome = CommentOutcome.Updated;
            }
            else
            {
                mine = await comments.Create(api.Owner, api.Name, pullRequest, body);
                outcome = CommentOutcome.Created;
            }

            if (await StandsAsync(login, section, mine, cancel))
            {
                // An older run may have looked before our write, and write after our look. Legs that end at once
                // look again at different times.
                await Task.Delay(api.FirstWait * (1 + round * Random.Shared.NextDouble()), cancel);
                if (await StandsAsync(login, section, mine, cancel))
                    break;
            }

            await Task.Delay(api.FirstWait * Random.Shared.NextDouble(), cancel);
        }

        return outcome;
    }

    // Whether there is one comment, and in it our section or that of a later run.
    private async Task<bool> StandsAsync(
        string login,
        CommentSection section,
        IssueComment mine,
        CancellationToken cancel
    )
    {
        var own = await OwnAsync(login, mine);
        var first = CommentBody.Parse(own[0].Body);
        if (first.Find(section.Marker) is not { } there || there.Marker.Age.CompareTo(section.Marker.Age) < 0)
            return false;
        return await DeleteAsync(own, first, cancel);
    }

    // Deletes further comments all of whose sections the first one has. True when only the first one is left.
    private async Task<bool> DeleteAsync(IReadOnlyList<IssueComment> own, CommentBody kept, CancellationToken cancel)
    {
        var isAlone = true;
        foreach (var comment in own.Skip(1))
        {
            cancel.ThrowIfCancellationRequested();
            var isKept = CommentBody
                .Parse(comment.Body)
                .Sections.All(s => kept.Find(s.Marker) is { } there && there.Marker.Age.CompareTo(s.Marker.Age) >= 0);
            isAlone &= isKept;
            if (!isKept)
                continue;
            try
            {
                await api.Client.Issue.Comment.Delete(api.Owner, api.Name, comment.Id);
            }
            catch (NotFoundException)
            {
                // another run deleted it
            }
        }

        return isAlone;
    }

    // The commits that today's sections are about; null when the run's is not among them any longer. A repaired model
    // that a run has put on top of the commit, this one or that of another policy, makes no section an older one: its
    // own run does.
    private async Task<ImmutableArray<string>?> HeadsAsync(CancellationToken cancel)
    {
        if (head is null)
            return [];
        if (
            await api.HeadAsync(pullRequest, cancel) is not { Length: > 0 } now
            || now.Equals(head, StringComparison.OrdinalIgnoreCase)
        )
            return [head];
        return await api.IsRepairAsync(now, head, cancel) ? [head, now] : null;
    }

    // Our comments, the oldest first. A list may lag behind a write, so what was just written counts as it is known,
    // unless the list has it.
    private async Task<IReadOnlyList<IssueComment>> OwnAsync(string login, IssueComment? mine)
    {
        var listed = (await AllAsync())
            .Where(c => string.Equals(c?.User?.Login, login, StringComparison.OrdinalIgnoreCase))
            .Where(c => CommentMarker.TryParse(c.Body) is not null)
            .ToList();
        if (mine is not null && listed.All(c => c.Id != mine.Id))
            listed.Add(mine);
        return [.. listed.OrderBy(c => c.Id)];
    }

    // Page by page up to the first that is not full: the answer's own link may name another host, which must not get
    // the token.
    private async Task<List<IssueComment>> AllAsync()
    {
        List<IssueComment> all = [];
        for (var page = 1; page <= MostPages; page++)
        {
            var some = await api.Client.Issue.Comment.GetAllForIssue(
                api.Owner,
                api.Name,
                pullRequest,
                new ApiOptions
                {
                    PageSize = PageSize,
                    PageCount = 1,
                    StartPage = page,
                }
            );
            all.AddRange(some);
            if (some.Count < PageSize)
                break;
        }

        return all;
    }
}
