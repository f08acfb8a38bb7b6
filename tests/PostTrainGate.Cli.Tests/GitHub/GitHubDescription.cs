using System.Text.Json.Nodes;

namespace PostTrainGate.Tests.GitHub;

/// <summary>GitHub's own OpenAPI description of its interface, as the npm package has it.</summary>
internal static class GitHubDescription
{
    /// <summary>The file: 13 MB, which Prism reads for 20 seconds.</summary>
    public const string Whole = "@octokit/openapi/generated/api.github.com.json";

    private const string Repository = "/repos/{owner}/{repo}";

    private static readonly string[] Asked =
    [
        "/user",
        Repository,
        $"{Repository}/commits/{{ref}}",
        $"{Repository}/compare/{{basehead}}",
        $"{Repository}/contents/{{path}}",
        $"{Repository}/issues/comments/{{comment_id}}",
        $"{Repository}/issues/{{issue_number}}/comments",
        $"{Repository}/pulls",
        $"{Repository}/pulls/{{pull_number}}",
    ];

    /// <summary>The part of it that this tool's requests are of, unchanged.</summary>
    public static string OfWhatIsAsked()
    {
        var whole = JsonNode.Parse(File.ReadAllText(Contract.Module(Whole)))!.AsObject();
        var paths = new JsonObject();
        foreach (var (path, described) in whole["paths"]!.AsObject())
        {
            if (!Asked.Contains(path) && !path.StartsWith($"{Repository}/git/", StringComparison.Ordinal))
                continue;
            paths[path] = described!.DeepClone();
            // The description lets a branch have slashes (x-multi-segment), which Prism does not know.
            if (path.EndsWith("/{ref}", StringComparison.Ordinal))
                paths[path.Replace("/{ref}", "/heads/{ref}", StringComparison.Ordinal)] = described.DeepClone();
        }

        var part = new JsonObject { ["components"] = new JsonObject(), ["paths"] = paths };
        foreach (var key in (string[])["openapi", "info", "servers"])
            part[key] = whole[key]!.DeepClone();
        Complete(paths, whole, part);
        return part.ToJsonString();
    }

    // Takes over what is referred to, and what that refers to.
    private static void Complete(JsonNode? node, JsonObject from, JsonObject to)
    {
        if (node is JsonArray list)
        {
            foreach (var item in list)
                Complete(item, from, to);
            return;
        }

        foreach (var (key, value) in node as JsonObject ?? [])
        {
            if (key != "$ref" || value is not JsonValue reference || Parts(reference) is not [var kind, var name])
            {
                Complete(value, from, to);
                continue;
            }

            var kinds = to["components"]!.AsObject();
            var there = (kinds[kind] ??= new JsonObject()).AsObject();
            if (there.ContainsKey(name))
                continue;
            var component = from["components"]![kind]![name]!.DeepClone();
            there[name] = component;
            Complete(component, from, to);
        }
    }

    private static string[] Parts(JsonValue reference) =>
        reference.TryGetValue<string>(out var text) && text.StartsWith("#/components/", StringComparison.Ordinal)
            ? text["#/components/".Length..].Split('/')
            : [];
}
