using System.Globalization;
using System.Text.Json.Nodes;
using WireMock;
using WireMock.Types;
using WireMock.Util;

namespace PostTrainGate.Tests.GitHub;

internal sealed partial class FakeGitHub
{
    private ResponseMessage Answer(IRequestMessage request)
    {
        var (method, path) = (request.Method, request.AbsolutePath);
        Requests.Enqueue($"{method} {path}");
        if (Interfere?.Invoke(method, path) is { } own)
            return own;
        lock (_lock)
        {
            if (LargeFile(method, path, request) is { } large)
                return large;
            if (path == "/graphql")
                return Viewer is null
                    ? Status(404, "Not Found")
                    : Json(
                        200,
                        new JsonObject
                        {
                            ["data"] = new JsonObject { ["viewer"] = new JsonObject { ["login"] = Viewer } },
                        }
                    );
            if (Git(method, path, request) is { } git)
                return git;
            if (path == "/user")
                return User is null
                    ? Status(403, "Resource not accessible by integration")
                    : Json(200, new JsonObject { ["login"] = User, ["id"] = 5 });
            if (path.StartsWith("/repos/octo/models/git/commits/", StringComparison.Ordinal))
                return HasBase ? Json(200, new JsonObject { ["sha"] = path.Split('/')[^1] }) : Status(404, "Not Found");
            if (path.StartsWith("/repos/octo/models/commits/", StringComparison.Ordinal))
                return path.EndsWith("/release", StringComparison.Ordinal)
                    ? Json(200, new JsonObject { ["sha"] = BaseSha })
                    : Status(422, "No commit found");
            if (path.StartsWith("/repos/octo/models/compare/trunk...", StringComparison.Ordinal))
                return Json(200, new JsonObject { ["merge_base_commit"] = new JsonObject { ["sha"] = BaseSha } });
            if (path == "/repos/octo/models")
                return Json(200, new JsonObject { ["default_branch"] = "trunk" });
            if (path.StartsWith("/repos/octo/models/git/trees/", StringComparison.Ordinal))
            {
                return Json(
                    200,
                    new JsonObject
                    {
                        ["sha"] = BaseSha,
                        ["truncated"] = false,
                        ["tree"] = new JsonArray([
                            .. Files.Keys.Select(f => new JsonObject
                            {
                                ["path"] = f,
                                ["type"] = "blob",
                                ["mode"] = "100644",
                                ["sha"] = Sha(f),
                            }),
                        ]),
                    }
                );
            }

            if (path == "/repos/octo/models/pulls/7")
                return Json(
                    200,
                    new JsonObject
                    {
                        ["number"] = 7,
                        ["head"] = new JsonObject { ["sha"] = Repository?.Tip(HeadBranch) ?? Head },
                    }
                );
            if (path.StartsWith("/repos/octo/models/contents/", StringComparison.Ordinal))
                return Entry(Uri.UnescapeDataString(path["/repos/octo/models/contents/".Length..]));
            if (path.StartsWith("/repos/octo/models/git/blobs/", StringComparison.Ordinal))
                return Blob(path.Split('/')[^1]);
            if (path == "/repos/octo/models/issues/7/comments")
                return method == "POST" ? Create(request) : Page(request);
            if (OneComment().Match(path) is { Success: true } one)
                return Change(method, long.Parse(one.Groups[1].Value, CultureInfo.InvariantCulture), request);
            return Status(404, "Not Found");
        }
    }

    private ResponseMessage Create(IRequestMessage request)
    {
        var comment = Add(Viewer ?? User ?? Bot, (string)JsonNode.Parse(request.Body!)!["body"]!);
        return Json(201, Json(comment));
    }

    private ResponseMessage Change(string method, long id, IRequestMessage request)
    {
        var i = Comments.FindIndex(c => c.Id == id);
        if (i < 0)
            return Status(404, "Not Found");
        if (method == "DELETE")
        {
            Comments.RemoveAt(i);
            return new ResponseMessage { StatusCode = 204 };
        }

        if (method == "PATCH")
            Comments[i] = Comments[i] with { Body = (string)JsonNode.Parse(request.Body!)!["body"]! };
        return Json(200, Json(Comments[i]));
    }

    private ResponseMessage Page(IRequestMessage request)
    {
        var size = Number("per_page", 30);
        var page = Number("page", 1);
        var response = Json(200, new JsonArray([.. Comments.Skip((page - 1) * size).Take(size).Select(Json)]));
        if (Comments.Count > page * size)
            response.AddHeader(
                "Link",
                $"<{Url}/repos/octo/models/issues/7/comments?per_page={size}&page={page + 1}>; rel=\"next\""
            );
        return response;

        int Number(string name, int otherwise) =>
            request.GetParameter(name) is [var text, ..] ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
    }

    private JsonNode Json(Comment c) =>
        new JsonObject
        {
            ["id"] = c.Id,
            ["node_id"] = "x",
            ["url"] = $"{Url}/c/{c.Id}",
            ["html_url"] = $"{Url}/h/{c.Id}",
            ["body"] = c.Body,
            ["user"] = new JsonObject
            {
                ["login"] = c.Login,
                ["id"] = 1,
                ["type"] = c.Login.EndsWith(']') ? "Bot" : "User",
            },
            ["created_at"] = "2026-01-01T00:00:00Z",
            ["updated_at"] = "2026-01-01T00:00:00Z",
        };

    private static ResponseMessage Json(int status, JsonNode body)
    {
        var response = new ResponseMessage
        {
            StatusCode = status,
            BodyData = new BodyData { DetectedBodyType = BodyType.String, BodyAsString = body.ToJsonString() },
        };
        response.AddHeader("Content-Type", "application/json; charset=utf-8");
        return response;
    }

    private ResponseMessage Entry(string path) =>
        Files.ContainsKey(path)
            ? Json(
                200,
                new JsonObject
                {
                    ["type"] = "file",
                    ["sha"] = Sha(path),
                    ["path"] = path,
                    ["name"] = path.Split('/')[^1],
                    ["size"] = Files[path].Length,
                    ["url"] = Url,
                    ["content"] = "",
                    ["encoding"] = "none",
                }
            )
            : Status(404, "Not Found");

    private ResponseMessage Blob(string sha) =>
        Files.FirstOrDefault(f => Sha(f.Key) == sha) is { Value: { } bytes }
            ? Json(
                200,
                new JsonObject
                {
                    ["sha"] = sha,
                    ["size"] = bytes.Length,
                    ["encoding"] = "base64",
                    ["content"] = Convert.ToBase64String(bytes, Base64FormattingOptions.InsertLineBreaks),
                }
            )
            : Status(404, "Not Found");
}
