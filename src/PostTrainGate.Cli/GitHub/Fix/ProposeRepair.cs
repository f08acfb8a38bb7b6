using System.Globalization;
using System.Net;
using Octokit;
using PostTrainGate.Cli.Base;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reporting;

namespace PostTrainGate.Cli.GitHub.Fix;

/// <summary>
/// Proposes the repaired model on GitHub, as a commit or a pull request that changes this one file. Only in a pull
/// request of the same repository, and only on top of the commit that the run was for.
/// </summary>
internal sealed class ProposeRepair(CliHost host, GateResult result, GatePolicy policy)
{
    private const long LargestBlob = 100L << 20;
    private const int LargestPointer = 1024;

    private readonly ActionsEnvironment _actions = new(host);

    /// <summary>What was made: a sentence for people, and the commit or the address of the pull request.</summary>
    public sealed record Made(FormattableString Text, string Reference);

    /// <summary>Makes it.</summary>
    /// <exception cref="RepairRefusedException">It is not made, and why.</exception>
    public async Task<Made> RunAsync(FixMode mode, CancellationToken cancel)
    {
        var pullRequest = PullRequest();
        var path = ModelPath();
        var file = Repaired;
        if (Hash.ComputeFile(file) != result.Repair!.Sha256)
            throw new RepairRefusedException("the file is not the one that was measured.");
        if (Models.OnnxFile.ExternalFiles(file).Any())
            throw new RepairRefusedException("the model keeps its weights in a second file.");
        if (GitHubApi.Open(host, host.FixTime) is not { } api)
            throw new RepairRefusedException("there is no token.");
        try
        {
            var commit = await CommitAsync(api, pullRequest, path, cancel);
            return mode == FixMode.Commit
                ? await OntoHeadAsync(api, pullRequest, commit, cancel)
                : await new RepairPullRequest(api, pullRequest, path, result).OpenAsync(commit, cancel);
        }
        catch (Exception e) when (e is not RepairRefusedException && !cancel.IsCancellationRequested)
        {
            throw new RepairRefusedException(Why(e));
        }
    }

    private string Repaired => Path.Combine(policy.Folder, result.Repair!.Output!);

    private PullRequestEvent PullRequest()
    {
        if (GitHubEvent.PullRequestOf(host) is not { } pullRequest)
            throw new RepairRefusedException("the run is not for a pull request.");
        if (
            _actions.Repository is not var (owner, name)
            || !$"{owner}/{name}".Equals(pullRequest.HeadRepository, StringComparison.OrdinalIgnoreCase)
        )
            throw new RepairRefusedException("the pull request comes from a fork, where nothing is written.");
        return pullRequest.HeadRef is null
            ? throw new RepairRefusedException("the event does not name the branch.")
            : pullRequest;
    }

    // The base's policy says where the model is.
    private string ModelPath()
    {
        var file = Path.GetFullPath(Path.Combine(policy.Folder, result.Model!.File));
        var root = Checkout.RootOf(policy.File, _actions.GivenWorkspace) ?? _actions.Workspace;
        var path = Checkout.Below(Path.GetFullPath(root), file);
        return path is null || path.Split('/')[0].ToLowerInvariant() is ".git" or ".github"
            ? throw new RepairRefusedException("the model is not a file of the repository.")
            : path;
    }

    private async Task<string> CommitAsync(
        GitHubApi api,
        PullRequestEvent pullRequest,
        string path,
        CancellationToken cancel
    )
    {
        var head = pullRequest.HeadSha;
        if (
            await api.AskAsync(token => api.HeadAsync(pullRequest.Number, token), cancel) is { } now
            && !now.Equals(head, StringComparison.OrdinalIgnoreCase)
        )
            throw Stale();
        var git = api.Client.Git;
        var parent = await api.AskAsync(_ => git.Commit.Get(api.Owner, api.Name, head), cancel);
        var entry = await EntryAsync(api, parent.Tree.Sha, path, cancel);
        var pointer = await PointerAsync(api, entry, cancel);
        RequireGated(entry, pointer);
        if (pointer is null && new FileInfo(Repaired).Length > LargestBlob)
            throw new RepairRefusedException("GitHub takes files of up to 100 MB where Git LFS does not store them.");
        var bytes = pointer is null
            ? await File.ReadAllBytesAsync(Repaired, cancel)
            : await StoredAsync(api, pullRequest, parent.Tree.Sha, cancel);
        var blob = await api.AskAsync(
            _ =>
                git.Blob.Create(
                    api.Owner,
                    api.Name,
                    new NewBlob { Content = Convert.ToBase64String(bytes), Encoding = EncodingType.Base64 }
                ),
            cancel
        );
        var change = new NewTree { BaseTree = parent.Tree.Sha };
        change.Tree.Add(
            new NewTreeItem
            {
                Path = path,
                Mode = entry.Mode,
                Type = TreeType.Blob,
                Sha = blob.Sha,
            }
        );
        var tree = await api.AskAsync(_ => git.Tree.Create(api.Owner, api.Name, change), cancel);
        var commit = new NewCommit(RepairMessage.Write(result), tree.Sha, head);
        return (await api.AskAsync(_ => git.Commit.Create(api.Owner, api.Name, commit), cancel)).Sha;
    }

