using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Google.Protobuf;
using PostTrainGate.Data;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;
using PostTrainGate.Tests.Cli;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>
/// A pull request from its first push to the merge. A bare repository and a few answers stand for GitHub, with Prism in
/// front; every run is a fresh checkout and the command line as a process, called as the action calls it. With
/// POSTTRAINGATE_WALK set, what a reader sees is left in that folder: <c>eng/pictures.sh</c> makes the pictures of
/// docs/pull-request.md of it.
/// </summary>
public sealed class PullRequestWalk : IAsyncLifetime
{
    /// <summary>The branch of the history.</summary>
    public const string History = "posttraingate-history";

    private static readonly string Tool = Path.Combine(AppContext.BaseDirectory, "PostTrainGate.Cli.dll");

    private readonly TemporaryFolder _folder = new();
    private readonly FakeGitHub _github = new();
    private int _runs;

    /// <summary>A run, and what GitHub has after it.</summary>
    /// <param name="Code">Exit code.</param>
    /// <param name="Log">What it printed.</param>
    /// <param name="Result">What it measured.</param>
    /// <param name="Page">File of its HTML report.</param>
    /// <param name="Outputs">The step's outputs.</param>
    /// <param name="Comments">Comments of the pull request.</param>
    /// <param name="History">Files of the history.</param>
    internal sealed record Run(
        int Code,
        string Log,
        GateResult Result,
        string Page,
        Dictionary<string, string> Outputs,
        FakeGitHub.Comment[] Comments,
        string[] History
    );

    /// <summary>What Prism has seen.</summary>
    internal Prism Contract { get; } = new();

    /// <summary>GitHub's repository.</summary>
    internal BareRepository Repository { get; private set; } = null!;

    /// <summary>The default branch, where the model passes.</summary>
    internal Run First { get; private set; } = null!;

    /// <summary>The pull request with a model that does not.</summary>
    internal Run Red { get; private set; } = null!;

    /// <summary>The same with the commit that the run before made.</summary>
    internal Run Green { get; private set; } = null!;

    /// <summary>The default branch after the merge.</summary>
    internal Run Merged { get; private set; } = null!;

    /// <summary>The commit of the author, and on top of it the tool's.</summary>
    internal string Proposed { get; private set; } = "";

    /// <summary>What <c>posttraingate history</c> prints at the end.</summary>
    internal string Table { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        await Contract.ForwardAsync(_github.Url);
        _github.Repository = Repository = new BareRepository(_folder.Path("github/octo/models"));

        var author = new GitFolder(Directory.CreateDirectory(_folder.Path("author")).FullName);
        Write(author, "posttraingate.yml", Policy);
        Write(author, ".gitignore", "posttraingate-report/\n*.repaired.onnx\n");
        Copy(author, "credit.csv", "credit.csv");
        Copy(author, "history/epoch-002.onnx", "model.onnx");
        Blind(Path.Combine(author.Root, "posttraingate.yml"));
        var first = author.Commit("Gate the model of credit");
        author.Git("push", "-q", Repository.Path, "main");
        First = Push(new string('0', 40), first);

        author.Git("checkout", "-q", "-b", FakeGitHub.HeadBranch);
        Copy(author, "model.onnx", "model.onnx");
        Proposed = author.Commit("Train the model anew, for longer");
        author.Git("push", "-q", Repository.Path, FakeGitHub.HeadBranch);
        Red = PullRequest();
        Green = PullRequest();

        author.Git("fetch", "-q", Repository.Path, FakeGitHub.HeadBranch);
        author.Git("checkout", "-q", "main");
        Merge(author, "FETCH_HEAD", "Merge pull request #7 from octo/new-model");
        author.Git("push", "-q", Repository.Path, "main");
        Merged = Push(first, author.Head);

        var history = Clone("history", History);
        Table = Start(history, ["history", "--from", "."], []).Output;
        Leave();
    }

    public async ValueTask DisposeAsync()
    {
        await Contract.DisposeAsync();
        _github.Dispose();
        _folder.Dispose();
    }

    private const string Policy = """
        version: 1
        seed: 7
        model: model.onnx
        data:
          source: credit.csv
          label: credit
          favorable: good
          features: { except: [personal_status], scale: minmax }
          splits: { repair: 28%, select: 12%, test: 60% }
        groups:
          sex: { column: sex }
        gates:
          - accuracy: { min: 0.65 }
          - counterfactual_flip_rate: { group: sex, max: 0.05 }
        repair: { methods: [fmt], effort: quick, output: model.repaired.onnx }
        report: { html: true }
        """;

