using System.Text.Json;
using PostTrainGate.Cli.Base;

namespace PostTrainGate.Cli.GitHub;

/// <summary>The pull request that a run is for.</summary>
/// <param name="Number">Its number.</param>
/// <param name="HeadSha">Commit that is proposed.</param>
/// <param name="BaseSha">Commit of the base branch.</param>
internal sealed record PullRequestEvent(long Number, string HeadSha, string BaseSha)
{
    /// <summary>Branch that is proposed; null where the event does not name it.</summary>
    public string? HeadRef { get; init; }

    /// <summary>Repository of that branch as owner/name; null where it is gone.</summary>
    public string? HeadRepository { get; init; }
}

/// <summary>Reads the event of a run.</summary>
internal static class GitHubEvent
{
    private const long Largest = 32 << 20;

    /// <summary>The pull request; null for every other event and where the file is missing or holds none.</summary>
    public static PullRequestEvent? PullRequestOf(CliHost host)
    {
        var actions = new ActionsEnvironment(host);
        if (!actions.IsActions || !IsPullRequest(actions))
            return null;
        using var document = Read(actions);
        return
            document is not null
            && Text(document, "pull_request", "head", "sha") is { } head
            && Text(document, "pull_request", "base", "sha") is { } @base
            && Find(document, "pull_request", "number") is { ValueKind: JsonValueKind.Number } number
            && number.TryGetInt64(out var n)
            ? new(n, head, @base)
            {
                HeadRef = Text(document, "pull_request", "head", "ref"),
                HeadRepository = Text(document, "pull_request", "head", "repo", "full_name"),
            }
            : null;
    }

    /// <summary>
    /// The base of the run; null outside Actions. A pull request and a merge group name it. A push to the default
    /// branch starts from what the branch was before. Everything else is held against the commit at which it left the
    /// default branch: on another branch the push before may itself have lowered the bar.
    /// </summary>
    /// <exception cref="BaseUnreadableException">The event should name it and does not.</exception>
    public static BaseCommit? FindBase(CliHost host)
    {
        var actions = new ActionsEnvironment(host);
        if (!actions.IsActions)
            return null;
        using var document = Read(actions);
        var branch = Text(document, "repository", "default_branch");
        if (IsPullRequest(actions))
            return new BaseCommit.Named(
                Required("pull_request", "base", "sha"),
                Text(document, "pull_request", "head", "sha")
            );
        if (actions.EventName == "merge_group")
            return new BaseCommit.Named(Required("merge_group", "base_sha"));
        if (
            actions.EventName == "push"
            && (branch is null || Text(document, "ref") == $"refs/heads/{branch}")
            && Required("before") is var before
            && before.Any(c => c != '0')
        )
            return new BaseCommit.Named(before);
        return new BaseCommit.Fork(branch, actions.Sha ?? "HEAD");

        string Required(params string[] path) =>
            Text(document, path) is { Length: >= 40 } sha && sha.All(char.IsAsciiHexDigit)
                ? sha
                : throw new BaseUnreadableException(
                    $"The event '{actions.EventName}' does not name the base commit ({string.Join('.', path)})."
                );
    }

    /// <summary>The default branch of the repository; null where the event does not name it.</summary>
    public static string? DefaultBranchOf(CliHost host)
    {
        using var document = Read(new ActionsEnvironment(host));
        return Text(document, "repository", "default_branch");
    }

    /// <summary>
    /// Whether the run is for what stands on the default branch. Only events that check out nothing else by themselves:
    /// <c>workflow_run</c> and the like run there too, with what a stranger proposes.
    /// </summary>
    public static bool IsOfDefaultBranch(CliHost host)
    {
        var actions = new ActionsEnvironment(host);
        return actions.IsActions
            && (
                actions.EventName == "schedule" // there is no other branch for it
                || (
                    actions.EventName is "push" or "workflow_dispatch"
                    && DefaultBranchOf(host) is { } branch
                    && actions.Reference == $"refs/heads/{branch}"
                )
            );
    }

    private static bool IsPullRequest(ActionsEnvironment actions) =>
        actions.EventName?.StartsWith("pull_request", StringComparison.Ordinal) == true;

    private static JsonDocument? Read(ActionsEnvironment actions)
    {
        try
        {
            return actions.EventPath is not { } path || new FileInfo(path).Length > Largest
                ? null
                : JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonDocument? document, params string[] path) =>
        Find(document, path) is { ValueKind: JsonValueKind.String } value && value.GetString() is { Length: > 0 } text
            ? text
            : null;

    private static JsonElement? Find(JsonDocument? document, params string[] path)
    {
        JsonElement? at = document?.RootElement;
        foreach (var name in path)
            at =
                at is { ValueKind: JsonValueKind.Object } map && map.TryGetProperty(name, out var inner) ? inner : null;
        return at;
    }
}
