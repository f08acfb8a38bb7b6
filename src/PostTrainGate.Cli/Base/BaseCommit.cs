using PostTrainGate.Cli.GitHub;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.Base;

/// <summary>Which commit a change is held against.</summary>
internal abstract record BaseCommit
{
    /// <summary>The one in a repository on this machine; null when it is not there.</summary>
    public abstract Task<string?> FindAsync(GitRepository git, CancellationToken cancel);

    /// <summary>The one that GitHub knows.</summary>
    /// <exception cref="BaseUnreadableException">GitHub does not give it.</exception>
    public abstract Task<string> FindAsync(GitHubApi api, CancellationToken cancel);

    /// <summary>What is wrong when nobody has it.</summary>
    public virtual Exception Missing() =>
        new BaseUnreadableException(
            $"The checkout does not have {Words}, and there is no token to read it from GitHub. "
                + "Check out with 'fetch-depth: 0', or grant 'contents: read'."
        );

    /// <summary>What it is, for messages.</summary>
    protected abstract string Words { get; }

    /// <summary>A reference that was asked for by name.</summary>
    /// <param name="Name">Branch, tag or hash.</param>
    internal sealed record Reference(string Name) : BaseCommit
    {
        // A checkout in Actions has branches as those of its remote.
        public override async Task<string?> FindAsync(GitRepository git, CancellationToken cancel) =>
            await git.CommitAsync(Name, cancel) ?? await git.CommitAsync($"refs/remotes/origin/{Name}", cancel);

        public override async Task<string> FindAsync(GitHubApi api, CancellationToken cancel) =>
            await api.CommitAsync(Name, cancel) ?? throw Missing();

        public override Exception Missing() =>
            new GateException(
                new Diagnostic(
                    DiagnosticCodes.BaseUnavailable,
                    $"The base '{Name}' is not a commit of a git repository that contains the policy."
                )
            );

        protected override string Words => $"the base {Name}";
    }

    /// <summary>The commit that an event of GitHub names.</summary>
    /// <param name="Sha">Its full hash.</param>
    /// <param name="Head">Commit that is proposed, where there is one.</param>
    internal sealed record Named(string Sha, string? Head = null) : BaseCommit
    {
        // Actions checks out the merge of base and pull request; with fetch-depth 2 its first parent is the base.
        public override async Task<string?> FindAsync(GitRepository git, CancellationToken cancel)
        {
            if (await git.CommitAsync(Sha, cancel) is { } commit)
                return commit;
            return Head is not null && await git.CommitAsync("HEAD^2", cancel) == Head
                ? await git.CommitAsync("HEAD^1", cancel)
                : null;
        }

        public override Task<string> FindAsync(GitHubApi api, CancellationToken cancel) => api.ObjectAsync(Sha, cancel);

        protected override string Words => $"the base commit {(Sha.Length > 7 ? Sha[..7] : Sha)}";
    }

    /// <summary>Where what is checked out left the default branch.</summary>
    /// <param name="DefaultBranch">Its name; null when the event does not tell.</param>
    /// <param name="Head">Commit that is checked out, as GitHub knows it.</param>
    internal sealed record Fork(string? DefaultBranch, string Head) : BaseCommit
    {
        public override async Task<string?> FindAsync(GitRepository git, CancellationToken cancel)
        {
            string[] names = DefaultBranch is { } name
                ? [$"refs/remotes/origin/{name}", $"refs/heads/{name}"]
                : ["refs/remotes/origin/HEAD"];
            foreach (var branch in names)
                if (await git.MergeBaseAsync(branch, cancel) is { } commit)
                    return commit;
            return null;
        }

        public override Task<string> FindAsync(GitHubApi api, CancellationToken cancel) =>
            api.MergeBaseAsync(DefaultBranch, Head, cancel);

        protected override string Words => "the default branch";
    }
}
