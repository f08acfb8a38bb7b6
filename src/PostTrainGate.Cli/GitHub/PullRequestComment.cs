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
/// Keeps one comment a policy on a pull request: that of the newest commit, whichever run writes last. A run whose
/// commit is no longer the proposed one writes nothing. Of one commit the later run counts. GitHub has no conditional
/// writes, so every write is checked afterwards, at once and after a while: what an older run overwrote meanwhile is
/// written again, and of two comments that two runs made at once the one of the later run stays. Every step starts from
/// what is there, so that all of it can be repeated after a failure.
/// </summary>
/// <param name="api">GitHub.</param>
/// <param name="pullRequest">Number of the pull request.</param>
/// <param name="head">Commit that the run is for; null when it is not known.</param>
internal sealed class PullRequestComment(GitHubApi api, long pullRequest, string? head = null)
{
    private const int Rounds = 3;
    private const int PageSize = 100;
    private const int MostPages = 100;

    /// <summary>Makes, rewrites or leaves the comment.</summary>
    /// <param name="marker">What tells it from others.</param>
    /// <param name="text">Markdown below the marker.</param>
    /// <param name="create">Whether to make one where there is none.</param>
    /// <param name="cancel">Stops between requests.</param>
    public async Task<CommentOutcome> UpsertAsync(
        CommentMarker marker,
        string text,
        bool create,
        CancellationToken cancel
    )
    {
        var login = await api.AskAsync(api.LoginAsync, cancel);
        return await api.AskAsync(token => UpsertAsync(login, marker, $"{marker}\n{text}", create, token), cancel);
    }

    private async Task<CommentOutcome> UpsertAsync(
        string login,
        CommentMarker marker,
        string body,
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
            if (await IsOutdatedAsync(cancel))
                return CommentOutcome.Stale;
            if (await OwnAsync(login, marker, mine) is [var (newest, written), ..])
            {
                if (written.Age.CompareTo(marker.Age) > 0)
                    return CommentOutcome.Stale;
                mine = await comments.Update(api.Owner, api.Name, newest.Id, body);
                if (outcome == CommentOutcome.None)
                    outcome = CommentOutcome.Updated;
            }
            else if (create)
            {
                mine = await comments.Create(api.Owner, api.Name, pullRequest, body);
                outcome = CommentOutcome.Created;
            }
            else
            {
                return outcome;
            }

            if (await SettleAsync(login, marker, mine, cancel) && await StaysAsync(login, marker, mine, cancel))
                break;
        }

        return outcome;
    }

    private async Task<bool> IsOutdatedAsync(CancellationToken cancel) =>
        head is not null
        && await api.HeadAsync(pullRequest, cancel) is { Length: > 0 } now
        && !now.Equals(head, StringComparison.OrdinalIgnoreCase);

    // An older run may have looked before our write, and write after our look.
    private async Task<bool> StaysAsync(string login, CommentMarker marker, IssueComment mine, CancellationToken cancel)
    {
        await Task.Delay(api.FirstWait, cancel);
        return await SettleAsync(login, marker, mine, cancel);
    }

    // Leaves one comment: that of the latest run. True when it is at least as new as ours.
    private async Task<bool> SettleAsync(
        string login,
        CommentMarker marker,
        IssueComment mine,
        CancellationToken cancel
    )
    {
        var own = await OwnAsync(login, marker, mine);
        foreach (var (comment, _) in own.Skip(1).Where(c => c.Marker.Age.CompareTo(marker.Age) <= 0))
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                await api.Client.Issue.Comment.Delete(api.Owner, api.Name, comment.Id);
            }
            catch (NotFoundException)
            {
                // the other run deleted it
            }
        }

        return own[0].Marker.Age.CompareTo(marker.Age) >= 0;
    }

    // Own comments about the policy, the latest run's first and of one run the oldest first. A list may lag behind a
    // write, so what was just written counts even where the list does not have it yet.
    private async Task<IReadOnlyList<(IssueComment Comment, CommentMarker Marker)>> OwnAsync(
        string login,
        CommentMarker marker,
        IssueComment? mine
    )
    {
        var listed = (await AllAsync())
            .Where(c => string.Equals(c?.User?.Login, login, StringComparison.OrdinalIgnoreCase))
            .Select(c => (Comment: c, Marker: CommentMarker.TryParse(c.Body)))
            .Where(c => c.Marker?.Policy == marker.Policy)
            .Select(c => (c.Comment, Marker: c.Marker!))
            .ToList();
        if (mine is not null && listed.All(c => c.Comment.Id != mine.Id))
            listed.Add((mine, marker));
        return [.. listed.OrderByDescending(c => c.Marker.Age).ThenBy(c => c.Comment.Id)];
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
