using System.Net;
using Octokit;
using Octokit.Internal;
using Polly;
using Polly.Retry;
using PostTrainGate.Cli.GitHub.Fix;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.GitHub;

/// <summary>
/// GitHub's REST interface for one repository. Calls are repeated when GitHub fails or asks for patience, all of them
/// together within one time: no answer, whatever it is or is not, holds up a result.
/// </summary>
internal sealed partial class GitHubApi
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

    /// <summary>
    /// Whether a commit is a repaired model that this tool put on top of another; false when GitHub does not tell.
    /// </summary>
    public async Task<bool> IsRepairAsync(string commit, string parent, CancellationToken cancel)
    {
        try
        {
            var asked = await Client.Git.Commit.Get(Owner, Name, commit).WaitAsync(cancel);
            return RepairMessage.Is(asked?.Message)
                && asked!.Parents is [{ } only]
                && parent.Equals(only.Sha, StringComparison.OrdinalIgnoreCase);
        }
        catch (Exception) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
    }

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
