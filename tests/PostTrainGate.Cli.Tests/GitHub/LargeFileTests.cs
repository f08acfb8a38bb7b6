using System.Text;
using PostTrainGate.Tests.Cli;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>A repaired model whose original is stored by Git LFS.</summary>
public sealed class LargeFileTests : IDisposable
{
    private readonly RepairInPullRequest _run = new();

    public LargeFileTests()
    {
        _run.Variables["GITHUB_SERVER_URL"] = _run.GitHub.Url;
        _run.GitHub.HeadFiles["models/credit.onnx"] = Pointer("model"u8.ToArray());
    }

    public void Dispose() => _run.Dispose();

    [Fact]
    public async Task It_is_stored_there_and_gits_own_client_fetches_it()
    {
        Fixtures.Debian("/usr/bin/git-lfs", "git-lfs");
        await _run.Run("commit");
        Assert.Single(_run.GitHub.Commits);
        var pointer = Assert.Single(_run.GitHub.Blobs);
        Assert.True(Assert.Single(_run.GitHub.LargeFiles).Value.Confirmed);

        using var folder = new TemporaryFolder();
        var clone = new GitFolder(folder.Root);
        clone.Git("lfs", "install", "--local");
        folder.Write(".gitattributes", "*.onnx filter=lfs diff=lfs merge=lfs -text\n");
        File.WriteAllBytes(folder.Path("credit.onnx"), pointer);
        clone.Commit("a pointer");
        clone.Git("-c", $"lfs.url={_run.GitHub.LargeFileUrl}", "lfs", "pull");
        Assert.Equal(RepairInPullRequest.Repaired, File.ReadAllText(folder.Path("credit.onnx")));
    }

    [Fact]
    public async Task The_token_goes_to_github_and_not_to_where_the_bytes_go()
    {
        await _run.Run("commit");
        var basic = Convert.ToBase64String("x-access-token:a-token"u8.ToArray());
        Assert.Equal([$"Basic {basic}", "Own credentials"], _run.GitHub.LargeFileCredentials);
    }

    [Fact]
    public async Task What_is_stored_already_is_not_sent_again()
    {
        var bytes = Encoding.UTF8.GetBytes(RepairInPullRequest.Repaired);
        _run.GitHub.LargeFiles[Sha256(bytes)] = (bytes, true);
        await _run.Run("commit");
        Assert.Single(_run.GitHub.Commits);
        Assert.DoesNotContain(_run.GitHub.Requests, r => r.StartsWith("PUT", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_fails_for_a_moment_is_asked_again()
    {
        var asked = 0;
        _run.GitHub.Interfere = (method, _) =>
            method == "PUT" && asked++ == 0 ? FakeGitHub.Status(503, "Unavailable") : null;
        await _run.Run("commit");
        Assert.Single(_run.GitHub.Commits);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task A_refusal_is_passed_on()
    {
        _run.GitHub.Interfere = (_, path) =>
            path.EndsWith("/objects/batch", StringComparison.Ordinal)
                ? FakeGitHub.Status(422, "This repository is over its data quota.")
                : null;
        await _run.Run("commit");
        _run.Nothing("Git LFS does not take the model (422 This repository is over its data quota.)");
    }

    [Fact]
    public async Task A_branch_that_names_another_server_gets_nothing()
    {
        _run.GitHub.HeadFiles[".lfsconfig"] = "[lfs]\n\turl = https://elsewhere.example/lfs\n"u8.ToArray();
        await _run.Run("commit");
        _run.Nothing("'.lfsconfig' names another server");
        Assert.Empty(_run.GitHub.LargeFileCredentials);
    }

    [Fact]
    public async Task A_pointer_to_another_model_is_not_replaced()
    {
        _run.GitHub.HeadFiles["models/credit.onnx"] = Pointer("another"u8.ToArray());
        await _run.Run("commit");
        _run.Nothing("another model than the one that was measured");
    }

    private static byte[] Pointer(byte[] content) =>
        Encoding.ASCII.GetBytes(
            $"version https://git-lfs.github.com/spec/v1\noid sha256:{Sha256(content)}\nsize {content.Length}\n"
        );

    private static string Sha256(byte[] content) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));
}
