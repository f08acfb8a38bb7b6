using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>Runs for pull request 7 that leave a repaired model.</summary>
internal sealed class RepairInPullRequest : IDisposable
{
    public const string Repaired = "the repaired model";

    private readonly string _base;

    public RepairInPullRequest()
    {
        _base = new GitFolder(Place.Folder.Root).Commit("base");
        Event(FakeGitHub.Event);
        GitHub.HeadFiles["posttraingate.yml"] = "policy"u8.ToArray();
        GitHub.HeadFiles["models/credit.onnx"] = "model"u8.ToArray();
    }

    public Workplace Place { get; } = new();

    public FakeGitHub GitHub { get; } = new();

    /// <summary>What the environment has beside the usual.</summary>
    public Dictionary<string, string?> Variables { get; } = [];

    /// <summary>What was said.</summary>
    public string Said => Place.Out.Replace("The repaired", "the repaired", StringComparison.Ordinal);

    /// <summary>The output that names what was made.</summary>
    public string Fix => Outputs.Parse(File.ReadAllText(Place.Folder.Path("output.txt")))["fix"];

    public void Event(string text) =>
        Variables["GITHUB_EVENT_PATH"] = Place.Folder.Write(
            "e.json",
            text.Replace(FakeGitHub.BaseSha, _base, StringComparison.Ordinal)
        );

    public void Push() =>
        Event($$$"""{"before":"{{{_base}}}","ref":"refs/heads/main","repository":{"default_branch":"main"}}""");

    public async Task Run(string fix, params string[] args)
    {
        File.Delete(Place.Folder.Path("output.txt"));
        Place.Host = GitHub.Host(Place.Folder, Variables);
        Assert.Equal(1, await Place.RunAsync((_, _, _, _) => Result(), ["--fix", fix, .. args]));
    }

    /// <summary>Nothing was made, for a reason that was said.</summary>
    public void Nothing(string why)
    {
        Assert.Empty(GitHub.Commits);
        Assert.Contains("warning", Said);
        Assert.Contains(why, Said);
        Assert.Equal("", Fix);
    }

    public void Dispose()
    {
        GitHub.Dispose();
        Place.Dispose();
    }

    // As a run leaves it: the repaired model is there.
    private GateResult Result()
    {
        var (model, repaired) = (Place.Folder.Path("models/credit.onnx"), Place.Folder.Path("repaired.onnx"));
        File.WriteAllText(repaired, Repaired);
        var sample = SampleResults.Repaired;
        return sample with
        {
            Model = sample.Model! with { File = "models/credit.onnx", Sha256 = Hash.ComputeFile(model) },
            Repair = sample.Repair! with { Output = "repaired.onnx", Sha256 = Hash.ComputeFile(repaired) },
        };
    }
}
