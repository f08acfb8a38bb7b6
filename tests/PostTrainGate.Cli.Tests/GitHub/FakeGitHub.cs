using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PostTrainGate.Cli;
using WireMock;
using WireMock.RequestBuilders;
using WireMock.ResponseBuilders;
using WireMock.Server;
using WireMock.Types;
using WireMock.Util;

namespace PostTrainGate.Tests.GitHub;

/// <summary>
/// GitHub's comments as far as they have state: pages, authors, writes, deletes, and faults on demand. What single
/// requests and answers look like is <see cref="PrismTests"/>' business.
/// </summary>
internal sealed partial class FakeGitHub : IDisposable
{
    private readonly WireMockServer _server = WireMockServer.Start();
    private readonly Lock _lock = new();
    private long _lastId = 1000;

    public FakeGitHub() => _server.Given(Request.Create()).RespondWith(Response.Create().WithCallback(Answer));

    public const string Bot = "github-actions[bot]";

    public sealed record Comment(long Id, string Login, string Body);

    /// <summary>Comments of pull request 7, oldest first.</summary>
    public List<Comment> Comments { get; } = [];

    /// <summary>Files of the base commit by path.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>Whether the base commit can be read.</summary>
    public bool HasBase { get; set; } = true;

    /// <summary>Branch of the real repository that pull request 7 proposes.</summary>
    public const string HeadBranch = "new-model";

    /// <summary>Commit that pull request 7 proposes, where there is no real repository.</summary>
    public string Head { get; set; } = HeadSha;

    /// <summary>Who the token belongs to, as GraphQL tells it; null: GraphQL does not answer.</summary>
    public string? Viewer { get; set; } = Bot;

    /// <summary>Who the token belongs to, as REST tells it; null: 403, as for the token of Actions.</summary>
    public string? User { get; set; }

    /// <summary>Looks at a request before it is answered: another run may act, or an own answer may be given.</summary>
    public Func<string, string, ResponseMessage?>? Interfere { get; set; }

    /// <summary>Every request, method and path.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public int Count(string method) =>
        Requests.Count(r =>
            r.StartsWith(method + " ", StringComparison.Ordinal) && !r.Contains("graphql", StringComparison.Ordinal)
        );

    public string Url => _server.Url!;

    public Comment Add(string login, string body)
    {
        lock (_lock)
        {
            var comment = new Comment(++_lastId, login, body);
            Comments.Add(comment);
            return comment;
        }
    }

    public void Replace(long id, string body)
    {
        lock (_lock)
            Comments[Comments.FindIndex(c => c.Id == id)] = Comments.Single(c => c.Id == id) with { Body = body };
    }

    /// <summary>A step of Actions for pull request 7 whose interface is this server.</summary>
    public CliHost Host(TemporaryFolder folder, Dictionary<string, string?>? changes = null)
    {
        var variables = Variables(folder, changes);
        return new()
        {
            Out = new StringWriter(CultureInfo.InvariantCulture),
            Error = new StringWriter(CultureInfo.InvariantCulture),
            Variable = name => variables.GetValueOrDefault(name),
            RetryWait = TimeSpan.FromMilliseconds(1),
        };
    }

    /// <summary>The environment of such a step.</summary>
    public Dictionary<string, string?> Variables(TemporaryFolder folder, Dictionary<string, string?>? changes = null)
    {
        var variables = new Dictionary<string, string?>
        {
            ["GITHUB_ACTIONS"] = "true",
            ["GITHUB_EVENT_NAME"] = "pull_request",
            ["GITHUB_EVENT_PATH"] = folder.Write("event.json", Event),
            ["GITHUB_REPOSITORY"] = "octo/models",
            ["GITHUB_API_URL"] = Url,
            ["GITHUB_GRAPHQL_URL"] = $"{Url}/graphql",
            ["GITHUB_SERVER_URL"] = "https://github.example",
            ["GITHUB_TOKEN"] = "a-token",
            ["GITHUB_RUN_ID"] = "500",
            ["GITHUB_RUN_ATTEMPT"] = "1",
            ["GITHUB_WORKSPACE"] = folder.Root,
            ["GITHUB_STEP_SUMMARY"] = folder.Path("summary.md"),
            ["GITHUB_OUTPUT"] = folder.Path("output.txt"),
        };
        foreach (var (name, value) in changes ?? [])
            variables[name] = value;
        return variables;
    }

    public const string HeadSha = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        BaseSha = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    public static string Event { get; } =
        new JsonObject
        {
            ["action"] = "synchronize",
            ["pull_request"] = new JsonObject
            {
                ["number"] = 7,
                ["head"] = new JsonObject
                {
                    ["sha"] = HeadSha,
                    ["ref"] = "feature/model",
                    ["repo"] = new JsonObject { ["full_name"] = "octo/models" },
                },
                ["base"] = new JsonObject { ["sha"] = BaseSha, ["ref"] = "main" },
            },
        }.ToJsonString();

    /// <summary>An answer of any text.</summary>
    public static ResponseMessage Raw(int status, string body, params (string Name, string Value)[] headers)
    {
        var response = new ResponseMessage
        {
            StatusCode = status,
            BodyData = new BodyData { DetectedBodyType = BodyType.String, BodyAsString = body },
        };
        response.AddHeader("Content-Type", body.StartsWith('<') ? "text/html" : "application/json; charset=utf-8");
        foreach (var (name, value) in headers)
            response.AddHeader(name, value);
        return response;
    }

    public static ResponseMessage Status(int status, string message, params (string Name, string Value)[] headers)
    {
        var response = Json(
            status,
            new JsonObject { ["message"] = message, ["documentation_url"] = "https://docs.github.com" }
        );
        foreach (var (name, value) in headers)
            response.AddHeader(name, value);
        return response;
    }

    public void Dispose() => _server.Dispose();

    private static string Sha(string path) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA1.HashData(System.Text.Encoding.UTF8.GetBytes(path)));

    [GeneratedRegex(@"\A/repos/octo/models/issues/comments/(\d+)\z")]
    private static partial Regex OneComment();
}
