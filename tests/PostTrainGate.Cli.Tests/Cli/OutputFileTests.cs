using PostTrainGate.Cli;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Reading;
using PostTrainGate.Repairs;
using PostTrainGate.Reporting;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>A run writes to files of its own and to no other.</summary>
public sealed class OutputFileTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Theory]
    [InlineData("repair: { output: posttraingate.yml }", "posttraingate.yml")]
    [InlineData("repair: { output: .git/config }", ".git/config")]
    [InlineData("repair: { output: .git/hooks/pre-commit }", ".git/hooks/pre-commit")]
    [InlineData("repair: { output: .Git/config.onnx }", null)]
    [InlineData("repair: { output: .github/workflows/ci.yml }", ".github/workflows/ci.yml")]
    [InlineData("repair: { output: .github/new.onnx }", ".github/new.onnx")]
    [InlineData("repair: { output: linked/credit.onnx }", "models/credit.onnx")]
    [InlineData(
        "repair: { output: linked/history/e1.onnx, snapshots: models/history/*.onnx }",
        "models/history/e1.onnx"
    )]
    [InlineData("repair: { output: tools/config }", ".git/config")]
    [InlineData("repair: { output: alias.onnx }", "models/credit.onnx")]
    [InlineData("repair: { output: dangling.onnx }", "nowhere.onnx")]
    [InlineData("repair: { output: data/german.csv }", "data/german.csv")]
    [InlineData("repair: { output: README.md }", "README.md")]
    [InlineData("report: { folder: .github }", ".github/gate-result.json")]
    [InlineData("report: { folder: .git }", ".git/gate-result.json")]
    [InlineData("report: { folder: tools }", ".git/gate-result.json")]
    [InlineData("report: { folder: theirs }", "theirs/gate-report.md")]
    [InlineData("report: { folder: links }", "posttraingate.yml")]
    public async Task What_is_not_its_own_is_refused_before_the_run(string policy, string? target)
    {
        var repository = new GitFolder(_place.Folder.Root);
        _place.Folder.Write(".github/workflows/ci.yml", "on: push\n");
        _place.Folder.Write("README.md", "# posttraingate\n");
        _place.Folder.Write("theirs/gate-report.md", "# Not a report of ours\n");
        Directory.CreateDirectory(_place.Folder.Path("links"));
        Link("links/gate-result.json", "../posttraingate.yml");
        Link("linked", "models");
        Link("tools", ".git");
        Link("alias.onnx", "models/credit.onnx");
        Link("dangling.onnx", "nowhere.onnx");
        File.WriteAllText(
            _place.PolicyFile,
            Workplace.Policy.Replace("repair: { snapshots: models/history/*.onnx }", policy, StringComparison.Ordinal)
        );
        repository.Commit("all");
        var before =
            target is null || !File.Exists(_place.Folder.Path(target))
                ? null
                : File.ReadAllBytes(_place.Folder.Path(target));
        var ran = false;
        Assert.Equal(
            2,
            await _place.RunAsync(
                (_, _, _, _) =>
                {
                    ran = true;
                    return SampleResults.Passed;
                }
            )
        );
        Assert.False(ran);
        Assert.Matches(@"error PTG(6005|1011): ", _place.Error);
        if (target is null)
            return;
        Assert.Equal(
            before,
            File.Exists(_place.Folder.Path(target)) ? File.ReadAllBytes(_place.Folder.Path(target)) : null
        );
    }

    [Fact]
    public async Task The_refusal_stands_where_the_policy_names_the_file()
    {
        File.WriteAllText(
            _place.PolicyFile,
            Workplace.Policy.Replace("repair: {", "repair: { output: .git/x.onnx,", StringComparison.Ordinal)
        );
        Assert.Equal(2, await _place.RunAsync(SampleResults.Passed));
        Assert.Contains("(10,19): error PTG6005: ", _place.Error, StringComparison.Ordinal);
        Assert.Contains("'.git/x.onnx'", _place.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_repair_no_model_is_written_and_none_refused()
    {
        File.WriteAllText(
            _place.PolicyFile,
            Workplace.Policy.Replace("repair: {", "repair: { output: .git/x.onnx,", StringComparison.Ordinal)
        );
        Assert.Equal(0, await _place.RunAsync(SampleResults.Passed, "--no-repair"));
    }

    [Theory]
    [MemberData(nameof(ReportTests.Samples), MemberType = typeof(ReportTests))]
    public void A_report_of_an_earlier_run_is_known_by_its_beginning(string sample)
    {
        var policy = Read() with { Report = new(Catalog.Default.Reports) };
        var result = (GateResult)typeof(SampleResults).GetProperty(sample)!.GetValue(null)!;
        Assert.Empty(ReportFolder.Write(policy, result).Diagnostics);
        Assert.All(Catalog.Default.Reports, writer => Assert.Null(OutputFiles.WhyNotReport(policy, writer)));
        Assert.Equal(Catalog.Default.Reports.Length, ReportFolder.Write(policy, result).Files.Count);
    }

    [Fact]
    public void A_model_of_an_earlier_repair_is_known_by_its_metadata()
    {
        var policy = Read();
        File.Copy(Path.Combine(Fixtures.Repository, "samples/credit/model.onnx"), OutputFiles.ModelPath(policy));
        Assert.NotNull(OutputFiles.WhyNotModel(policy, OutputFiles.ModelPath(policy)));
        var model = OnnxFile.Read(OutputFiles.ModelPath(policy)).Model;
        model.MetadataProps.Add(new StringStringEntryProto { Key = "posttraingate.tool", Value = "PostTrainGate" });
        OnnxFile.Write(OutputFiles.ModelPath(policy), model);
        Assert.Null(OutputFiles.WhyNotModel(policy, OutputFiles.ModelPath(policy)));
    }

    [Theory]
    [InlineData("README.md", "# Title\n", false)]
    [InlineData("inputs", "/a/posttraingate.yml\n", true)]
    [InlineData("inputs", null, true)]
    [InlineData(".git/inputs", null, false)]
    public async Task A_list_of_inputs_replaces_only_a_list_of_inputs(string name, string? text, bool written)
    {
        var file = text is null ? _place.Folder.Path(name) : _place.Folder.Write(name, text);
        Assert.Equal(written ? 0 : 2, await _place.RunAsync(SampleResults.Passed, "--inputs-file", file));
        Assert.Equal(written, File.Exists(file) && File.ReadAllText(file) != text);
    }

    [Fact]
    public async Task A_repaired_model_that_cannot_be_written_costs_no_verdict()
    {
        using var sample = Credit("repair: { methods: [policy], effort: quick, output: out/repaired.onnx }");
        var host = _place.Host with
        {
            Run = (p, options, _, cancel) =>
                Gate.Run(
                    p,
                    options,
                    new Relay<RunProgress>(told =>
                    {
                        // When everything is measured, something else takes the place of the folder.
                        if (told.Stage.StartsWith("Null control", StringComparison.Ordinal))
                            sample.Write("out", "no folder");
                    }),
                    cancel
                ),
        };
        Assert.Equal(
            1,
            await CommandLine.RunAsync(
                ["check", sample.Root, "--no-cache"],
                host,
                TestContext.Current.CancellationToken
            )
        );
        var result = GateJson.Parse(File.ReadAllText(sample.Path("posttraingate-report/gate-result.json")));
        Assert.NotNull(result.Gates[0].Repaired);
        Assert.False(result.Repair!.Proposed);
        Assert.Contains(result.Diagnostics, d =>
            d is { Code: DiagnosticCodes.ReportUnwritable, Severity: Severity.Warning }
        );
    }

    [Fact]
    public async Task A_candidate_that_is_not_proposed_is_written_where_the_policy_asks_for_it()
    {
        using var sample = Credit("repair: { methods: [policy], effort: quick, write_refused: true }", text =>
            text.Replace("max: 0.10", "max: 0.001", StringComparison.Ordinal) // no model reaches that
        );
        string[] check = ["check", sample.Root, "--no-cache"];
        Assert.Equal(
            1,
            await CommandLine.RunAsync(
                check,
                _place.Host with
                {
                    Run = Gate.Run,
                },
                TestContext.Current.CancellationToken
            )
        );
        var result = GateJson.Parse(File.ReadAllText(sample.Path("posttraingate-report/gate-result.json")));
        Assert.False(result.Repair!.Proposed);
        Assert.Contains("The candidate is in model.refused.onnx.", result.Repair.Reason, StringComparison.Ordinal);
        Assert.Null(result.Repair.Output);
        Assert.False(File.Exists(sample.Path("model.repaired.onnx")));
        using var refused = OnnxClassifier.Load(sample.Path("model.refused.onnx"));
        using var source = OnnxClassifier.Load(sample.Path("model.onnx"));
        Assert.NotEqual(0, WeightChange.Between(source, refused).Changed);
    }

    // The sample with other settings for the repair.
    private static TemporaryFolder Credit(string repair, Func<string, string>? change = null)
    {
        var sample = new TemporaryFolder();
        foreach (var file in new[] { "model.onnx", "credit.csv" })
            File.Copy(Path.Combine(Fixtures.Repository, "samples/credit", file), sample.Path(file));
        var policy = File.ReadAllText(Path.Combine(Fixtures.Repository, "samples/credit/posttraingate.yml"));
        policy = $"{policy[..policy.IndexOf("\nrepair:", StringComparison.Ordinal)]}\n{repair}\n";
        sample.Write("posttraingate.yml", change?.Invoke(policy) ?? policy);
        return sample;
    }

    private GatePolicy Read() => PolicyReader.Read(_place.PolicyFile).Policy!;

    private void Link(string path, string target) => File.CreateSymbolicLink(_place.Folder.Path(path), target);
}
