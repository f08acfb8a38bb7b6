using System.Collections.Immutable;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.Base;

/// <summary>Files of the base commit.</summary>
/// <param name="Commit">Full hash.</param>
/// <param name="Checkout">Where the policy stands in the repository.</param>
internal abstract record BaseSource(string Commit, Checkout Checkout)
{
    /// <summary>A file as it was; null when there was none.</summary>
    /// <param name="path">From the top of the repository, with <c>/</c>.</param>
    /// <param name="largest">Size that is refused above.</param>
    /// <param name="cancel">Stops reading.</param>
    /// <exception cref="BaseUnreadableException">It may be there, and cannot be read.</exception>
    public abstract Task<byte[]?> ReadAsync(string path, long largest, CancellationToken cancel);

    /// <summary>Paths of all files.</summary>
    /// <exception cref="BaseUnreadableException">They cannot be listed.</exception>
    public abstract Task<string[]> ListAsync(CancellationToken cancel);

    /// <summary>Whether a file of the base is here no longer.</summary>
    public virtual Task<bool> IsGoneAsync(string path, CancellationToken cancel) =>
        Task.FromResult(!File.Exists(Path.Combine(Checkout.Root, path)));

    /// <summary>Where Git LFS keeps a file on this machine; null when it was not fetched.</summary>
    public virtual Task<string?> StoredAsync(string hash, CancellationToken cancel) => Task.FromResult<string?>(null);

    /// <summary>
    /// Where the base can be read from, the most likely first: git, or where the checkout lacks the commit, GitHub.
    /// </summary>
    /// <exception cref="BaseUnreadableException">Nowhere.</exception>
    /// <exception cref="GateException">A reference that was asked for by name is no commit.</exception>
    public static async Task<ImmutableArray<BaseSource>> FindAsync(
        BaseCommit wanted,
        ImmutableArray<Checkout> checkouts,
        CliHost host,
        CancellationToken cancel
    )
    {
        var sources = ImmutableArray.CreateBuilder<BaseSource>();
        foreach (var checkout in checkouts)
        {
            var git = new GitRepository(host, checkout.Root);
            if (await wanted.FindAsync(git, cancel) is { } commit)
                sources.Add(new GitSource(git, commit, checkout));
        }

        if (sources.Count > 0)
            return sources.ToImmutable();
        if (
            new ActionsEnvironment(host).IsActions
            && !checkouts.IsEmpty
            && GitHubApi.Open(host, host.BaseTime) is { } api
        )
            return [new GitHubSource(api, await wanted.FindAsync(api, cancel), checkouts[0])];
        throw wanted.Missing();
    }

    /// <summary>Joins and resolves <c>..</c>; null when the path leaves the repository.</summary>
    public static string? Join(string prefix, string path)
    {
        var parts = new List<string>();
        foreach (var part in $"{prefix}/{path}".Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                if (parts.Count == 0)
                    return null;
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    private sealed record GitSource(GitRepository Git, string Commit, Checkout Checkout) : BaseSource(Commit, Checkout)
    {
        public override Task<byte[]?> ReadAsync(string path, long largest, CancellationToken cancel) =>
            Git.ReadAsync(Commit, path, largest, cancel);

        public override Task<string[]> ListAsync(CancellationToken cancel) => Git.ListAsync(Commit, cancel);

        // A sparse checkout lacks files that are there.
        public override async Task<bool> IsGoneAsync(string path, CancellationToken cancel) =>
            await base.IsGoneAsync(path, cancel)
            && (!await Git.IsSparseAsync(cancel) || await Git.ReadAsync("HEAD", path, long.MaxValue, cancel) is null);

        public override async Task<string?> StoredAsync(string hash, CancellationToken cancel)
        {
            var file = await Git.CommonFolderAsync(cancel) is { } folder ? LargeFile.Stored(folder, hash) : null;
            return File.Exists(file) ? file : null;
        }
    }

    private sealed record GitHubSource(GitHubApi Api, string Commit, Checkout Checkout) : BaseSource(Commit, Checkout)
    {
        public override async Task<byte[]?> ReadAsync(string path, long largest, CancellationToken cancel) =>
            await Api.ReadFileAsync(path, Commit, cancel) is not { } bytes ? null
            : bytes.LongLength <= largest ? bytes
            : throw new BaseUnreadableException($"'{path}' at the base commit is larger than {largest} bytes.");

        public override Task<string[]> ListAsync(CancellationToken cancel) => Api.ListFilesAsync(Commit, cancel);
    }
}
