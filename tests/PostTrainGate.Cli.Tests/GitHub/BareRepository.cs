using System.Text.Json.Nodes;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>
/// A real repository in GitHub's place: what the interface is asked of commits, trees and branches, git itself does.
/// </summary>
internal sealed class BareRepository
{
    public BareRepository(string path)
    {
        Path = path;
        Directory.CreateDirectory(path);
        Git("init", "-q", "--bare", "-b", "main");
    }

    /// <summary>Its folder, which is cloned.</summary>
    public string Path { get; }

    /// <summary>The commit that a branch is at.</summary>
    public string Tip(string branch) => Git("rev-parse", $"refs/heads/{branch}").Trim();

    public string Git(params string[] arguments) => Run("git", arguments);

    /// <summary>The answer to a request below the repository's address; null where it is not about git.</summary>
    public (int Status, JsonNode Body)? Answer(string method, string[] path, JsonNode? body) =>
        (method, path) switch
        {
            ("GET", ["git", "commits", var sha]) => (200, Commit(sha)),
            ("GET", ["git", "trees", var sha]) => (200, Tree(sha)),
            ("POST", ["git", "blobs"]) => (201, Named(Blob(body!))),
            ("POST", ["git", "trees"]) => (201, Named(Tree(body!))),
            ("POST", ["git", "commits"]) => (201, Commit(Commit(body!))),
            ("PATCH", ["git", "refs", "heads", var branch]) => Move(branch, body!),
            _ => null,
        };

    private JsonObject Commit(string sha)
    {
        var lines = Git("show", "-s", "--format=%T%n%P%n%B", sha).Split('\n', 3);
        var parents = lines[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Named);
        return new()
        {
            ["sha"] = sha,
            ["tree"] = Named(lines[0]),
            ["parents"] = new JsonArray([.. parents]),
            ["message"] = lines[2].TrimEnd('\n'),
        };
    }

    private JsonObject Tree(string sha)
    {
        var entries = Git("ls-tree", "-l", sha)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split('\t'))
            .Select(l => (Facts: l[0].Split(' ', StringSplitOptions.RemoveEmptyEntries), Path: l[1]))
            .Select(e => new JsonObject
            {
                ["path"] = e.Path,
                ["mode"] = e.Facts[0],
                ["type"] = e.Facts[1],
                ["sha"] = e.Facts[2],
                ["size"] = int.TryParse(e.Facts[3], out var size) ? size : null,
            });
        return new()
        {
            ["sha"] = sha,
            ["truncated"] = false,
            ["tree"] = new JsonArray([.. entries]),
        };
    }

    private string Blob(JsonNode body)
    {
        var file = System.IO.Path.Combine(Path, "blob");
        File.WriteAllBytes(file, Convert.FromBase64String((string)body["content"]!));
        return Git("hash-object", "-w", file).Trim();
    }

    // In an index of its own, as a bare repository has none.
    private string Tree(JsonNode body)
    {
        string InIndex(params string[] arguments) => Run("env", ["GIT_INDEX_FILE=change", "git", .. arguments]);
        InIndex("read-tree", (string)body["base_tree"]!);
        foreach (var entry in body["tree"]!.AsArray())
            InIndex(
                "update-index",
                "--add",
                "--cacheinfo",
                $"{(string)entry!["mode"]!},{(string)entry["sha"]!},{(string)entry["path"]!}"
            );
        return InIndex("write-tree").Trim();
    }

    // By the token's owner, as no author is given.
    private string Commit(JsonNode body) =>
        Git([
                "-c",
                $"user.name={FakeGitHub.Bot}",
                "-c",
                "user.email=41898282+github-actions[bot]@users.noreply.github.com",
                "commit-tree",
                (string)body["tree"]!,
                .. body["parents"]!.AsArray().SelectMany(p => new[] { "-p", (string)p! }),
                "-m",
                (string)body["message"]!,
            ])
            .Trim();

    private (int, JsonNode) Move(string branch, JsonNode body)
    {
        var (sha, tip) = ((string)body["sha"]!, Tip(branch));
        var isForward = Git("merge-base", tip, sha).Trim() == tip;
        if (!isForward && !(bool)body["force"]!)
            return (422, new JsonObject { ["message"] = "Update is not a fast forward" });
        Git("update-ref", $"refs/heads/{branch}", sha, tip);
        return (
            200,
            new JsonObject
            {
                ["ref"] = $"refs/heads/{branch}",
                ["object"] = new JsonObject { ["sha"] = sha, ["type"] = "commit" },
            }
        );
    }

    private static JsonObject Named(string sha) => new() { ["sha"] = sha };

    private string Run(string program, params string[] arguments)
    {
        var (code, output, error) = Processes.Run(program, arguments, folder: Path);
        Assert.True(code == 0, error);
        return output;
    }
}
