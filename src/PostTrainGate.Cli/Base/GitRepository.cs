using System.ComponentModel;
using CliWrap;

namespace PostTrainGate.Cli.Base;

/// <summary>
/// Reads files of other commits through <c>git</c>, from its objects alone: without a shell, a pager, a hook, a filter,
/// the network or the files of the work tree. The content may be a stranger's, so sizes are bounded, and links lead no
/// further than the commit.
/// </summary>
/// <param name="host">The environment.</param>
/// <param name="folder">Top folder of the work tree.</param>
internal sealed class GitRepository(CliHost host, string folder)
{
    private const int MaxLinks = 40;
    private const long LargestList = 256L << 20;
    private static readonly TimeSpan LongestCall = TimeSpan.FromMinutes(1);

    /// <summary>Full hash of the commit that a reference names; null when it is not here.</summary>
    public async Task<string?> CommitAsync(string reference, CancellationToken cancel) =>
        await RunAsync(
            ["rev-parse", "--verify", "--quiet", "--end-of-options", $"{reference}^{{commit}}"],
            1024,
            cancel
        )
            is { } hash
            ? Text(hash)
            : null;

    /// <summary>The branch that is checked out; null when none is.</summary>
    public async Task<string?> BranchAsync(CancellationToken cancel) =>
        await RunAsync(["symbolic-ref", "--quiet", "--short", "HEAD"], 64 * 1024, cancel) is { } name
            ? Text(name)
            : null;

    /// <summary>Where what is checked out left another line of commits; null when one of them is not here.</summary>
    public async Task<string?> MergeBaseAsync(string reference, CancellationToken cancel) =>
        await CommitAsync(reference, cancel) is { } other
        && await RunAsync(["merge-base", other, "HEAD"], 1024, cancel) is { } hash
            ? Text(hash)
            : null;

    /// <summary>A file as it was; null when the commit has none of that path.</summary>
    /// <param name="commit">Full hash.</param>
    /// <param name="path">Path from the top of the repository, with <c>/</c>.</param>
    /// <param name="largest">Size that is refused above.</param>
    /// <param name="cancel">Stops reading.</param>
    /// <exception cref="BaseUnreadableException">It may be there, and cannot be read.</exception>
    public async Task<byte[]?> ReadAsync(string commit, string path, long largest, CancellationToken cancel)
    {
        for (var links = 0; links <= MaxLinks; links++)
        {
            if (await FindAsync(commit, path, cancel) is not var (entry, at, left))
                return null;
            if (!entry.IsLink)
                return await BlobAsync(entry.Hash, path, largest, cancel);
            var target = Text(await BlobAsync(entry.Hash, at, 64 * 1024, cancel));
            var above = at.Contains('/', StringComparison.Ordinal) ? at[..at.LastIndexOf('/')] : "";
            path =
                target.StartsWith('/') || BaseSource.Join(above, $"{target}/{left}") is not { } full
                    ? throw new BaseUnreadableException(
                        $"'{at}' at the base commit {Short(commit)} is a symbolic link that leaves the repository."
                    )
                    : full;
        }

        throw new BaseUnreadableException(
            $"'{path}' at the base commit {Short(commit)} is behind a cycle of symbolic links."
        );
    }

    /// <summary>Paths of all files of a commit.</summary>
    /// <exception cref="BaseUnreadableException">They cannot be listed.</exception>
    public async Task<string[]> ListAsync(string commit, CancellationToken cancel) =>
        Text(
                await RunAsync(["ls-tree", "-r", "-z", "--full-tree", "--name-only", commit], LargestList, cancel)
                    ?? throw new BaseUnreadableException(
                        $"git cannot list the files of the base commit {Short(commit)}."
                    )
            )
            .Split('\0', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Whether the work tree has some of the files only.</summary>
    public async Task<bool> IsSparseAsync(CancellationToken cancel) =>
        await RunAsync(["config", "--bool", "core.sparseCheckout"], 1024, cancel) is { } flag && Text(flag) == "true";

    /// <summary>Folder with the repository's own data, shared by its work trees.</summary>
    public async Task<string?> CommonFolderAsync(CancellationToken cancel) =>
        await RunAsync(["rev-parse", "--path-format=absolute", "--git-common-dir"], 64 * 1024, cancel) is { } path
            ? Text(path)
            : null;

    // The file, or the first link on the way to it and what is left of the way.
    private async Task<(Entry Entry, string At, string Left)?> FindAsync(
        string commit,
        string path,
        CancellationToken cancel
    )
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 1; i <= parts.Length; i++)
        {
            var at = string.Join('/', parts[..i]);
            if (await EntryAsync(commit, at, cancel) is not { } entry)
                return null;
            if (entry.IsLink || (i == parts.Length && entry.IsFile))
                return (entry, at, string.Join('/', parts[i..]));
            if (!entry.IsFolder)
                return null;
        }

