using System.Globalization;
using Octokit;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reporting;

namespace PostTrainGate.Cli.GitHub.Fix;

/// <summary>
/// One pull request for each branch and model, against that branch; a later run brings it up to date.
/// </summary>
internal sealed class RepairPullRequest(GitHubApi api, PullRequestEvent change, string path, GateResult result)
{
    private const int Short = 8;

    /// <summary>The branch, by which a later run finds it again.</summary>
    public string Branch { get; } =
        "posttraingate/repair-"
        + Hash.Compute(content =>
        {
            content.Write(change.HeadRef!);
            content.Write(path);
        })[..Short];

    /// <summary>Opens it, or moves its branch to a new commit.</summary>
    /// <exception cref="RepairRefusedException">Somebody else's work is on its branch.</exception>
    public async Task<ProposeRepair.Made> OpenAsync(string commit, CancellationToken cancel)
    {
        await MoveAsync(commit, cancel);
        var requests = api.Client.PullRequest;
        var open = await api.AskAsync(
            _ =>
                requests.GetAllForRepository(
                    api.Owner,
                    api.Name,
                    new PullRequestRequest
                    {
                        Head = $"{api.Owner}:{Branch}",
                        Base = change.HeadRef,
                        State = ItemStateFilter.Open,
                    },
                    new ApiOptions { PageSize = 10, PageCount = 1 }
                ),
            cancel
        );
        var (title, body) = (RepairMessage.Subject(result), Body());
        if (open is [{ } there, ..])
        {
            var update = new PullRequestUpdate { Title = title, Body = body };
            await api.AskAsync(_ => requests.Update(api.Owner, api.Name, there.Number, update), cancel);
            return new($"The pull request {Page(there)} with the repaired model was updated.", there.HtmlUrl);
        }

        var wanted = new NewPullRequest(title, Branch, change.HeadRef) { Body = body };
        var made = await api.AskAsync(_ => requests.Create(api.Owner, api.Name, wanted), cancel);
        return new($"The pull request {Page(made)} with the repaired model was opened.", made.HtmlUrl);
    }

    private static Link Page(PullRequest request) =>
        new(request.Number.ToString(CultureInfo.InvariantCulture), new(request.HtmlUrl));

    // Its branch holds nothing but one commit of this tool, which a new one may take the place of.
    private async Task MoveAsync(string commit, CancellationToken cancel)
    {
        var references = api.Client.Git.Reference;
        Reference? now;
        try
        {
            // Octokit's own call asks an address that GitHub no longer describes.
            var address = new Uri($"repos/{api.Owner}/{api.Name}/git/ref/heads/{Branch}", UriKind.Relative);
            now = await api.AskAsync(_ => new ApiConnection(api.Client.Connection).Get<Reference>(address), cancel);
        }
        catch (NotFoundException)
        {
            now = null;
        }

        if (now is null)
        {
            var wanted = new NewReference($"refs/heads/{Branch}", commit);
            await api.AskAsync(_ => references.Create(api.Owner, api.Name, wanted), cancel);
            return;
        }

        var tip = await api.AskAsync(_ => api.Client.Git.Commit.Get(api.Owner, api.Name, now.Object.Sha), cancel);
        if (!RepairMessage.Is(tip.Message))
            throw new RepairRefusedException($"the branch {Branch} holds a commit of somebody else; delete it.");
        var update = new ReferenceUpdate(commit, force: true);
        await api.AskAsync(_ => references.Update(api.Owner, api.Name, $"heads/{Branch}", update), cancel);
    }

    private string Body() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"It repairs the model of #{change.Number} and changes no other file. Merging it into the branch brings "
        ) + $"the repaired model there.\n\n{Markdown.Block("text", RepairMessage.Write(result))}\n";
}
