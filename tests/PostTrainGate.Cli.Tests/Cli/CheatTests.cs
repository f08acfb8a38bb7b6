using PostTrainGate.Cli;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>Pull requests that would set their own bar, in real repositories: whatever they do to files, the base's
/// policy applies.</summary>
public sealed partial class CheatTests : IDisposable
{
    private const string Low = "{ min: 0.1 }";

    private readonly Workplace _place = new();
    private readonly GitFolder _git;
    private GatePolicy? _ran;

    public CheatTests() => _git = new(_place.Folder.Root);

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task An_input_that_makes_epsilon_small_is_the_bases_also_for_the_real_engine()
    {
        foreach (var name in new[] { "model.onnx", "digits.csv" })
            File.Copy(Path.Combine(Fixtures.Repository, "samples/digits", name), _place.Folder.Path(name));
        const string policy = """
            version: 1
            model: model.onnx
            data: { source: digits.csv, label: digit }
            input: { bounds: [0, 1], scale: 1/16 }
            gates: [robust_accuracy: { attack: fgsm, norm: linf, epsilon: 0.1, samples: 100, min: 0.8 }]
            """;
        File.WriteAllText(_place.PolicyFile, policy);
        _git.Commit("base");
        File.WriteAllText(
            _place.PolicyFile,
            policy.Replace(
                "{ bounds: [0, 1], scale: 1/16 }",
                "{ bounds: [0, 16], std: [16] }",
                StringComparison.Ordinal
            )
        );
        string[] check = ["check", _place.Folder.Root, "--no-repair", "--no-cache"];
        var cancel = TestContext.Current.CancellationToken;
        Assert.Equal(0, await CommandLine.RunAsync(check, _place.Host, cancel)); // what it would like to be judged by
        Assert.Equal(1, await CommandLine.RunAsync([.. check, "--base", "main"], _place.Host, cancel));
        Assert.Contains("warning PTG6003: The policy changes 'input.std' ", _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_in_place_of_the_policys_folder_leads_to_no_other_base()
    {
        Deep();
        _place.Folder.Write("easy/posttraingate.yml", Lowered);
        foreach (var file in new[] { "models/credit.onnx", "models/history/e1.onnx", "data/german.csv" })
            _place.Folder.Write($"easy/{file}", "x");
        Directory.Delete(_place.Folder.Path("deep/down"), recursive: true);
        Directory.CreateSymbolicLink(_place.Folder.Path("deep/down"), "../easy");
        await CheckAsync(_place.Folder.Path("deep/down"));
        await CheckAsync(_place.Folder.Path("easy")); // where a shell that went through the link is
    }

    [Fact]
    public async Task A_folder_in_place_of_the_policys_file_is_no_new_policy()
    {
        _git.Commit("base");
        File.Delete(_place.PolicyFile);
        Copy("posttraingate.yml");
        await CheckAsync(_place.PolicyFile);
    }

    [Fact]
    public async Task A_policy_that_moved_is_the_one_that_was()
    {
        Deep();
        Copy("elsewhere");
        Directory.Delete(_place.Folder.Path("deep"), recursive: true);
        await CheckAsync(_place.Folder.Path("elsewhere"));
        Assert.Contains("'deep/down/posttraingate.yml'", _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_repository_in_place_of_the_policys_folder_has_no_say()
    {
        Deep();
        var inner = new GitFolder(_place.Folder.Path("deep/down"));
        File.WriteAllText(_place.Folder.Path("deep/down/posttraingate.yml"), Lowered);
        inner.Commit("its own main has a low bar");
        await CheckAsync(_place.Folder.Path("deep/down"));
    }

    [Fact]
    public async Task A_policy_that_is_a_link_in_the_base_is_read_from_the_base()
    {
        File.Move(_place.PolicyFile, _place.Folder.Path("shared.yml"));
        File.CreateSymbolicLink(_place.PolicyFile, "shared.yml");
        _git.Commit("base");
        File.WriteAllText(_place.Folder.Path("shared.yml"), Lowered);
        await CheckAsync(_place.Folder.Root);
    }

    [Theory]
    [InlineData("folder")]
    [InlineData("link inside")]
    [InlineData("link outside")]
    [InlineData("gone")]
    [InlineData("another beside it")]
    public async Task Whatever_became_of_the_bases_model_its_gates_apply(string what)
    {
        _git.Commit("base");
        var model = _place.Folder.Path("models/credit.onnx");
        if (what != "another beside it")
            File.Delete(model);
        if (what == "folder")
            Directory.CreateDirectory(model);
        if (what == "link inside")
            File.CreateSymbolicLink(model, "history/e1.onnx");
        if (what == "link outside")
            File.CreateSymbolicLink(model, "/etc/hostname");
        _place.Folder.Write("models/other.onnx", "other");
        File.WriteAllText(
            _place.PolicyFile,
            Lowered.Replace("models/credit.onnx", "models/other.onnx", StringComparison.Ordinal)
        );
        var code = await RunAsync(_place.Folder.Root, "--base", "main");
        if (what is "folder" or "link outside")
        {
            Assert.Equal((2, null), (code, _ran));
            Assert.Contains("'model'", _place.Error, StringComparison.Ordinal);
            return;
        }

        Assert.Equal((0, 0.72), (code, _ran!.Gates[0].Min));
        Assert.Equal(what == "gone" ? "models/other.onnx" : "models/credit.onnx", _ran.Model!.Text);
    }

    [Fact]
    public async Task Data_that_the_base_names_and_the_change_lacks_is_an_error_that_names_both()
    {
        _git.Commit("base");
        File.Move(_place.Folder.Path("data/german.csv"), _place.Folder.Path("data/new.csv"));
        File.WriteAllText(_place.PolicyFile, Workplace.Policy.Replace("german", "new", StringComparison.Ordinal));
        Assert.Equal(2, await RunAsync(_place.Folder.Root, "--base", "main"));
        Assert.Null(_ran);
        Assert.Matches(
            @"posttraingate\.yml\(4,17\): error PTG6003: .*'data\.source' .*'data/german\.csv' .*'data/new\.csv'",
            _place.Error
        );
    }

    [Fact]
    public async Task A_base_that_the_engine_cannot_use_with_the_changed_files_says_which_keys_differ()
    {
        File.WriteAllText(
            _place.PolicyFile,
            Workplace.Policy.Replace("label: good", "label: good, classes: [bad, good]", StringComparison.Ordinal)
        );
        _git.Commit("base");
        File.WriteAllText(
            _place.PolicyFile,
            Workplace
                .Policy.Replace("label: good", "label: good, classes: [a, b, c]", StringComparison.Ordinal)
                .Replace("{ min: 0.72 }", Low, StringComparison.Ordinal)
        );
        Assert.Equal(
            2,
            await _place.RunAsync(
                (_, _, _, _) => throw new GateException(new Diagnostic("PTG2004", "Three classes, not two.")),
                "--base",
                "main"
            )
        );
        Assert.Contains("error PTG2004: Three classes, not two.", _place.Error, StringComparison.Ordinal);
        Assert.Contains(
            "error PTG6003: The policy changes 'data.classes' from '[bad, good]' to '[a, b, c]'",
            _place.Error,
            StringComparison.Ordinal
        );
        Assert.Contains("warning PTG6003: The policy changes the threshold", _place.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gate_over_a_group_that_the_base_lacks_deals_no_other_rows()
    {
        _git.Commit("base");
        File.WriteAllText(
            _place.PolicyFile,
            Workplace.Policy.Replace(
                "gates:",
                "  lucky: { column: row }\ngates:\n  - disparate_impact: { group: lucky, min: 0.1 }",
                StringComparison.Ordinal
            )
        );
        Assert.Equal(0, await RunAsync(_place.Folder.Root, "--base", "main"));
        Assert.Equal(["sex"], _ran!.Groups.Select(g => g.Name));
        Assert.Equal(2, _ran.Gates.Length);
        Assert.Contains("it applies once the base branch has both", _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_blob_that_is_not_in_the_clone_is_no_missing_policy()
    {
        _git.Commit("base");
        var hash = _git.Git("rev-parse", "HEAD:posttraingate.yml").Trim();
        File.Delete(_place.Folder.Path($".git/objects/{hash[..2]}/{hash[2..]}"));
        File.WriteAllText(_place.PolicyFile, Lowered);
        Assert.Equal(3, await RunAsync(_place.Folder.Root, "--base", "main"));
        Assert.Null(_ran);
        Assert.Contains("error PTG6004: ", _place.Error, StringComparison.Ordinal);
    }

    private static string Lowered => Workplace.Policy.Replace("{ min: 0.72 }", Low, StringComparison.Ordinal);

    private void Copy(string folder, string? policy = null)
    {
        _place.Folder.Write($"{folder}/posttraingate.yml", policy ?? Lowered);
        foreach (var file in new[] { "models/credit.onnx", "models/history/e1.onnx", "data/german.csv" })
            _place.Folder.Write($"{folder}/{file}", "x");
    }

    private async Task CheckAsync(string path)
    {
        Assert.Equal(0, await RunAsync(path, "--base", "main"));
        Assert.Equal(0.72, _ran!.Gates[0].Min);
    }

    private Task<int> RunAsync(string path, params string[] args)
    {
        _ran = null;
        var host = _place.Host with
        {
            Run = (policy, _, _, _) =>
            {
                _ran = policy;
                return SampleResults.Passed;
            },
        };
        return CommandLine.RunAsync(["check", path, .. args], host, TestContext.Current.CancellationToken);
    }
}
