using PostTrainGate.Cli.GitHub;

namespace PostTrainGate.Cli.Base;

/// <summary>Files of the base commit, beside the policy.</summary>
/// <param name="Commit">Full hash.</param>
internal abstract record BaseSource(string Commit)
{
    /// <summary>A file as it was; null when there was none.</summary>
    /// <param name="path">Relative to the policy's folder, with <c>/</c>.</param>
    /// <param name="largest">Size that is refused above.</param>
    /// <param name="cancel">Stops reading.</param>
    public abstract Task<byte[]?> ReadAsync(string path, long largest, CancellationToken cancel);

    /// <summary>Where Git LFS keeps a file on this machine; null when it was not fetched.</summary>
    public virtual Task<string?> StoredAsync(string hash, CancellationToken cancel) => Task.FromResult<string?>(null);

    /// <summary>Where the base can be read from; null when nowhere.</summary>
    public static async Task<BaseSource?> FindAsync(string folder, string? reference, PullRequestEvent? pullRequest, CliHost host,
        CancellationToken cancel)
    {
        var git = await GitRepository.OpenAsync(folder, host, cancel);
        if (git is not null && await CommitAsync(git, reference, pullRequest, cancel) is { } commit) return new GitSource(git, commit);
        return reference is null && pullRequest is not null && GitHubApi.Open(host) is { } api && Workspace(folder, host) is { } prefix
            ? await GitHubSource.OpenAsync(api, pullRequest, prefix, cancel) : null;
    }

    /// <summary>Joins and resolves <c>..</c>; null when the path leaves the repository.</summary>
    protected static string? Join(string prefix, string path)
    {
        var parts = new List<string>();
        foreach (var part in $"{prefix}/{path}".Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                if (parts.Count == 0) return null;
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    // Actions checks out the merge of base and pull request; with fetch-depth 2 its first parent is the base.
    private static async Task<string?> CommitAsync(GitRepository git, string? reference, PullRequestEvent? pullRequest,
        CancellationToken cancel)
    {
        if (reference is not null) return await git.CommitAsync(reference, cancel);
        if (await git.CommitAsync(pullRequest!.BaseSha, cancel) is { } commit) return commit;
        return await git.CommitAsync("HEAD^2", cancel) == pullRequest.HeadSha ? await git.CommitAsync("HEAD^1", cancel) : null;
    }

    private static string? Workspace(string folder, CliHost host)
    {
        if (host.Variable("GITHUB_WORKSPACE") is not { } workspace) return null;
        var relative = Path.GetRelativePath(workspace, folder).Replace('\\', '/');
        return relative == ".." || relative.StartsWith("../", StringComparison.Ordinal) || Path.IsPathRooted(relative) ? null : relative;
    }

    private sealed record GitSource(GitRepository Git, string Commit) : BaseSource(Commit)
    {
        public override async Task<byte[]?> ReadAsync(string path, long largest, CancellationToken cancel) =>
            Join(Git.Prefix, path) is { } full ? await Git.ReadAsync(Commit, full, largest, cancel) : null;

        public override async Task<string?> StoredAsync(string hash, CancellationToken cancel)
        {
            var file = await Git.CommonFolderAsync(cancel) is { } folder ? LargeFile.Stored(folder, hash) : null;
            return File.Exists(file) ? file : null;
        }
    }

    private sealed record GitHubSource(GitHubApi Api, PullRequestEvent Event, string Prefix) : BaseSource(Event.BaseSha)
    {
        // Nothing is known before something was read: the policy's folder, which every base branch with a policy has.
        public static async Task<BaseSource?> OpenAsync(GitHubApi api, PullRequestEvent pullRequest, string prefix,
            CancellationToken cancel) =>
            await api.CanReadAsync(pullRequest.BaseSha, cancel) ? new GitHubSource(api, pullRequest, prefix) : null;

        public override async Task<byte[]?> ReadAsync(string path, long largest, CancellationToken cancel) =>
            Join(Prefix, path) is { } full && await Api.ReadFileAsync(full, Commit, cancel) is { } bytes && bytes.LongLength <= largest
                ? bytes : null;
    }
}
