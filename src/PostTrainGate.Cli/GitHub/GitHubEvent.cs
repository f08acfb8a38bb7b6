using System.Text.Json;

namespace PostTrainGate.Cli.GitHub;

/// <summary>The pull request that a run is for.</summary>
/// <param name="Number">Its number.</param>
/// <param name="HeadSha">Commit that is proposed.</param>
/// <param name="BaseSha">Commit of the base branch.</param>
internal sealed record PullRequestEvent(long Number, string HeadSha, string BaseSha);

/// <summary>Reads the event of a run.</summary>
internal static class GitHubEvent
{
    private const long Largest = 32 << 20;

    /// <summary>The pull request; null for every other event and where the file is missing or holds none.</summary>
    public static PullRequestEvent? PullRequestOf(CliHost host)
    {
        var actions = new ActionsEnvironment(host);
        if (!actions.IsActions || actions.EventName != "pull_request" || actions.EventPath is not { } path) return null;
        try
        {
            if (new FileInfo(path).Length > Largest) return null;
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var pullRequest = document.RootElement.GetProperty("pull_request");
            return new(pullRequest.GetProperty("number").GetInt64(), Sha("head"), Sha("base"));

            string Sha(string side) => pullRequest.GetProperty(side).GetProperty("sha").GetString()!;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
