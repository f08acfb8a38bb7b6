using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>A change cannot lower the bar that it has to clear.</summary>
public sealed partial class BaseTests : IDisposable
{
    private static readonly string WithDrop = Workplace.Policy.Replace(
        "{ min: 0.72 }",
        "{ min: 0.72, drop: 0.01 }",
        StringComparison.Ordinal
    );

    private readonly Workplace _place = new();
    private GatePolicy? _policy;
    private byte[]? _baseModel;
    private string? _baseFile;
    private GateResult? _shown;

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task A_lowered_threshold_does_not_apply_and_is_told()
    {
        Change(Workplace.Policy, Workplace.Policy.Replace("0.72", "0.5", StringComparison.Ordinal));
        await Check();
        Assert.Equal(0.72, _policy!.Gates[0].Min);
        var remark = Assert.Single(Remarks());
        Assert.Matches(@"'accuracy' .*\b0\.72 .*\b0\.5\b", remark.Message);
        Assert.Equal((8, 5), (remark.Position!.Value.Line, remark.Position.Value.Column));
        Assert.Equal(Severity.Warning, remark.Severity);
    }

    [Fact]
    public async Task A_removed_gate_is_judged_and_a_new_one_too()
    {
        Change(
            Workplace.Policy,
            Workplace.Policy.Replace(
                "accuracy: { min: 0.72 }",
                "disparate_impact: { group: sex, min: 0.8 }",
                StringComparison.Ordinal
            )
        );
        await Check();
        Assert.Equal(
            ["accuracy", "statistical_parity_difference", "disparate_impact"],
            _policy!.Gates.Select(g => g.Metric.Name)
        );
        Assert.Equal([Severity.Warning, Severity.Note], Remarks().Select(r => r.Severity));
    }

    [Fact]
    public async Task What_is_measured_is_the_changes_own_and_how_it_is_judged_is_not()
    {
        var changed = Workplace
            .Policy.Replace("models/credit.onnx", "models/new.onnx", StringComparison.Ordinal)
            .Replace("seed: 7", "seed: 8\nconfidence: 80%\nwhen: { not_measured: pass }", StringComparison.Ordinal)
            .Replace("privileged: male", "privileged: female", StringComparison.Ordinal)
            .Replace(
                "label: good }",
                "label: good, splits: { repair: 20%, select: 20%, test: 10% } }",
                StringComparison.Ordinal
            )
            .Replace("repair: {", "repair: { max_accuracy_drop: 0.5,", StringComparison.Ordinal);
        Change(Workplace.Policy, changed);
        _place.Folder.Write("models/new.onnx", "new");
        File.Delete(_place.Folder.Path("models/credit.onnx")); // the base's policy names a file that is gone
        await Check();
        Assert.Equal("models/new.onnx", _policy!.Model!.Text);
        Assert.Equal(
            (7, 0.95, Outcome.Fail, "male", 0.5, 0.02),
            (
                _policy.Seed,
                _policy.Confidence,
                _policy.When.NotMeasured,
                _policy.Groups[0].Privileged,
                _policy.Data.Splits.Repair,
                _policy.Repair!.MaxAccuracyDrop
            )
        );
        Assert.Equal(
            [
                "seed",
                "confidence",
                "when.not_measured",
                "data.splits.repair",
                "data.splits.test",
                "groups.sex.privileged",
                "repair.max_accuracy_drop",
            ],
            Remarks().Select(r => r.Message.Split('\'')[1]).Where(k => k != "model").OrderBy(Order)
        );
        Assert.Equal(8, Remarks().Length);
    }

    [Fact]
    public async Task An_unchanged_policy_needs_no_remark()
    {
        Change(Workplace.Policy, Workplace.Policy);
        Assert.Equal(0, await Check());
        Assert.Empty(Remarks());
        Assert.Equal(0.72, _policy!.Gates[0].Min);
    }

    [Fact]
    public async Task The_base_model_is_that_of_the_base()
    {
        Change(WithDrop, WithDrop);
        _place.Folder.Write("models/credit.onnx", "newer model");
        await Check();
        Assert.Equal("model", Encoding.UTF8.GetString(_baseModel!));
        Assert.False(File.Exists(_baseFile), "the temporary copy is gone");
    }

    [Fact]
    public async Task The_base_model_is_compared_with_where_no_gate_asks_for_it()
    {
        Change(Workplace.Policy, Workplace.Policy);
        _place.Folder.Write("models/credit.onnx", "newer model");
        await Check();
        Assert.Equal("model", Encoding.UTF8.GetString(_baseModel!));
    }

