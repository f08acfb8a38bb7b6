using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>A real repository in a folder, its branch called main.</summary>
internal sealed class GitFolder
{
    public GitFolder(string root)
    {
        Root = root;
        Git("init", "-q", "-b", "main");
    }

    public string Root { get; }

    /// <summary>Commits everything; returns the hash.</summary>
    public string Commit(string message)
    {
        Git("add", "-A");
        Git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", message);
        return Head;
    }

    public string Head => Git("rev-parse", "HEAD").Trim();

    public string Git(params string[] arguments)
    {
        var (code, output, error) = Processes.Run("git", arguments, folder: Root);
        Assert.True(code == 0, error);
        return output;
    }
}
