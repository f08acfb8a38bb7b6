using System.Net.Http.Headers;

namespace PostTrainGate.Cli.GitHub;

/// <summary>
/// Sends what GitHub's description asks for where Octokit still sends what it once asked for: bodies of JSON as JSON (Octokit calls
/// them a form), today's media type, and the version of the interface that this tool was written for.
/// </summary>
internal sealed class CurrentHeaders() : DelegatingHandler(new HttpClientHandler())
{
    private const string Version = "2022-11-28";

    /// <inheritdoc/>
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.Accept.Clear();
        request.Headers.Accept.Add(new("application/vnd.github+json"));
        request.Headers.Accept.Add(new("application/json", 0.9));
        request.Headers.Remove("X-GitHub-Api-Version");
        request.Headers.Add("X-GitHub-Api-Version", Version);
        if (request.Content is not null) request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        return base.SendAsync(request, cancellationToken);
    }
}
