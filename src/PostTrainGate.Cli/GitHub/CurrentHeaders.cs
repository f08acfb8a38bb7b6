using System.Net.Http.Headers;

namespace PostTrainGate.Cli.GitHub;

/// <summary>
/// Sends what GitHub's description asks for where Octokit still sends what it once asked for: bodies of JSON as JSON
/// (Octokit calls them a form), today's media type, and the version of the interface that this tool was written for.
/// Bounds the size of answers; Octokit itself follows redirects, three at most, and takes the token to no other host.
/// </summary>
internal sealed class CurrentHeaders() : DelegatingHandler(new HttpClientHandler { AllowAutoRedirect = false })
{
    private const long LargestAnswer = 200 << 20; // a file of 100 MB in base 64, with room

    private const string Version = "2022-11-28";

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        request.Headers.Accept.Clear();
        request.Headers.Accept.Add(new("application/vnd.github+json"));
        request.Headers.Accept.Add(new("application/json", 0.9));
        request.Headers.Remove("X-GitHub-Api-Version");
        request.Headers.Add("X-GitHub-Api-Version", Version);
        if (request.Content is not null)
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", "utf-8");
        var response = await base.SendAsync(request, cancellationToken);
        await response.Content.LoadIntoBufferAsync(LargestAnswer, cancellationToken);
        return response;
    }
}