    // The model of the base does not look at the column, as a careful author would have it.
    private static void Blind(string policyFile)
    {
        var (policy, _) = PolicyReader.Read(policyFile);
        using var data = DataReader.Read(policy!);
        var column = data.Test.Layout!.Find("sex")!;
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(policy!.Model!.FullPath));
        var weights = model.Graph.Initializer.Single(t => t.Dims.Contains(data.Test.Layout.Width));
        var values = MemoryMarshal.Cast<byte, float>(weights.RawData.Span).ToArray();
        var isByRow = weights.Dims[0] == data.Test.Layout.Width; // [inputs, outputs]
        var other = (int)weights.Dims[isByRow ? 1 : 0];
        for (var i = column.Start; i < column.Start + column.Width; i++)
        for (var j = 0; j < other; j++)
            values[isByRow ? i * other + j : j * data.Test.Layout.Width + i] = 0;
        weights.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(values));
        OnnxFile.Write(policy.Model.FullPath, model);
    }

    private Run Push(string before, string after) =>
        Check(
            Clone($"run{++_runs}", "main"),
            new JsonObject
            {
                ["ref"] = "refs/heads/main",
                ["before"] = before,
                ["after"] = after,
            },
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main")
        );

    // Actions checks out what the merge would be.
    private Run PullRequest()
    {
        var (head, @base) = (Repository.Tip(FakeGitHub.HeadBranch), Repository.Tip("main"));
        var checkout = Clone($"run{++_runs}", "main");
        Merge(checkout, head, $"Merge {head} into {@base}");
        return Check(
            checkout,
            new JsonObject
            {
                ["pull_request"] = new JsonObject
                {
                    ["number"] = 7,
                    ["head"] = new JsonObject
                    {
                        ["sha"] = head,
                        ["ref"] = FakeGitHub.HeadBranch,
                        ["repo"] = new JsonObject { ["full_name"] = "octo/models" },
                    },
                    ["base"] = new JsonObject { ["sha"] = @base, ["ref"] = "main" },
                },
            },
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_REF_NAME", "7/merge")
        );
    }

    private Run Check(GitFolder checkout, JsonObject happened, params (string Name, string? Value)[] event_)
    {
        happened["repository"] = new JsonObject { ["default_branch"] = "main" };
        var name = Path.GetFileName(checkout.Root);
        var variables = _github.Variables(
            _folder,
            new()
            {
                ["GITHUB_EVENT_PATH"] = _folder.Write($"{name}.json", happened.ToJsonString()),
                ["GITHUB_SHA"] = checkout.Head,
                ["GITHUB_RUN_ID"] = $"{500 + _runs}",
                ["GITHUB_WORKSPACE"] = checkout.Root,
                ["GITHUB_STEP_SUMMARY"] = _folder.Path($"{name}.md"),
                ["GITHUB_OUTPUT"] = _folder.Path($"{name}.txt"),
                ["GITHUB_SERVER_URL"] = new Uri(_folder.Path("github")).AbsoluteUri,
                ["INPUT_ID"] = null,
            }
        );
        if (Contract.Url.Length > 0)
            variables["GITHUB_API_URL"] = Contract.Url;
        foreach (var (variable, value) in event_)
            variables[variable] = value;
        var (code, output) = Start(checkout, ActionTests.Arguments(Inputs), variables);
        var report = Path.Combine(checkout.Root, "posttraingate-report");
        Assert.True(File.Exists(Path.Combine(report, "gate-result.json")), output);
        return new(
            code,
            output,
            GateJson.Parse(File.ReadAllText(Path.Combine(report, "gate-result.json"))),
            Path.Combine(report, "gate-report.html"),
            Outputs.Parse(File.ReadAllText(_folder.Path($"{name}.txt"))),
            [.. _github.Comments],
            Repository.Git("ls-tree", "-r", "--name-only", History).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        );
    }

    private static readonly Dictionary<string, string> Inputs = new()
    {
        ["policy"] = ".",
        ["repair"] = "true",
        ["full"] = "false",
        ["base"] = "event",
        ["comment"] = "always",
        ["fix"] = "commit",
        ["history"] = History,
        ["verbosity"] = "normal",
    };

    private (int Code, string Output) Start(GitFolder folder, string[] arguments, Dictionary<string, string?> variables)
    {
        variables["XDG_CACHE_HOME"] = _folder.Path("cache");
        var (code, output, error) = Processes.Run(
            "dotnet",
            [Tool, .. arguments],
            folder: folder.Root,
            variables: variables
        );
        return (code, output + error);
    }

    private GitFolder Clone(string name, string branch)
    {
        Repository.Git("clone", "-q", "--branch", branch, Repository.Path, _folder.Path(name));
        return new GitFolder(_folder.Path(name));
    }

    private static void Merge(GitFolder folder, string what, string message) =>
        folder.Git(
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "merge",
            "-q",
            "--no-ff",
            "-m",
            message,
            what
        );

    private static void Write(GitFolder folder, string name, string text) =>
        File.WriteAllText(Path.Combine(folder.Root, name), text);

    private static void Copy(GitFolder folder, string sample, string name) =>
        File.Copy(
            Path.Combine(Fixtures.Repository, "samples/credit", sample),
            Path.Combine(folder.Root, name),
            overwrite: true
        );

    private void Leave()
    {
        if (Environment.GetEnvironmentVariable("POSTTRAINGATE_WALK") is not { Length: > 0 } folder)
            return;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "red.md"), Red.Comments[0].Body);
        File.WriteAllText(Path.Combine(folder, "green.md"), Green.Comments[0].Body);
        File.WriteAllText(
            Path.Combine(folder, "commit.txt"),
            Repository.Git("show", "--stat", "--format=commit %H%nAuthor: %an%n%n%w(0,4,4)%B", Red.Outputs["fix"])
        );
        File.WriteAllText(Path.Combine(folder, "history.txt"), Table);
        File.Copy(Red.Page, Path.Combine(folder, "red.html"), overwrite: true);
        File.Copy(Merged.Page, Path.Combine(folder, "merged.html"), overwrite: true);
    }
}