    [Fact]
    public async Task A_base_model_that_no_gate_needs_and_that_cannot_be_had_is_a_note()
    {
        _place.Folder.Write(
            "models/credit.onnx",
            $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('0', 64)}\nsize 5\n"
        );
        Change(Workplace.Policy, Workplace.Policy);
        Assert.Equal(0, await Check());
        var remark = Assert.Single(Remarks());
        Assert.Equal((DiagnosticCodes.BaseUnavailable, Severity.Note), (remark.Code, remark.Severity));
        Assert.Contains("so nothing is compared with it.", remark.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_model_in_large_file_storage_is_found_where_it_was_fetched(bool fetched)
    {
        var hash = new string('0', 62) + "ab";
        _place.Folder.Write(
            "models/credit.onnx",
            $"version https://git-lfs.github.com/spec/v1\noid sha256:{hash}\nsize 5\n"
        );
        Change(WithDrop, WithDrop);
        if (fetched)
            _place.Folder.Write($".git/lfs/objects/00/00/{hash}", "large");
        await Check();
        if (fetched)
            Assert.Equal("large", Encoding.UTF8.GetString(_baseModel!));
        else
            Assert.Contains("git lfs fetch", Assert.Single(Remarks()).Message, StringComparison.Ordinal);
        if (fetched)
            Assert.True(File.Exists(_baseFile), "what git keeps is not ours to delete");
    }

    [Fact]
    public async Task A_link_in_the_base_is_not_followed()
    {
        File.Delete(_place.Folder.Path("models/credit.onnx"));
        File.CreateSymbolicLink(_place.Folder.Path("models/credit.onnx"), "/etc/passwd");
        Change(WithDrop, WithDrop);
        File.Delete(_place.Folder.Path("models/credit.onnx"));
        _place.Folder.Write("models/credit.onnx", "model");
        await Check();
        Assert.Null(_baseModel);
        Assert.Equal(DiagnosticCodes.BaseUnavailable, Assert.Single(Remarks()).Code);
    }

    [Fact]
    public async Task A_base_without_a_policy_says_so()
    {
        File.Delete(_place.PolicyFile);
        Git("init", "-q", "-b", "main");
        Commit("no policy");
        File.WriteAllText(_place.PolicyFile, Workplace.Policy);
        Assert.Equal(0, await Check());
        var remark = Assert.Single(Remarks());
        Assert.Equal((DiagnosticCodes.BaseUnavailable, Severity.Note), (remark.Code, remark.Severity));
    }

    [Fact]
    public async Task A_base_with_a_broken_policy_gives_no_verdict()
    {
        Change("gates: [", Workplace.Policy);
        Assert.Equal(3, await Check());
        Assert.Null(_policy);
        Assert.Matches(@"error PTG6004: .* is not a valid policy \(line \d+\): ", _place.Error);
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("--output=owned")]
    [InlineData("main:posttraingate.yml")]
    public async Task A_reference_that_is_no_commit_is_bad_input(string reference)
    {
        Change(Workplace.Policy, Workplace.Policy);
        Assert.Equal(2, await Check($"--base={reference}"));
        Assert.Contains("error PTG6004: The base", _place.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_place.Folder.Path("owned")));
    }

    [Fact]
    public async Task A_policy_in_a_folder_of_the_repository_finds_its_own_base()
    {
        using var repository = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(_place.Folder.Root, "*", SearchOption.AllDirectories))
            repository.Write(
                Path.Combine("deep/down", Path.GetRelativePath(_place.Folder.Root, file)),
                File.ReadAllText(file)
            );
        repository.Write("deep/down/posttraingate.yml", WithDrop);
        GitIn(repository.Root, "init", "-q", "-b", "main");
        Commit("base", repository.Root);
        repository.Write("deep/down/models/credit.onnx", "newer");
        await PostTrainGate.Cli.CommandLine.RunAsync(
            ["check", repository.Path("deep/down"), "--base", "main"],
            _place.Host with
            {
                Run = See,
            },
            TestContext.Current.CancellationToken
        );
        Assert.Equal("model", Encoding.UTF8.GetString(_baseModel!));
    }

    private static int Order(string key) =>
        Array.IndexOf(
            [
                "seed",
                "confidence",
                "when.not_measured",
                "data.splits.repair",
                "data.splits.test",
                "groups.sex.privileged",
                "repair.max_accuracy_drop",
            ],
            key
        );

    private void Change(string before, string after)
    {
        File.WriteAllText(_place.PolicyFile, before);
        Git("init", "-q", "-b", "main");
        Commit("base");
        File.WriteAllText(_place.PolicyFile, after);
    }

    private void Commit(string message, string? folder = null)
    {
        GitIn(folder ?? _place.Folder.Root, "add", "-A");
        GitIn(
            folder ?? _place.Folder.Root,
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "commit",
            "-q",
            "-m",
            message
        );
    }

    private string Git(params string[] arguments) => GitIn(_place.Folder.Root, arguments);

    private static string GitIn(string folder, params string[] arguments)
    {
        var (code, output, error) = Processes.Run("git", arguments, folder: folder);
        Assert.True(code == 0, error);
        return output;
    }

    private Task<int> Check(params string[] args) => _place.RunAsync(See, args.Length > 0 ? args : ["--base", "main"]);

    private GateResult See(
        GatePolicy policy,
        GateOptions? options,
        IProgress<RunProgress>? progress,
        CancellationToken cancel
    )
    {
        (_policy, _baseFile) = (policy, options!.BaseModel);
        _baseModel = _baseFile is null ? null : File.ReadAllBytes(_baseFile);
        return SampleResults.Passed;
    }

    private Diagnostic[] Remarks()
    {
        _shown = PostTrainGate.Reporting.GateJson.Parse(
            File.ReadAllText(_place.Folder.Path("posttraingate-report/gate-result.json"))
        );
        return [.. _shown.Diagnostics];
    }
}
