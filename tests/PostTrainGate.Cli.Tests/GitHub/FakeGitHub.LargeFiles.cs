using System.Text.Json.Nodes;
using WireMock;
using WireMock.Types;
using WireMock.Util;

namespace PostTrainGate.Tests.GitHub;

/// <summary>The store of Git LFS, which git's own client reads too.</summary>
internal sealed partial class FakeGitHub
{
    /// <summary>Address of the store, as git asks for it.</summary>
    public string LargeFileUrl => $"{Url}/octo/models.git/info/lfs";

    /// <summary>Files by their SHA-256, and whether the client confirmed that it sent them.</summary>
    public Dictionary<string, (byte[] Bytes, bool Confirmed)> LargeFiles { get; } = [];

    /// <summary>Credentials that came with each request to the store.</summary>
    public List<string> LargeFileCredentials { get; } = [];

    private ResponseMessage? LargeFile(string method, string path, IRequestMessage request) =>
        (method, path.Split('/')) switch
        {
            ("POST", ["", "octo", "models.git", "info", "lfs", "objects", "batch"]) => Batch(request),
            ("PUT", ["", "storage", var hash]) => Store(hash, request),
            ("GET", ["", "storage", var hash]) => new ResponseMessage
            {
                StatusCode = 200,
                BodyData = new BodyData { DetectedBodyType = BodyType.Bytes, BodyAsBytes = LargeFiles[hash].Bytes },
            },
            ("POST", ["", "verify"]) => Confirm((string)JsonNode.Parse(request.Body!)!["oid"]!),
            _ => null,
        };

    private ResponseMessage Batch(IRequestMessage request)
    {
        Note(request);
        var body = JsonNode.Parse(request.Body!)!;
        var upload = (string)body["operation"]! == "upload";
        return Json(
            200,
            new JsonObject
            {
                ["transfer"] = "basic",
                ["objects"] = new JsonArray([
                    .. body["objects"]!
                        .AsArray()
                        .Select(o => new JsonObject
                        {
                            ["oid"] = (string)o!["oid"]!,
                            ["size"] = (long)o["size"]!,
                            ["actions"] = Actions((string)o["oid"]!, upload),
                        }),
                ]),
            }
        );
    }

    private JsonObject? Actions(string hash, bool upload)
    {
        if (!upload)
            return new() { ["download"] = new JsonObject { ["href"] = $"{Url}/storage/{hash}" } };
        if (LargeFiles.ContainsKey(hash))
            return null;
        JsonObject Action(string path) =>
            new()
            {
                ["href"] = $"{Url}/{path}",
                ["header"] = new JsonObject { ["Authorization"] = "Own credentials" },
            };
        return new() { ["upload"] = Action($"storage/{hash}"), ["verify"] = Action("verify") };
    }

    private ResponseMessage Store(string hash, IRequestMessage request)
    {
        Note(request);
        LargeFiles[hash] = (request.BodyAsBytes!, false);
        return new ResponseMessage { StatusCode = 200 };
    }

    private ResponseMessage Confirm(string hash)
    {
        LargeFiles[hash] = LargeFiles[hash] with { Confirmed = true };
        return new ResponseMessage { StatusCode = 200 };
    }

    private void Note(IRequestMessage request) =>
        LargeFileCredentials.Add(
            request.Headers?.TryGetValue("Authorization", out var value) == true ? value.ToString() : ""
        );
}
