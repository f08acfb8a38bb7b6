using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using WireMock;

namespace PostTrainGate.Tests.GitHub;

/// <summary>Blobs, trees, commits, branches and pull requests, as far as a proposed model needs them.</summary>
internal sealed partial class FakeGitHub
{
    private const string RootTree = "cccccccccccccccccccccccccccccccccccccccc";

    /// <summary>A real repository, which answers in place of all below; null: there is none.</summary>
    public BareRepository? Repository { get; set; }

    /// <summary>Files of the proposed commit by path.</summary>
    public Dictionary<string, byte[]> HeadFiles { get; } = [];

    /// <summary>Mode of those files; 120000 is a link.</summary>
    public string Mode { get; set; } = "100644";

    /// <summary>Branches and the commits they are at.</summary>
    public Dictionary<string, string> Branches { get; } = new() { ["feature/model"] = HeadSha };

    /// <summary>Commits that were made: message, parent, tree.</summary>
    public Dictionary<string, JsonNode> Commits { get; } = [];

    /// <summary>Trees that were made.</summary>
    public List<JsonNode> Trees { get; } = [];

    /// <summary>Blobs that were made.</summary>
    public List<byte[]> Blobs { get; } = [];

    /// <summary>Pull requests that were made.</summary>
    public List<JsonNode> PullRequests { get; } = [];

    private ResponseMessage? Git(string method, string path, IRequestMessage request)
    {
        const string root = "/repos/octo/models/";
        if (!path.StartsWith(root, StringComparison.Ordinal))
            return null;
        var (at, body) = (path[root.Length..], request.Body is { Length: > 0 } text ? JsonNode.Parse(text) : null);
        if (Repository?.Answer(method, at.Split('/'), body) is { } real)
            return Json(real.Status, real.Body);
        if (HeadFiles.Count == 0)
            return null;
        return (method, at.Split('/')) switch
        {
            ("GET", ["git", "commits", var sha]) => Json(
                200,
                new JsonObject
                {
                    ["sha"] = sha,
                    ["message"] = Commits.TryGetValue(sha, out var own) ? (string)own["message"]! : "theirs",
                    ["parents"] = new JsonArray([
                        .. (own?["parents"]?.AsArray() ?? []).Select(p => new JsonObject { ["sha"] = (string)p! }),
                    ]),
                    ["tree"] = new JsonObject { ["sha"] = RootTree },
                }
            ),
            ("GET", ["git", "trees", var sha]) => Tree(sha),
            ("GET", ["git", "blobs", var sha]) => HeadBlob(sha),
            ("POST", ["git", "blobs"]) => Made(Blobs, Convert.FromBase64String((string)body!["content"]!), "d"),
            ("POST", ["git", "trees"]) => Made(Trees, body!, "e"),
            ("POST", ["git", "commits"]) => Commit(body!),
            ("POST", ["git", "refs"]) => Branch(((string)body!["ref"]!)["refs/heads/".Length..], (string)body["sha"]!),
            ("PATCH", ["git", "refs", "heads", ..]) => Move(at["git/refs/heads/".Length..], body!),
            ("GET", ["git", "ref" or "refs", "heads", ..]) => Branches.TryGetValue(
                at[(at.IndexOf("heads/", StringComparison.Ordinal) + 6)..],
                out var tip
            )
                ? Reference(at, tip)
                : Status(404, "Not Found"),
            ("GET", ["pulls"]) => Json(200, new JsonArray([.. PullRequests.Select(p => p.DeepClone())])),
            ("POST", ["pulls"]) => Open(body!),
            ("PATCH", ["pulls", _]) => Json(200, PullRequests[0].DeepClone()),
            _ => null,
        };
    }

    private ResponseMessage Tree(string sha)
    {
        var folder =
            sha == RootTree
                ? ""
                : HeadFiles
                    .Keys.Where(f => f.Contains('/', StringComparison.Ordinal))
                    .Select(f => f[..(f.IndexOf('/', StringComparison.Ordinal) + 1)])
                    .First(f => Sha(f) == sha);
        var entries = HeadFiles
            .Where(f => f.Key.StartsWith(folder, StringComparison.Ordinal))
            .Select(f => (Name: f.Key[folder.Length..], f.Value))
            .Select(f =>
                f.Name.IndexOf('/', StringComparison.Ordinal) is > 0 and var cut
                    ? Entry(f.Name[..cut], "tree", "040000", Sha(f.Name[..(cut + 1)]), 0)
                    : Entry(f.Name, "blob", Mode, BlobSha(f.Value), f.Value.Length)
            );
        return Json(
            200,
            new JsonObject
            {
                ["sha"] = sha,
                ["truncated"] = false,
                ["tree"] = new JsonArray([.. entries]),
            }
        );
    }

    private static JsonNode Entry(string name, string type, string mode, string sha, int size) =>
        new JsonObject
        {
            ["path"] = name,
            ["type"] = type,
            ["mode"] = mode,
            ["sha"] = sha,
            ["size"] = size,
        };

    private ResponseMessage? HeadBlob(string sha) =>
        HeadFiles.Values.FirstOrDefault(f => BlobSha(f) == sha) is { } bytes
            ? Json(
                200,
                new JsonObject
                {
                    ["sha"] = sha,
                    ["size"] = bytes.Length,
                    ["encoding"] = "base64",
                    ["content"] = Convert.ToBase64String(bytes),
                }
            )
            : null;

    private static ResponseMessage Made<T>(List<T> list, T item, string digit)
    {
        list.Add(item);
        return Json(201, new JsonObject { ["sha"] = string.Concat(Enumerable.Repeat(digit, 40)) });
    }

    private ResponseMessage Commit(JsonNode body)
    {
        var sha = Sha($"commit {Commits.Count}");
        Commits[sha] = body;
        return Json(201, new JsonObject { ["sha"] = sha, ["message"] = (string)body["message"]! });
    }

    private ResponseMessage Branch(string name, string sha)
    {
        Branches[name] = sha;
        return Reference($"git/ref/heads/{name}", sha, 201);
    }

    // A branch moves forward: to a commit whose parent it is at, unless it is forced.
    private ResponseMessage Move(string name, JsonNode body)
    {
        var sha = (string)body["sha"]!;
        if (!(bool)body["force"]! && (string)Commits[sha]["parents"]![0]! != Branches[name])
            return Status(422, "Update is not a fast forward");
        Branches[name] = sha;
        if (name == "feature/model")
            Head = sha; // what pull request 7 proposes
        return Reference($"git/ref/heads/{name}", sha);
    }

    private static ResponseMessage Reference(string at, string sha, int status = 200) =>
        Json(
            status,
            new JsonObject
            {
                ["ref"] = at.Replace("git/ref", "refs", StringComparison.Ordinal),
                ["object"] = new JsonObject { ["sha"] = sha, ["type"] = "commit" },
            }
        );

    private ResponseMessage Open(JsonNode body)
    {
        var request = body.DeepClone().AsObject();
        (request["number"], request["html_url"]) = (8, "https://github.example/octo/models/pull/8");
        request.Remove("head");
        request.Remove("base");
        PullRequests.Add(request);
        return Json(201, request.DeepClone());
    }

#pragma warning disable CA5350 // git names its objects so
    private static string BlobSha(byte[] content) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350
}
