using System.Diagnostics;
using System.Globalization;
using System.Text;
using PostTrainGate.Cli;
using PostTrainGate.Cli.Engine;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cases;

/// <summary>Files that crash, stall or swell their engine: the command line outlives it, and says what
/// happened.</summary>
public sealed class HostileModelTests
{
    [Theory]
    [InlineData("abort_12911", 2, "PTG2006", "\'abort_12911.onnx\'")]
    [InlineData("abort_19555", 2, "PTG2006", "\'abort_19555.onnx\'")]
    [InlineData("abort_24869", 2, "PTG2006", "\'abort_24869.onnx\'")]
    [InlineData("abort_36099", 2, "PTG2006", "\'abort_36099.onnx\'")]
    [InlineData("divmin", 2, "PTG2006", "\'divmin.onnx\'")]
    [InlineData("divmin32", 2, "PTG2006", "\'divmin32.onnx\'")]
    [InlineData("modmin", 2, "PTG2006", "\'modmin.onnx\'")]
    [InlineData("loop3", 2, "PTG2006")]
    [InlineData("keynotfound", 2, "an initializer has no name")]
    [InlineData("external_nul", 2, "PTG2001", "'external_nul.onnx'", "'W'")]
    [InlineData("lfs_pointer", 2, "'git lfs pull'")]
    [InlineData("hang_3397", 0, "which exceed the memory limit")]
    [InlineData("mem_36167", 0, "which exceed the memory limit")]
    [InlineData("expand_big", 0, "Node 'z' (Expand) cannot run on")]
    [InlineData("mm_wrong_width", 0, "Node 'y' (MatMul) cannot run on [3, 28], [4, 3]")]
    [InlineData("mm_open_width", 0, "which matches ONNX Runtime")]
    [InlineData("nullref", 0, "node 'else_out' (Constant): attribute 'value' holds no tensor")]
    [InlineData("zerodim_cat", 0, "has no input")]
    public async Task A_hostile_file_is_one_clear_line(string name, int expected, params string[] said)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        var host = new CliHost
        {
            Out = text,
            Error = text,
            Variable = _ => null,
            Inspect = SupervisedEngine.Inspect,
        };
        var code = await CommandLine.RunAsync(
            ["inspect", CaseFolder.Of($"hostile/{name}.onnx")],
            host,
            TestContext.Current.CancellationToken
        );
        Assert.All(said, word => Assert.Contains(word, text.ToString(), StringComparison.Ordinal));
        Assert.Equal(expected, code);
    }

    // Which of two bounds is met first is a matter of the machine.
    [Fact]
    public async Task A_loop_without_an_end_is_ended()
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        var host = new CliHost
        {
            Out = text,
            Error = text,
            Variable = _ => null,
            Inspect = SupervisedEngine.Inspect,
        };
        await CommandLine.RunAsync(
            ["inspect", CaseFolder.Of("hostile/loopinf_ort.onnx")],
            host,
            TestContext.Current.CancellationToken
        );
        Assert.Matches("exceeded its time limit|PTG2006", text.ToString());
    }

    [Theory]
    [InlineData("abort_19555", "'Y' (RoiAlign)")]
    [InlineData("abort_36099", "'output' (STFT)")]
    public void The_node_that_crashes_another_runtime_is_found(string name, string node)
    {
        var file = CaseFolder.Of($"hostile/{name}.onnx");
        Assert.Equal(
            node,
            CrashSite.Find(
                file,
                EngineLimits.OfInspection(file),
                TimeSpan.FromMinutes(1),
                TestContext.Current.CancellationToken
            )
        );
    }

    [Theory]
    [InlineData("memory: 256MB", "it used more than 256 MB of memory. Raise limits.memory ")]
    [InlineData("time: 1s", "it took longer than 1 s. Raise limits.time in the policy.")]
    public async Task What_the_policy_allows_the_engine_is_all_that_it_has(string limit, string said)
    {
        using var place = new Workplace(
            $$"""
            version: 1
            model: model.onnx
            data: { source: digits.csv, label: digit }
            input: { scale: 1/16 }
            gates:
              - robust_accuracy: { attack: autoattack, norm: linf, epsilon: 0.1, min: 0.5 }
            when: { not_measured: pass }
            limits: { {{limit}} }
            """
        );
        foreach (var name in new[] { "model.onnx", "digits.csv" })
            File.Copy(Path.Combine(Fixtures.Repository, "samples/digits", name), place.Folder.Path(name));
        var code = await place.RunAsync(SupervisedEngine.Run, "--no-cache", "--full", "--no-repair");
        Assert.Contains("gate.yml: error PTG2006: ", place.Out, StringComparison.Ordinal); // not its model
        Assert.Contains(said, place.Out, StringComparison.Ordinal);
        Assert.Equal(3, code); // whatever the policy makes of gates that are not measured
    }

    [Fact]
    public async Task A_check_whose_engine_dies_says_it_everywhere_and_measures_nothing()
    {
        using var place = new Workplace(
            """
            version: 1
            model: model.onnx
            data: { source: data.csv, label: y }
            gates:
              - accuracy: { min: 0.1 }
            """
        );
        File.Copy(CaseFolder.Of("hostile/divmin.onnx"), place.Folder.Path("model.onnx"));
        place.Folder.Write(
            "data.csv",
            "a,b,c,d,y\n" + string.Concat(Enumerable.Range(0, 90).Select(i => $"0.{i % 10},0.2,0.3,0.4,{i % 3}\n"))
        );
        var code = await place.RunAsync(SupervisedEngine.Run, "--no-cache");
        Assert.Equal(3, code);
        Assert.Contains("posttraingate.yml(2,8): error PTG2006: ", place.Out, StringComparison.Ordinal);
        var result = GateJson.Parse(File.ReadAllText(place.Folder.Path("posttraingate-report/gate-result.json")));
        Assert.Equal(RunOutcome.Undecided, result.Outcome);
        Assert.All(result.Gates, gate => Assert.Equal(Verdict.NotMeasured, gate.Original.Verdict));
    }

    [Fact]
    public void A_run_in_a_worker_gives_what_one_in_this_process_gives()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[] { "posttraingate.yml", "model.onnx", "credit.csv", "history/epoch-002.onnx" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.Path(name))!);
            File.Copy(Path.Combine(Fixtures.Repository, "samples/credit", name), folder.Path(name));
        }
        var policy = PolicyReader.Read(folder.Path("posttraingate.yml")).Policy!;
        var here = Gate.Run(policy, new() { Repair = false }, null, TestContext.Current.CancellationToken);
        var there = SupervisedEngine.Run(policy, new() { Repair = false }, null, TestContext.Current.CancellationToken);
        var json = new GateJson();
        Assert.Equal(
            json.Render(here with { Seconds = 0, Run = null }),
            json.Render(there with { Seconds = 0, Run = null })
        );
    }

    [Fact]
    public void Predictions_are_gated_in_a_worker_too()
    {
        using var folder = new TemporaryFolder();
        folder.Write("data.csv", "y,p\n" + string.Concat(Enumerable.Range(0, 200).Select(i => $"{i % 2},{i % 2}\n")));
        var file = folder.Write(
            "posttraingate.yml",
            """
            version: 1
            data: { source: data.csv, label: y, prediction: p }
            gates: [accuracy: { min: 0.8 }]
            """
        );
        var result = SupervisedEngine.Run(
            PolicyReader.Read(file).Policy!,
            null,
            null,
            TestContext.Current.CancellationToken
        );
        Assert.Equal(1, result.Gates[0].Original.Value);
    }

    [Fact]
    public void A_result_comes_through_the_pipe_as_it_is() =>
        Assert.All(
            [
                SampleResults.Passed,
                SampleResults.Repaired,
                SampleResults.Undecided,
                SampleResults.Rejected,
                SampleResults.Hostile,
                SampleResults.Passed with
                {
                    Model = null,
                },
            ],
            result =>
            {
                var again = EngineJson.Reply(
                    Encoding.UTF8.GetString(EngineJson.Line(new EngineReply { Result = result, Kept = 7 }))
                )!;
                var json = new GateJson();
                Assert.Equal(json.Render(result), json.Render(again.Result!));
                Assert.Equal(7, again.Kept);
            }
        );

    [Fact]
    public void A_message_whose_writer_was_ended_is_none()
    {
        var line = Encoding.UTF8.GetString(
            EngineJson.Line(new EngineReply { Result = SampleResults.Passed, Kept = 7 })
        );
        Assert.All(Enumerable.Range(0, line.Length - 2), length => Assert.Null(EngineJson.Reply(line[..length])));
    }

    [Fact]
    public async Task A_pipe_is_no_file()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "pipes are told from files on Linux");
        using var place = new Workplace();
        foreach (
            var (name, said) in new[]
            {
                ("data/german.csv", "PTG1009: 'source' is 'data/german.csv'"),
                ("posttraingate.yml", "PTG1001: "),
            }
        )
        {
            File.Delete(place.Folder.Path(name));
            Assert.Equal(0, Processes.Run("mkfifo", [place.Folder.Path(name)]).Code);
            Assert.Equal(2, await place.RunAsync(SampleResults.Passed));
            Assert.Contains(said, place.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_worker_ends_with_its_supervisor()
    {
        var worker = EngineProcess.Start();
        var id = worker.Id;
        worker.CloseInput(); // as the system does when the supervisor is killed
        using var process = Process.GetProcessById(id);
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)));
        worker.Dispose();
    }
}
