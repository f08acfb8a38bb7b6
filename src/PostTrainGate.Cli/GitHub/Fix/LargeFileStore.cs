using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.GitHub.Fix;

/// <summary>Where Git LFS keeps the large files of a repository (git-lfs, docs/api/batch.md).</summary>
/// <param name="api">Repeats what fails for a reason that passes.</param>
/// <param name="repository">Page of the repository, which git clones from too.</param>
/// <param name="token">Goes to that server alone; what it names for the bytes has credentials of its own.</param>
internal sealed class LargeFileStore(GitHubApi api, Uri repository, string token)
{
    private const string MediaType = "application/vnd.git-lfs+json";

    /// <summary>Stores a file, unless it is there.</summary>
    /// <param name="file">The file.</param>
    /// <param name="hash">Its SHA-256.</param>
    /// <param name="branch">Branch whose commit will point to it.</param>
    /// <param name="cancel">Stops.</param>
    /// <exception cref="RepairRefusedException">The server does not take it.</exception>
    public async Task UploadAsync(string file, string hash, string branch, CancellationToken cancel)
    {
        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        http.Timeout = Timeout.InfiniteTimeSpan; // the calls have one time together
        var size = new FileInfo(file).Length;
        JsonObject stored = new() { ["oid"] = hash, ["size"] = size };
        var answer = await AskAsync(http, () => Batch(stored, branch), cancel);
        var found = (JsonNode.Parse(answer)?["objects"] as JsonArray)?.FirstOrDefault(o => Text(o?["oid"]) == hash);
        if (found is null || found["error"] is not null)
            throw Refused(Text(found?["error"]?["message"]) ?? "no answer about the file");
        if (found["actions"] is not JsonObject actions || actions["upload"] is not { } upload)
            return; // an earlier run stored it
        await AskAsync(http, () => Act(HttpMethod.Put, upload, Bytes()), cancel);
        if (actions["verify"] is { } verify)
            await AskAsync(http, () => Act(HttpMethod.Post, verify, Json(stored)), cancel);

        HttpContent Bytes()
        {
            var content = new StreamContent(File.OpenRead(file));
            content.Headers.ContentType = new("application/octet-stream");
            return content;
        }
    }

    private HttpRequestMessage Batch(JsonObject stored, string branch)
    {
        var body = new JsonObject
        {
            ["operation"] = "upload",
            ["transfers"] = new JsonArray("basic"),
            ["ref"] = new JsonObject { ["name"] = $"refs/heads/{branch}" },
            ["objects"] = new JsonArray(stored.DeepClone()),
            ["hash_algo"] = "sha256",
        };
        var request = new HttpRequestMessage(
            HttpMethod.Post,
            new Uri($"{repository.AbsoluteUri.TrimEnd('/')}.git/info/lfs/objects/batch")
        )
        {
            Content = Json(body),
        };
        var credentials = Convert.ToBase64String(Encoding.ASCII.GetBytes($"x-access-token:{token}"));
        request.Headers.Authorization = new("Basic", credentials);
        return request;
    }

    private HttpRequestMessage Act(HttpMethod method, JsonNode action, HttpContent content)
    {
        if (
            !Uri.TryCreate(Text(action["href"]), UriKind.Absolute, out var address)
            || (address.Scheme != Uri.UriSchemeHttps && address.Scheme != repository.Scheme)
        )
            throw Refused("it names no address for the file");
        var request = new HttpRequestMessage(method, address) { Content = content };
        foreach (var (name, value) in action["header"] as JsonObject ?? [])
            if (!request.Headers.TryAddWithoutValidation(name, Text(value)) && content.Headers.Remove(name))
                content.Headers.TryAddWithoutValidation(name, Text(value));
        return request;
    }

    private Task<string> AskAsync(HttpClient http, Func<HttpRequestMessage> make, CancellationToken cancel) =>
        api.AskAsync(
            async token =>
            {
                using var request = make();
                request.Headers.Accept.Add(new(MediaType));
                request.Headers.UserAgent.Add(new("posttraingate", Tool.Version));
                using var response = await http.SendAsync(request, token);
                var text = await response.Content.ReadAsStringAsync(token);
                var status = (int)response.StatusCode;
                return status switch
                {
                    >= 200 and < 300 => text,
                    408 or 429 or >= 500 => throw new HttpRequestException($"Git LFS answered {status}"),
                    _ => throw Refused($"{status} {Message(text)}".Trim()),
                };
            },
            cancel
        );

    private static JsonContent Json(JsonObject body) => JsonContent.Create(body, new MediaTypeHeaderValue(MediaType));

    private static string? Message(string text)
    {
        try
        {
            return Text(JsonNode.Parse(text)?["message"]);
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static RepairRefusedException Refused(string why) =>
        new(
            $"Git LFS does not take the model ({Untrusted.Clean(why, 200).Trim()}); the job needs 'permissions: "
                + "contents: write', and the repository room for large files."
        );
}
