using System.Diagnostics;

namespace PostTrainGate.Cli.Base;

/// <summary>
/// Reads files of other commits through <c>git</c>, without a shell, a pager, a hook, a filter or the network. The content may be a
/// stranger's, so sizes are bounded and links are not followed.
/// </summary>
internal sealed class GitRepository
{
    private readonly CliHost _host;
    private readonly string _folder;

    private GitRepository(CliHost host, string folder, string prefix) => (_host, _folder, Prefix) = (host, folder, prefix);

    /// <summary>Path of the folder inside the repository, empty or ending in <c>/</c>.</summary>
    public string Prefix { get; }

    /// <summary>The repository that a folder is in; null when it is in none or git is not installed.</summary>
    public static async Task<GitRepository?> OpenAsync(string folder, CliHost host, CancellationToken cancel)
    {
        var prefix = await RunAsync(host, folder, ["rev-parse", "--show-prefix"], 64 * 1024, cancel);
        return prefix is null ? null : new(host, folder, Text(prefix));
    }

    /// <summary>Full hash of the commit that a reference names; null when it is not here.</summary>
    public async Task<string?> CommitAsync(string reference, CancellationToken cancel) =>
        await RunAsync(_host, _folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", $"{reference}^{{commit}}"], 1024,
            cancel) is { } hash ? Text(hash) : null;

    /// <summary>A file as it was; null when the commit has none of that path, or has a link or folder there.</summary>
    /// <param name="commit">Full hash.</param>
    /// <param name="path">Path from the top of the repository, with <c>/</c>.</param>
    /// <param name="largest">Size that is refused above.</param>
    /// <param name="cancel">Stops reading.</param>
    public async Task<byte[]?> ReadAsync(string commit, string path, long largest, CancellationToken cancel)
    {
        // mode SP type SP hash TAB path NUL
        var entry = await RunAsync(_host, _folder, ["--literal-pathspecs", "ls-tree", "--full-tree", "-z", commit, "--", path],
            64 * 1024, cancel);
        if (entry is null || Text(entry).Split(['\t', ' ']) is not ["100644" or "100755", "blob", var hash, ..]) return null;
        return await RunAsync(_host, _folder, ["cat-file", "blob", hash], largest, cancel);
    }

    /// <summary>Folder with the repository's own data, shared by its work trees.</summary>
    public async Task<string?> CommonFolderAsync(CancellationToken cancel) =>
        await RunAsync(_host, _folder, ["rev-parse", "--path-format=absolute", "--git-common-dir"], 64 * 1024, cancel) is { } path
            ? Text(path) : null;

    private static string Text(byte[] bytes) => System.Text.Encoding.UTF8.GetString(bytes).TrimEnd('\n', '\r', '\0');

    private static async Task<byte[]?> RunAsync(CliHost host, string folder, IEnumerable<string> arguments, long largest,
        CancellationToken cancel)
    {
        var start = new ProcessStartInfo("git") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
            RedirectStandardInput = true };
        start.ArgumentList.Add("--no-pager");
        // A container's user is seldom the owner of the work tree that Actions mounts; git would refuse to read it.
        if (host.Variable("GITHUB_ACTIONS") == "true"
            && host.Variable("GITHUB_WORKSPACE") is { } workspace) Set("safe.directory", workspace);
        Set("core.fsmonitor", "false");
        Set("core.hooksPath", "/dev/null");
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        (start.Environment["GIT_TERMINAL_PROMPT"], start.Environment["GIT_NO_LAZY_FETCH"],
            start.Environment["GIT_OPTIONAL_LOCKS"]) = ("0", "1", "0");
        (start.Environment["LC_ALL"], start.Environment["GIT_TRACE"]) = ("C", "0");

        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // git is not installed
        }

        using (process)
        using (var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel))
        {
            timeout.CancelAfter(TimeSpan.FromMinutes(1));
            try
            {
                process.StandardInput.Close();
                var errors = process.StandardError.BaseStream.CopyToAsync(Stream.Null, timeout.Token);
                using var output = new MemoryStream();
                var buffer = new byte[64 * 1024];
                for (int read; (read = await process.StandardOutput.BaseStream.ReadAsync(buffer, timeout.Token)) > 0;)
                {
                    if (output.Length + read > largest) return null;
                    output.Write(buffer, 0, read);
                }

                await errors;
                await process.WaitForExitAsync(timeout.Token);
                return process.ExitCode == 0 ? output.ToArray() : null;
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return null;
            }
            finally
            {
                if (!process.HasExited) process.Kill(entireProcessTree: true);
            }
        }

        void Set(string name, string value)
        {
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add($"{name}={value}");
        }
    }
}
