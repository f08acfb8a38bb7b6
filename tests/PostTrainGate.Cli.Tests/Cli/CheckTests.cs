using Google.Protobuf;
using PostTrainGate.Cli;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

public partial class CheckTests
{
    public static TheoryData<string, int> Outcomes =>
        new()
        {
            { "Passed", 0 },
            { "Rejected", 1 },
            { "Repaired", 1 },
            { "Undecided", 3 },
        };

    [Theory]
    [MemberData(nameof(Outcomes))]
    public async Task The_exit_code_is_the_outcome(string sample, int code)
    {
        using var place = new Workplace();
        Assert.Equal(code, await place.RunAsync(Sample(sample)));
        Assert.Empty(place.Error);
    }

    [Theory]
    [InlineData("console")]
    [InlineData("msbuild")]
    [InlineData("github")]
    public async Task A_bad_policy_is_named_at_its_place_in_every_format(string format)
    {
        using var place = new Workplace(Workplace.Policy.Replace("accuracy:", "acuracy:", StringComparison.Ordinal));
        Assert.Equal(2, await place.RunAsync(Never, "--format", format));
        var text = place.Out + place.Error;
        if (format == "github")
            Assert.Matches(@"(?m)^::error file=.*posttraingate\.yml,line=8,col=5,title=PostTrainGate PTG1010::", text);
        else
            Assert.Matches(@"(?m)^\S*posttraingate\.yml\(8,5\): error PTG1010: ", text);
    }

    [Fact]
    public async Task What_the_engine_finds_wrong_is_bad_input_too()
    {
        using var place = new Workplace();
        var code = await place.RunAsync(
            (_, _, _, _) =>
                throw new GateException(
                    new Diagnostic("PTG2001", "The model is broken.", new SourcePosition("p.yml", 3, 8))
                )
        );
        Assert.Equal(2, code);
        Assert.Equal("p.yml(3,8): error PTG2001: The model is broken.\n", place.Error);
    }