        return null;
    }

    // mode SP type SP hash TAB path NUL
    private async Task<Entry?> EntryAsync(string commit, string path, CancellationToken cancel)
    {
        var line = await RunAsync(
            ["--literal-pathspecs", "ls-tree", "--full-tree", "-z", commit, "--", path],
            64 * 1024,
            cancel
        ) ?? throw new BaseUnreadableException($"git cannot read the tree of the base commit {Short(commit)}.");
        return Text(line).Split(['\t', ' ']) is [var mode, _, var hash, ..] ? new(mode, hash) : null;
    }

    private async Task<byte[]> BlobAsync(string hash, string path, long largest, CancellationToken cancel) =>
        await RunAsync(["cat-file", "blob", hash], largest, cancel)
        ?? throw new BaseUnreadableException(
            $"git cannot read '{path}' at the base commit, or it is larger than {largest} bytes."
        );

    private sealed record Entry(string Mode, string Hash)
    {
        public bool IsFile => Mode is "100644" or "100755";

        public bool IsLink => Mode == "120000";

        public bool IsFolder => Mode == "040000";
    }

    private static string Text(byte[] bytes) => System.Text.Encoding.UTF8.GetString(bytes).TrimEnd('\n', '\r', '\0');

    private static string Short(string commit) => commit.Length > 7 ? commit[..7] : commit;

    // What git says; null when it fails, takes too long, or says more than the largest answer.
    private async Task<byte[]?> RunAsync(IEnumerable<string> arguments, long largest, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        stop.CancelAfter(LongestCall);
        using var output = new MemoryStream();
        var git = new Command("git")
            .WithWorkingDirectory(folder)
            .WithArguments([.. Options(), .. arguments])
            .WithEnvironmentVariables(Variables())
            .WithValidation(CommandResultValidation.None)
            .WithStandardOutputPipe(PipeTarget.Create(KeepAsync))
            .WithStandardErrorPipe(PipeTarget.ToStream(Stream.Null)); // unread, it would block or end git
        try
        {
            return (await git.ExecuteAsync(stop.Token)).ExitCode == 0 ? output.ToArray() : null;
        }
        catch (Win32Exception)
        {
            return null; // git is not installed
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }

        async Task KeepAsync(Stream said, CancellationToken token)
        {
            var buffer = new byte[64 * 1024];
            for (int read; (read = await said.ReadAsync(buffer, token)) > 0; )
            {
                if (output.Length + read > largest)
                {
                    await stop.CancelAsync(); // ends git
                    return;
                }

                output.Write(buffer, 0, read);
            }
        }
    }

    private IEnumerable<string> Options()
    {
        yield return "--no-pager";
        // A container's user is seldom the owner of the work tree that Actions mounts; git would refuse to read it.
        string[] safe = host.Variable("GITHUB_ACTIONS") == "true" ? [$"safe.directory={folder}"] : [];
        foreach (var setting in (string[])[.. safe, "core.fsmonitor=false", "core.hooksPath=/dev/null"])
        {
            yield return "-c";
            yield return setting;
        }
    }

    /// <summary>No prompts, no objects from elsewhere, no locks, no token; null removes a variable.</summary>
    internal static Dictionary<string, string?> Variables() =>
        new(Secrets.Names().Select(name => KeyValuePair.Create(name, (string?)null)))
        {
            ["GIT_TERMINAL_PROMPT"] = "0",
            ["GIT_NO_LAZY_FETCH"] = "1",
            ["GIT_OPTIONAL_LOCKS"] = "0",
            ["GIT_NO_REPLACE_OBJECTS"] = "1",
            ["GIT_TRACE"] = "0",
            ["LC_ALL"] = "C",
        };
}
