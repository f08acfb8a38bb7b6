using Octokit;
using PostTrainGate.Cli.Base;

namespace PostTrainGate.Cli.GitHub;

// What the base of a change is and holds.
internal sealed partial class GitHubApi
{
    /// <summary>A commit by its full hash, when it can be read with this token.</summary>
    /// <exception cref="BaseUnreadableException">It cannot.</exception>
    public Task<string> ObjectAsync(string sha, CancellationToken cancel) =>
        ReadAsync(
            $"the commit {Short(sha)}",
            async () => Same(sha, (await Client.Git.Commit.Get(Owner, Name, sha))?.Sha),
            cancel
        );

    /// <summary>Full hash of the commit that a branch or tag names; null when there is none.</summary>
    /// <exception cref="BaseUnreadableException">GitHub does not tell.</exception>
    public Task<string?> CommitAsync(string reference, CancellationToken cancel) =>
        ReadAsync(
            $"the commit of {reference}",
            async () =>
            {
                try
                {
                    return Full(
                        (await Client.Repository.Commit.Get(Owner, Name, Uri.EscapeDataString(reference)))?.Sha
                    );
                }
                catch (Exception e) when (e is NotFoundException or ApiValidationException)
                {
                    return (string?)null;
                }
            },
            cancel
        );

    /// <summary>Full hash of the last commit that a commit shares with the default branch.</summary>
    /// <exception cref="BaseUnreadableException">GitHub does not tell.</exception>
    public Task<string> MergeBaseAsync(string? defaultBranch, string head, CancellationToken cancel) =>
        ReadAsync(
            "the merge base with the default branch",
            async () =>
            {
                var branch = defaultBranch ?? (await Client.Repository.Get(Owner, Name)).DefaultBranch;
                return Full((await Client.Repository.Commit.Compare(Owner, Name, branch, head))?.MergeBaseCommit?.Sha);
            },
            cancel
        );

    /// <summary>A file of a commit; null when there is none. GitHub gives files up to 100 MB.</summary>
    /// <exception cref="BaseUnreadableException">It may be there, and cannot be read.</exception>
    public Task<byte[]?> ReadFileAsync(string path, string commit, CancellationToken cancel) =>
        ReadAsync(
            $"'{path}' at {Short(commit)}",
            async () =>
            {
                IReadOnlyList<RepositoryContent> entries;
                try
                {
                    entries = await Client.Repository.Content.GetAllContentsByRef(Owner, Name, path, commit);
                }
                catch (NotFoundException)
                {
                    return null; // the one answer that says so; the commit itself was read
                }

                if (entries.Count == 0)
                    throw new FormatException("no entry");
                if (entries.All(e => e.Path.StartsWith($"{path}/", StringComparison.Ordinal)))
                    return null; // a folder
                if (
                    entries is not [{ Type.Value: ContentType.File, Sha: { Length: > 0 } sha } entry]
                    || entry.Path != path
                )
                    throw new FormatException("no file");
                // The entry holds small files only; the blob that it names holds all.
                var blob = await Client.Git.Blob.Get(Owner, Name, sha);
                return blob.Encoding.Value == EncodingType.Base64
                    ? Convert.FromBase64String(blob.Content)
                    : System.Text.Encoding.UTF8.GetBytes(blob.Content);
            },
            cancel
        );

    /// <summary>Paths of all files of a commit.</summary>
    /// <exception cref="BaseUnreadableException">GitHub does not give them, or not all.</exception>
    public Task<string[]> ListFilesAsync(string commit, CancellationToken cancel) =>
        ReadAsync(
            $"the files of {Short(commit)}",
            async () =>
            {
                try
                {
                    var tree = await Client.Git.Tree.GetRecursive(Owner, Name, commit);
                    return tree.Truncated
                        ? throw new FormatException("not all of them")
                        : (string[])[.. tree.Tree.Where(e => e.Type.Value == TreeType.Blob).Select(e => e.Path)];
                }
                catch (NotFoundException)
                {
                    return [];
                }
            },
            cancel
        );

    private async Task<T> ReadAsync<T>(string what, Func<Task<T>> call, CancellationToken cancel)
    {
        try
        {
            return await AskAsync(_ => call(), cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            throw new BaseUnreadableException(
                $"The checkout does not have the base commit, and GitHub did not return {what}: {Why(e)}. "
                    + "Check out with 'fetch-depth: 0', or grant 'contents: read'."
            );
        }
    }

    private static string Same(string wanted, string? got) =>
        wanted.Equals(got, StringComparison.OrdinalIgnoreCase) ? wanted : throw new FormatException("another commit");

    private static string Full(string? sha) =>
        sha is { Length: >= 40 } && sha.All(char.IsAsciiHexDigit) ? sha : throw new FormatException("no hash");

    private static string Short(string sha) => sha.Length > 7 ? sha[..7] : sha;
}