    // Folder by folder: a whole tree may be cut off.
    private static async Task<TreeItem> EntryAsync(GitHubApi api, string tree, string path, CancellationToken cancel)
    {
        var parts = path.Split('/');
        for (var i = 0; ; i++)
        {
            var last = i == parts.Length - 1;
            var entry = (await ListAsync(api, tree, cancel)).FirstOrDefault(e => e.Path == parts[i]);
            if (entry is null || entry.Type.Value != (last ? TreeType.Blob : TreeType.Tree) || entry.Mode == "120000")
                throw new RepairRefusedException("the pull request's branch has no plain file at the model's path.");
            if (last)
                return entry;
            tree = entry.Sha;
        }
    }

    private static async Task<IReadOnlyList<TreeItem>> ListAsync(
        GitHubApi api,
        string tree,
        CancellationToken cancel
    ) => (await api.AskAsync(_ => api.Client.Git.Tree.Get(api.Owner, api.Name, tree), cancel)).Tree;

    private static async Task<byte[]> ReadAsync(GitHubApi api, TreeItem entry, CancellationToken cancel)
    {
        var blob = await api.AskAsync(_ => api.Client.Git.Blob.Get(api.Owner, api.Name, entry.Sha), cancel);
        return blob.Encoding.Value == EncodingType.Base64
            ? Convert.FromBase64String(blob.Content)
            : System.Text.Encoding.UTF8.GetBytes(blob.Content);
    }

    // SHA-256 of the file that Git LFS keeps for the entry; null where the entry is the file.
    private static async Task<string?> PointerAsync(GitHubApi api, TreeItem entry, CancellationToken cancel) =>
        entry.Size > LargestPointer ? null : LargeFile.Pointer(await ReadAsync(api, entry, cancel));

    // The model goes to Git LFS, and a pointer into the commit.
    private async Task<byte[]> StoredAsync(
        GitHubApi api,
        PullRequestEvent pullRequest,
        string root,
        CancellationToken cancel
    )
    {
        // A branch could lead the token, or everyone's next fetch, to another server.
        var settings = (await ListAsync(api, root, cancel)).FirstOrDefault(e => e.Path == ".lfsconfig");
        if (
            settings is not null
            && System
                .Text.Encoding.UTF8.GetString(await ReadAsync(api, settings, cancel))
                .Contains("url", StringComparison.OrdinalIgnoreCase)
        )
            throw new RepairRefusedException("'.lfsconfig' names another server for the files of Git LFS.");
        var page = new Uri(_actions.RepositoryPage ?? $"https://github.com/{api.Owner}/{api.Name}");
        await new LargeFileStore(api, page, _actions.Token!).UploadAsync(
            Repaired,
            result.Repair!.Sha256!,
            pullRequest.HeadRef!,
            cancel
        );
        return LargeFile.PointerTo(result.Repair.Sha256!, new FileInfo(Repaired).Length);
    }

    // What was measured may be the merge with the base, which has another model than the branch.
    private void RequireGated(TreeItem entry, string? pointer)
    {
        var file = Path.Combine(policy.Folder, result.Model!.File);
        if (
            Hash.ComputeFile(file) != result.Model.Sha256
            || (pointer is null ? BlobHash(File.ReadAllBytes(file)) != entry.Sha : pointer != result.Model.Sha256)
        )
            throw new RepairRefusedException("the branch has another model than the one that was measured.");
    }

#pragma warning disable CA5350 // git names its objects so
    private static string BlobHash(byte[] content) =>
        Convert.ToHexStringLower(
            System.Security.Cryptography.SHA1.HashData([
                .. System.Text.Encoding.ASCII.GetBytes(
                    string.Create(CultureInfo.InvariantCulture, $"blob {content.Length}\0")
                ),
                .. content,
            ])
        );
#pragma warning restore CA5350

    private async Task<Made> OntoHeadAsync(
        GitHubApi api,
        PullRequestEvent pullRequest,
        string commit,
        CancellationToken cancel
    )
    {
        try
        {
            await api.AskAsync(
                _ =>
                    api.Client.Git.Reference.Update(
                        api.Owner,
                        api.Name,
                        $"heads/{pullRequest.HeadRef}",
                        new ReferenceUpdate(commit, force: false)
                    ),
                cancel
            );
        }
        catch (ApiValidationException)
        {
            throw Stale(); // no fast forward: the branch moved meanwhile
        }

        var page = new Link(commit[..7], new($"{_actions.RepositoryPage ?? "https://github.com"}/commit/{commit}"));
        return new(
            $"The repaired model was committed to {pullRequest.HeadRef} as {page}; the next run measures it.",
            commit
        );
    }

    private static RepairRefusedException Stale() =>
        new("the pull request has a newer commit than the one that was measured; its own run may propose a repair.");

    private static string Why(Exception error) =>
        error is ApiException { StatusCode: HttpStatusCode.Forbidden }
            ? $"GitHub refused ({GitHubApi.Why(error)}); the job needs 'permissions: contents: write', and for a pull "
                + "request 'pull-requests: write' and the repository's setting that Actions may create pull requests."
            : $"GitHub failed ({GitHubApi.Why(error)}).";
}
