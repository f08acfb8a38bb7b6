using System.Collections.Immutable;
using System.ComponentModel;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;
using Polly;
using Polly.Retry;
using PostTrainGate.Cli.Base;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Foundation;
using PostTrainGate.History;

namespace PostTrainGate.Cli.History;

/// <summary>
/// A history on a branch of its own, in a temporary clone of that branch alone: the checkout is left as it is. Each run
/// is a file of its own, so that of two runs that push at once the later one adds its file to what the first pushed. The
/// first run of a month makes one file of those of the month before, so that what a run fetches stays small.
/// </summary>
internal sealed partial class HistoryBranch : IDisposable
{
    private const string Author = "github-actions[bot]",
        Address = "41898282+github-actions[bot]@users.noreply.github.com";

    private static readonly TimeSpan LongestCall = TimeSpan.FromMinutes(1);

    private readonly CliHost _host;
    private readonly string _url;
    private readonly string _branch;
    private readonly DirectoryInfo _clone = Directory.CreateTempSubdirectory("posttraingate-history-");
    private string? _head;

    private HistoryBranch(CliHost host, string url, string branch) => (_host, _url, _branch) = (host, url, branch);

    /// <summary>Folder of its files.</summary>
    public string Folder => _clone.FullName;

    /// <summary>Fetches the branch; where the repository has none, the folder is empty.</summary>
    /// <exception cref="GateException">PTG6006: it is no branch for a history, or cannot be fetched.</exception>
    public static async Task<HistoryBranch> OpenAsync(CliHost host, string branch, CancellationToken cancel)
    {
        var actions = new ActionsEnvironment(host);
        if (actions.RepositoryPage is not { } url)
            throw Wrong("A history on a branch needs GitHub Actions; give '--history FOLDER' elsewhere.");
        if (branch == GitHubEvent.DefaultBranchOf(host))
            throw Wrong($"The branch {Wording.Quote(branch)} is the default branch; name one for the history alone.");
        var opened = new HistoryBranch(host, url, branch);
        try
        {
            await opened.GitAsync(cancel, "init", "-q");
            await opened.GitAsync(cancel, "check-ref-format", "--branch", branch);
            await opened.FetchAsync(cancel);
            opened.RequireHistory();
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Commits a run on top of the branch and pushes it, again where another run was faster.</summary>
    /// <param name="rows">The gates of the run.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="GateException">PTG6006: it cannot be pushed.</exception>
    public async Task AppendAsync(ImmutableArray<HistoryRow> rows, CancellationToken cancel)
    {
        var retry = new ResiliencePipelineBuilder()
            .AddRetry(
                new RetryStrategyOptions
                {
                    ShouldHandle = new PredicateBuilder().Handle<OvertakenException>(),
                    MaxRetryAttempts = 8,
                    BackoffType = DelayBackoffType.Exponential,
                    UseJitter = true,
                    Delay = _host.RetryWait,
                    MaxDelay = 4 * _host.RetryWait,
                }
            )
            .Build();
        await retry.ExecuteAsync(async token => await PushAsync(rows, token), cancel);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _clone.EnumerateFiles("*", SearchOption.AllDirectories))
            file.Attributes = FileAttributes.Normal; // git's objects are read-only, which Windows does not delete
        _clone.Delete(recursive: true);
    }

    private async Task PushAsync(ImmutableArray<HistoryRow> rows, CancellationToken cancel)
    {
        var history = new HistoryFolder(Folder);
        history.Append(rows);
        history.Compact(rows[0].Time);
        var commit = rows[0].Commit is { } known ? known[..Math.Min(7, known.Length)] : "an unknown commit";
        await GitAsync(cancel, "add", "--all", "--force", "--", ".");
        string[] identity = ["-c", $"user.name={Author}", "-c", $"user.email={Address}"];
        var message = Untrusted.Clean($"Add the results of {commit} ({rows[0].Policy})");
        await GitAsync(cancel, [.. identity, "commit", "-q", "--allow-empty", "--no-verify", "-m", message]);
        var pushed = await TryGitAsync(cancel, "push", "-q", _url, $"HEAD:refs/heads/{_branch}");
        if (pushed.IsSuccess)
            return;
        // Whether another run was faster, or is about to be, or the push is refused: the branch tells.
        var built = _head;
        await FetchAsync(cancel);
        if (_head != built || pushed.StandardError.Contains("cannot lock ref", StringComparison.Ordinal))
            throw new OvertakenException(pushed);
        throw Failed("pushed", pushed, " The job needs 'permissions: contents: write'.");
    }

    // The branch's latest commit alone, and the folder as it has it.
    private async Task FetchAsync(CancellationToken cancel)
    {
        var listed = await TryGitAsync(cancel, "ls-remote", "--heads", _url, $"refs/heads/{_branch}");
        if (!listed.IsSuccess)
            throw Failed("read", listed);
        _head = listed.StandardOutput.Split('\t') is [{ Length: > 0 } hash, _, ..] ? hash : null;
        if (_head is null)
        {
            await GitAsync(cancel, "symbolic-ref", "HEAD", $"refs/heads/{_branch}"); // a branch without a parent
            return;
        }

        var fetched = await TryGitAsync(cancel, "fetch", "-q", "--no-tags", "--depth=1", _url, $"refs/heads/{_branch}");
        if (!fetched.IsSuccess)
            throw Failed("fetched", fetched);
        await GitAsync(cancel, "checkout", "-q", "--force", "--no-track", "-B", _branch, "FETCH_HEAD");
        _head = (await GitAsync(cancel, "rev-parse", "HEAD")).StandardOutput.Trim();
    }

    // A branch that somebody works on is named by mistake.
    private void RequireHistory()
    {
        var git = Path.Combine(Folder, ".git") + Path.DirectorySeparatorChar;
        string[] files =
        [
            .. Directory
                .EnumerateFiles(Folder, "*", SearchOption.AllDirectories)
                .Where(f => !f.StartsWith(git, StringComparison.Ordinal))
                .Select(f => Path.GetRelativePath(Folder, f).Replace('\\', '/')),
        ];
        if (files.Any(f => Path.GetExtension(f) is not (".parquet" or ".md")) && !files.Any(Run().IsMatch))
            throw Wrong(
                $"The branch {Wording.Quote(_branch)} has other files and no history; name a branch for the history "
                    + "alone. It is made when it does not exist."
            );
    }

    private async Task<BufferedCommandResult> GitAsync(CancellationToken cancel, params string[] arguments)
    {
        var result = await TryGitAsync(cancel, arguments);
        return result.IsSuccess ? result : throw Failed("used", result);
    }

    private async Task<BufferedCommandResult> TryGitAsync(CancellationToken cancel, params string[] arguments)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        stop.CancelAfter(LongestCall);
        string[] settings =
        [
            "core.hooksPath=/dev/null",
            "core.symlinks=false",
            "core.autocrlf=false",
            "commit.gpgSign=false",
            "gc.auto=0",
        ];
        try
        {
            return await new Command("git")
                .WithWorkingDirectory(Folder)
                .WithArguments(["--no-pager", .. settings.SelectMany(s => new[] { "-c", s }), .. arguments])
                .WithEnvironmentVariables(Variables())
                .WithValidation(CommandResultValidation.None)
                .ExecuteBufferedAsync(stop.Token);
        }
        catch (Win32Exception)
        {
            throw Wrong("A history on a branch needs git, which is not installed.");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw Wrong(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"git took longer than {LongestCall.TotalSeconds:0} s for the history's branch."
                )
            );
        }
    }

    // The token goes to this address alone, and through the environment: arguments can be seen by other processes.
    private Dictionary<string, string?> Variables()
    {
        var variables = GitRepository.Variables();
        if (new ActionsEnvironment(_host).Token is not { } token)
            return variables;
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"x-access-token:{token}"));
        (string Key, string Value)[] settings =
        [
            ($"http.{_url}.extraHeader", $"AUTHORIZATION: basic {login}"),
            ("http.followRedirects", "false"),
            ("credential.helper", ""),
        ];
        variables["GIT_CONFIG_COUNT"] = settings.Length.ToString(CultureInfo.InvariantCulture);
        foreach (var (i, (key, value)) in settings.Index())
        {
            variables[$"GIT_CONFIG_KEY_{i}"] = key;
            variables[$"GIT_CONFIG_VALUE_{i}"] = value;
        }

        return variables;
    }

    private GateException Failed(string what, BufferedCommandResult git, string advice = "")
    {
        var said = git.StandardError.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var why = said.LastOrDefault(l => l.StartsWith("remote: ", StringComparison.Ordinal) && l.Length > 10)
            ?? said.FirstOrDefault(l => l.StartsWith("fatal: ", StringComparison.Ordinal))
            ?? said.FirstOrDefault()
            ?? $"exit code {git.ExitCode}";
        return Wrong(
            $"The history's branch {Wording.Quote(_branch)} cannot be {what}: "
                + $"{Untrusted.Clean(why, 200).Trim().TrimEnd('.')}.{advice}"
        );
    }

    private static GateException Wrong(string message) => new(new Diagnostic(DiagnosticCodes.HistoryUnusable, message));

    [GeneratedRegex(@"\A\d{4}/\d{2}/[^/]+\.parquet\z")]
    private static partial Regex Run();

    private sealed class OvertakenException(BufferedCommandResult push) : Exception(push.StandardError);
}