    [Fact]
    public async Task A_defect_is_one_line_and_says_how_to_see_more()
    {
        using var place = new Workplace();
        Assert.Equal(70, await place.RunAsync(Defect));
        Assert.Equal(
            "posttraingate: error PTG9001: InvalidOperationException: no way; --verbosity detailed prints the stack "
                + "trace\n",
            place.Error
        );
        Assert.Equal(70, await place.RunAsync(Defect, "--verbosity", "detailed"));
        Assert.Contains("   at PostTrainGate.Tests.Cli.CheckTests.", place.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_run_says_so_and_leaves_the_last_reports()
    {
        using var place = new Workplace();
        await place.RunAsync(SampleResults.Passed);
        var report = place.Folder.Path("posttraingate-report/gate-result.json");
        var before = File.ReadAllText(report);
        using var interrupt = new CancellationTokenSource();
        var code = await place.RunAsync(
            (_, _, _, cancel) =>
            {
                interrupt.Cancel();
                cancel.ThrowIfCancellationRequested();
                throw new InvalidOperationException("not reached");
            },
            interrupt.Token
        );
        Assert.Equal(130, code);
        Assert.Equal("posttraingate: canceled; no file was changed.\n", place.Error);
        Assert.Equal(before, File.ReadAllText(report));
        Assert.Equal(3, Directory.GetFiles(Path.GetDirectoryName(report)!).Length);
    }

    [Fact]
    public async Task An_interrupted_run_says_what_it_kept_and_how_to_go_on()
    {
        using var place = new Workplace();
        var folder = place.Folder.Path("kept");
        using var interrupt = new CancellationTokenSource();
        var code = await place.RunAsync(
            (_, options, _, cancel) =>
            {
                options!.Cache!.KeepStep(new string('a', 64), [1, 2]);
                interrupt.Cancel();
                cancel.ThrowIfCancellationRequested();
                throw new InvalidOperationException("not reached");
            },
            interrupt.Token,
            "--cache",
            folder
        );
        Assert.Equal(130, code);
        Assert.Equal(
            "posttraingate: canceled; no file was changed. "
                + $"The finished work is kept in {folder}; run the same command to continue.\n",
            place.Error
        );
    }

    [Fact]
    public async Task What_is_kept_goes_where_the_call_says_or_nowhere()
    {
        using var place = new Workplace();
        List<(bool Full, string? Folder)> seen = [];
        async Task Run(params string[] args) =>
            await place.RunAsync(
                (_, options, _, _) =>
                {
                    seen.Add((options!.Full, options.Cache?.Folder));
                    return SampleResults.Passed;
                },
                args
            );
        var (here, usual) = (place.Folder.Path("here"), place.Folder.Path("usual"));
        place.Host = place.Host with { CacheFolder = usual };
        await Run();
        await Run("--full", "--cache", here);
        await Run("--no-cache");
        Assert.Equal([(false, usual), (true, here), (false, null)], seen);
        Assert.False(Directory.Exists(usual) || Directory.Exists(here)); // nothing was kept
        Assert.Equal(2, await place.RunAsync(Never, "--cache", place.Folder.Write("file", "")));
        Assert.Contains("'--cache' needs a folder, but '", place.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--foo")]
    [InlineData("--format", "xml")]
    [InlineData("--verbosity")]
    [InlineData("a", "b")]
    public async Task A_wrong_call_is_bad_input(params string[] args)
    {
        using var place = new Workplace();
        Assert.Equal(2, await place.RunAsync(Never, args));
        Assert.Contains("posttraingate --help", place.Error, StringComparison.Ordinal);
        Assert.Empty(place.Out);
    }

    [Fact]
    public async Task The_inputs_are_listed_with_their_patterns()
    {
        using var place = new Workplace();
        var list = place.Folder.Path("obj/inputs.txt");
        await place.RunAsync(
            SampleResults.Passed,
            "--inputs-file",
            list,
            "--base-model",
            place.Folder.Path("models/credit.onnx")
        );
        string[] expected =
        [
            place.Folder.Path("data/german.csv"),
            $"glob:{place.Folder.Path("models/history/*.onnx")}",
            place.Folder.Path("models/credit.onnx"),
            place.Folder.Path("models/history/e1.onnx"),
            place.Folder.Path("models/history/e2.onnx"),
            place.PolicyFile,
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), File.ReadAllLines(list));
    }

    [Fact]
    public async Task What_links_and_models_lead_to_is_listed_too()
    {
        using var place = new Workplace();
        var list = place.Folder.Path("inputs.txt");
        File.Move(place.Folder.Path("data/german.csv"), place.Folder.Path("data/2026.csv"));
        File.CreateSymbolicLink(place.Folder.Path("data/german.csv"), "2026.csv");
        var weights = new TensorProto { Name = "W", DataLocation = TensorProto.Types.DataLocation.External };
        weights.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "credit.weights" });
        var model = new ModelProto { Graph = new() };
        model.Graph.Initializer.Add(weights);
        File.WriteAllBytes(place.Folder.Path("models/credit.onnx"), model.ToByteArray());

        await place.RunAsync(SampleResults.Passed, "--inputs-file", list);
        var listed = File.ReadAllLines(list);
        Assert.All(["data/german.csv", "data/2026.csv", "models/credit.weights"], f =>
            Assert.Contains(place.Folder.Path(f), listed)
        );
    }

    [Fact]
    public async Task A_broken_policy_still_lists_itself()
    {
        using var place = new Workplace("gates: 5");
        var list = place.Folder.Path("inputs.txt");
        await place.RunAsync(Never, "--inputs-file", list);
        Assert.Equal([place.PolicyFile], File.ReadAllLines(list));
    }

    [Fact]
    public async Task The_options_reach_the_engine_and_the_command_that_reproduces()
    {
        using var place = new Workplace();
        GateOptions? seen = null;
        await place.RunAsync(
            (_, options, _, _) =>
            {
                seen = options;
                return SampleResults.Passed;
            },
            "--no-repair",
            "--base-model",
            place.Folder.Path("models/credit.onnx")
        );
        Assert.False(seen!.Repair);
        Assert.Equal(place.Folder.Path("models/credit.onnx"), seen.BaseModel);
        var result = GateJson.Parse(File.ReadAllText(place.Folder.Path("posttraingate-report/gate-result.json")));
        Assert.Equal(
            $"posttraingate check {place.PolicyFile} --no-repair --base-model "
                + $"{place.Folder.Path("models/credit.onnx")}",
            result.Reproduce
        );
    }

    [Fact]
    public async Task Reports_are_those_that_the_policy_asks_for()
    {
        using var place = new Workplace($"{Workplace.Policy}\nreport: {{ html: true, sarif: true, folder: out/gate }}");
        await place.RunAsync(SampleResults.Passed);
        Assert.Equal(
            ["badge.json", "gate-report.html", "gate-report.md", "gate-result.json", "gate.sarif"],
            Directory.GetFiles(place.Folder.Path("out/gate")).Select(Path.GetFileName).Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task A_report_that_cannot_be_written_does_not_change_the_verdict()
    {
        using var place = new Workplace($"{Workplace.Policy}\nreport: {{ folder: out }}");
        Directory.CreateDirectory(place.Folder.Path("out/gate-report.md/in-the-way"));
        Assert.Equal(0, await place.RunAsync(SampleResults.Passed));
        Assert.Contains("warning PTG6002", place.Out, StringComparison.Ordinal);
        Assert.True(File.Exists(place.Folder.Path("out/gate-result.json")));
    }

    [Fact]
    public async Task The_schema_is_printed()
    {
        using var place = new Workplace();
        Assert.Equal(0, await CommandLine.RunAsync(["schema"], place.Host, TestContext.Current.CancellationToken));
        Assert.Equal(PolicySchema.Generate(), place.Out);
    }

    [Fact]
    public async Task The_version_is_the_tools()
    {
        using var place = new Workplace();
        Assert.Equal(0, await CommandLine.RunAsync(["--version"], place.Host, TestContext.Current.CancellationToken));
        Assert.Equal($"{Tool.Version}\n", place.Out);
    }

    internal static GateResult Sample(string name) =>
        name switch
        {
            "Passed" => SampleResults.Passed,
            "Rejected" => SampleResults.Rejected,
            "Repaired" => SampleResults.Repaired,
            _ => SampleResults.Undecided,
        };

    private static GateResult Never(
        GatePolicy policy,
        GateOptions? options,
        IProgress<RunProgress>? progress,
        CancellationToken cancel
    ) => throw new InvalidOperationException("the engine must not run");

    private static GateResult Defect(
        GatePolicy policy,
        GateOptions? options,
        IProgress<RunProgress>? progress,
        CancellationToken cancel
    ) => throw new InvalidOperationException("no way");
}
