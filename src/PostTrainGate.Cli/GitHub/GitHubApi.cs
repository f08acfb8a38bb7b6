using System.Net;
using Octokit;
using Octokit.Internal;
using Polly;
using Polly.Retry;

namespace PostTrainGate.Cli.GitHub;

/// <summary>GitHub's REST interface for one repository. Calls are repeated when GitHub fails or asks for patience.</summary>
internal sealed class GitHubApi
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly Uri _graphQL;

    private GitHubApi(GitHubClient client, (string Owner, string Name) repository, Uri graphQL, TimeSpan firstWait)
    {
        (Client, Owner, Name, _graphQL) = (client, repository.Owner, repository.Name, graphQL);
        Retry = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is { } e && IsTransient(e)),
            MaxRetryAttempts = 4,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = firstWait,
            DelayGenerator = args => ValueTask.FromResult(Wait(args.Outcome.Exception)),
        }).Build();
    }

    /// <summary>Octokit's client.</summary>
    public GitHubClient Client { get; }

    /// <summary>Owner of the repository.</summary>
    public string Owner { get; }

    /// <summary>Name of the repository.</summary>
    public string Name { get; }

    /// <summary>Repeats what failed for a reason that passes.</summary>
    public ResiliencePipeline Retry { get; }

    /// <summary>The interface as the environment describes it; null without a token or repository.</summary>
    public static GitHubApi? Open(CliHost host)
    {
        var actions = new ActionsEnvironment(host);
        if (actions.Token is not { } token || actions.Repository is not { } repository) return null;
        // The connection takes the address as it is. GitHubClient's own constructors would add /api/v3/ to all but one host.
        var connection = new Connection(new ProductHeaderValue("posttraingate", Gate.ToolVersion), actions.Api,
            new InMemoryCredentialStore(new Credentials(token, AuthenticationType.Bearer)),
                new HttpClientAdapter(() => new CurrentHeaders()), new SimpleJsonSerializer());
        connection.SetRequestTimeout(TimeSpan.FromSeconds(30));
        return new(new GitHubClient(connection), repository, actions.GraphQL, host.RetryWait);
    }

    /// <summary>Whether an error means that GitHub cannot be reached or does not allow something, as opposed to a defect here.</summary>
    public static bool IsRefusal(Exception error) =>
        error is ApiException or HttpRequestException or TaskCanceledException or System.Net.Sockets.SocketException;

    /// <summary>
    /// Login of the token's owner as comments carry it. The token of Actions may not ask for its user, but GraphQL tells; where neither
    /// answers it is taken for the token of Actions.
    /// </summary>
    public async Task<string> LoginAsync(CancellationToken cancel)
    {
        try
        {
            var answer = await Client.Connection.Post<ViewerAnswer>(_graphQL, new { query = "query { viewer { login } }" },
                "application/json", "application/json",
                parameters: (IDictionary<string, string>?)null, cancel);
            if (answer.Body?.Data?.Viewer?.Login is { Length: > 0 } login) return login;
        }
        catch (Exception e) when (IsRefusal(e) && !cancel.IsCancellationRequested)
        {
        }

        try
        {
            return (await Client.User.Current()).Login;
        }
        catch (Exception e) when (IsRefusal(e) && !cancel.IsCancellationRequested)
        {
            return "github-actions[bot]";
        }
    }

    /// <summary>Whether a commit can be read with this token.</summary>
    public async Task<bool> CanReadAsync(string commit, CancellationToken cancel)
    {
        try
        {
            await Retry.ExecuteAsync(async _ => await Client.Git.Commit.Get(Owner, Name, commit), cancel);
            return true;
        }
        catch (Exception e) when (IsRefusal(e) && !cancel.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>A file of a commit; null when there is none. GitHub gives files up to 100 MB.</summary>
    /// <exception cref="GateException">It cannot be read.</exception>
    public async Task<byte[]?> ReadFileAsync(string path, string commit, CancellationToken cancel)
    {
        try
        {
            return await Retry.ExecuteAsync(async _ =>
            {
                // The entry holds small files only; the blob that it names holds all.
                var entries = await Client.Repository.Content.GetAllContentsByRef(Owner, Name, path, commit);
                if (entries is not [{ Type.Value: ContentType.File, Sha: { } sha }]) return null;
                var blob = await Client.Git.Blob.Get(Owner, Name, sha);
                return blob.Encoding.Value == EncodingType.Base64 ? Convert.FromBase64String(blob.Content)
                    : System.Text.Encoding.UTF8.GetBytes(blob.Content);
            }, cancel);
        }
        catch (NotFoundException)
        {
            return null;
        }
        catch (Exception e) when (IsRefusal(e) && !cancel.IsCancellationRequested)
        {
            throw new GateException(new Diagnostic(DiagnosticCodes.BaseUnavailable,
                $"GitHub did not give {path} of the base branch: {e.Message}"), e);
        }
    }

    private static bool IsTransient(Exception error) => error switch
    {
        SecondaryRateLimitExceededException or AbuseException => true,
        ApiException { StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout } => true,
        HttpRequestException or TaskCanceledException => true,
        _ => false,
    };

    private static TimeSpan? Wait(Exception? error) => error switch
    {
        AbuseException { RetryAfterSeconds: { } seconds } => TimeSpan.FromSeconds(Math.Min(seconds, LongestWait.TotalSeconds)),
        ApiException { HttpResponse.Headers: { } headers } when headers.TryGetValue("Retry-After", out var text)
            && int.TryParse(text, out var seconds) =>
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
