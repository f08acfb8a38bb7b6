using System.Net;
using Octokit;
using Octokit.Internal;
using Polly;
using Polly.Retry;
using PostTrainGate.Cli.Base;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.GitHub;

/// <summary>
/// GitHub's REST interface for one repository. Calls are repeated when GitHub fails or asks for patience, all of them
/// together within one time: no answer, whatever it is or is not, holds up a result.
/// </summary>
internal sealed class GitHubApi
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly Uri _graphQL;
    private readonly TimeSpan _time;
    private readonly CancellationToken _deadline;

    private GitHubApi(
        GitHubClient client,
        (string Owner, string Name) repository,
        Uri graphQL,
        TimeSpan firstWait,
        TimeSpan time
    )
    {
        (Client, Owner, Name, _graphQL) = (client, repository.Owner, repository.Name, graphQL);
        (_time, _deadline, FirstWait) = (time, new CancellationTokenSource(time).Token, firstWait);
        Retry = new ResiliencePipelineBuilder()
            .AddRetry(
                new RetryStrategyOptions
                {
                    ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is { } e && IsTransient(e)),
                    MaxRetryAttempts = 4,
                    BackoffType = DelayBackoffType.Exponential,
                    UseJitter = true,
                    Delay = firstWait,
                    DelayGenerator = args => ValueTask.FromResult(Wait(args.Outcome.Exception)),
                }
            )
            .Build();
    }

    /// <summary>Octokit's client.</summary>
    public GitHubClient Client { get; }

    /// <summary>Owner of the repository.</summary>
    public string Owner { get; }

    /// <summary>Name of the repository.</summary>
    public string Name { get; }

    /// <summary>How long to wait before something is tried or looked at again.</summary>
    public TimeSpan FirstWait { get; }

    // Repeats what failed for a reason that passes.
    private ResiliencePipeline Retry { get; }

    /// <summary>The interface as the environment describes it; null without a token or repository.</summary>
    /// <param name="host">The environment.</param>
    /// <param name="time">How long all calls together may take, from now on.</param>
    public static GitHubApi? Open(CliHost host, TimeSpan time)
    {
        var actions = new ActionsEnvironment(host);
        if (actions.Token is not { } token || actions.Repository is not { } repository)
            return null;
        // The connection takes the address as it is. GitHubClient's own constructors would add /api/v3/ to all but one
        // host.
        var connection = new Connection(
            new ProductHeaderValue("posttraingate", Tool.Version),
            actions.Api,
            new InMemoryCredentialStore(new Credentials(token, AuthenticationType.Bearer)),
            new HttpClientAdapter(() => new CurrentHeaders()),
            new SimpleJsonSerializer()
        );
        connection.SetRequestTimeout(TimeSpan.FromSeconds(30));
        return new(new GitHubClient(connection), repository, actions.GraphQL, host.RetryWait, time);
    }

    /// <summary>Asks, again where that may help, as long as there is time.</summary>
    /// <exception cref="TimeoutException">There is no time left.</exception>
    public async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _deadline);
        try
        {
            // Octokit takes a token in few calls; what is not waited for ends with its connection.
            return await Retry.ExecuteAsync(async token => await call(token).WaitAsync(token), either.Token);
        }
        catch (OperationCanceledException) when (_deadline.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"it took longer than {_time.TotalSeconds:0.#} s");
        }
    }

    /// <summary>
    /// Why GitHub did not do what was asked, in one line. An answer can be anything, and what reading it throws is as
    /// various, so every exception of a call is GitHub's refusal.
    /// </summary>
    public static string Why(Exception error) =>
        error switch
        {
            ApiException { StatusCode: var status } => $"{(int)status} {Line(error.Message)}",
            TimeoutException or HttpRequestException or System.Net.Sockets.SocketException => Line(error.Message),
            OperationCanceledException => "no answer in time",
            _ => $"GitHub's answer cannot be read ({error.GetType().Name})",
        };

    private static string Line(string text) => Untrusted.Clean(text, 200).Trim();

    /// <summary>
    /// Login of the token's owner as comments carry it. The token of Actions may not ask for its user, but GraphQL
    /// tells; where neither answers it is taken for the token of Actions.
    /// </summary>
    public async Task<string> LoginAsync(CancellationToken cancel)
    {
        try
        {
            var answer = await Client
                .Connection.Post<ViewerAnswer>(
                    _graphQL,
                    new { query = "query { viewer { login } }" },
                    "application/json",
                    "application/json",
                    parameters: (IDictionary<string, string>?)null,
                    cancel
                )
                .WaitAsync(cancel);
            if (answer.Body?.Data?.Viewer?.Login is { Length: > 0 } login)
                return login;
        }
        catch (Exception) when (!cancel.IsCancellationRequested) { }

        try
        {
            if ((await Client.User.Current().WaitAsync(cancel))?.Login is { Length: > 0 } login)
                return login;
        }
        catch (Exception) when (!cancel.IsCancellationRequested) { }

        return "github-actions[bot]";
    }

    /// <summary>Commit that a pull request proposes now; null when GitHub does not tell.</summary>
    public async Task<string?> HeadAsync(long pullRequest, CancellationToken cancel)
    {
        try
        {
            return (await Client.PullRequest.Get(Owner, Name, (int)pullRequest).WaitAsync(cancel))?.Head?.Sha;
        }
        catch (Exception) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

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

    private static bool IsTransient(Exception error) =>
        error switch
        {
            SecondaryRateLimitExceededException or AbuseException => true,
            ApiException
            {
                StatusCode: >= HttpStatusCode.InternalServerError
                    or HttpStatusCode.TooManyRequests
                    or HttpStatusCode.RequestTimeout
            } => true,
            HttpRequestException or TaskCanceledException => true,
            _ => false,
        };

    private static TimeSpan? Wait(Exception? error) =>
        error switch
        {
            AbuseException { RetryAfterSeconds: { } seconds } => TimeSpan.FromSeconds(
                Math.Min(seconds, LongestWait.TotalSeconds)
            ),
            ApiException { HttpResponse.Headers: { } headers }
                when headers.TryGetValue("Retry-After", out var text) && int.TryParse(text, out var seconds) =>
                TimeSpan.FromSeconds(Math.Clamp(seconds, 0, LongestWait.TotalSeconds)),
            _ => null, // the pipeline's own
        };

    // Octokit fills what has a setter.
    private sealed class ViewerAnswer
    {
        public ViewerData? Data { get; set; }
    }

    private sealed class ViewerData
    {
        public ViewerUser? Viewer { get; set; }
    }

    private sealed class ViewerUser
    {
        public string? Login { get; set; }
    }
}
