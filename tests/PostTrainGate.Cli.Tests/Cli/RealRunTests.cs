using System.Text.Json.Nodes;
using PostTrainGate.Cli;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>The command line with the engine behind it, on the credit sample.</summary>
public sealed class RealRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public RealRunTests()
    {
        var sample = Path.Combine(Fixtures.Repository, "samples/credit");
        foreach (var name in new[] { "posttraingate.yml", "model.onnx", "credit.csv", "history/epoch-002.onnx" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder.Path(name))!);
            File.Copy(Path.Combine(sample, name), _folder.Path(name));
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_base_branchs_model_is_measured_beside_the_changed_one()
    {
        Policy("{ min: 0.65 }", "{ min: 0.65, drop: 0.01 }");
        Git("init", "-q", "-b", "main");
        Git("add", "-A");
        Git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "base");
        var (_, before, _) = await Check();
        Assert.Equal(Verdict.NotMeasured, before.Gates[0].Original.Verdict); // nothing to compare with

        var (_, same, unchanged) = await Check("--base", "main");
        Assert.True(same.Base!.Unchanged);
        Assert.All(same.Gates, g => Assert.Equal(g.Original.Value, g.Base!.Value));
        Assert.Contains("The model is unchanged", unchanged, StringComparison.Ordinal);

        File.Copy(_folder.Path("history/epoch-002.onnx"), _folder.Path("model.onnx"), overwrite: true);
        Policy("drop: 0.01", "drop: 0.9");
        var (code, after, text) = await Check("--base", "main");
        Assert.Equal(before.Gates[0].Original.Value, after.Gates[0].Base!.Value);
        Assert.NotEqual(after.Gates[0].Base!.Value, after.Gates[0].Original.Value);
        Assert.Equal(0.01, after.Gates[0].Drop); // not the changed policy's 0.9
        Assert.Equal(after.ExitCode, code);
        Assert.All(after.Gates, g => Assert.NotNull(g.Base!.Value)); // no other gate has a drop
        Assert.Equal(40, after.Base!.Commit!.Length);
        var flips = after.Base.Flips!;
        Assert.Equal(
            after.Gates[0].Original.Value!.Value - after.Gates[0].Base!.Value!.Value,
            (flips.Corrected - flips.Broken) / (double)flips.Rows,
            1e-9
        );
        Assert.Matches("warning PTG6003: .*'accuracy'", text);
    }

    [Theory]
    [InlineData("", "", 1, "error PTG4001")]
    [InlineData("", "--severity=warning", 0, "warning PTG4001")]
    [InlineData("severity: warning,", "", 0, "warning PTG4001")]
    [InlineData("severity: note,", "", 0, "message PTG4001")]
    [InlineData("accept: { until: 2999-12-31, reason: not retrained yet },", "", 0, "warning PTG4001")]
    [InlineData(
        "accept: { until: 2999-12-31, reason: not retrained yet },",
        "",
        0,
        "Accepted until 2999-12-31: not retr"
    )]
    [InlineData("accept: { until: 2020-12-31, reason: not retrained yet },", "", 1, "error PTG4001")]
    [InlineData("accept: { until: 2020-12-31, reason: not retrained yet },", "", 1, "until 2020-12-31, which is over")]
    public async Task A_gate_that_fails_weighs_what_the_policy_says(string keys, string option, int code, string line)
    {
        Policy("{ group: age, max: 0.10 }", $"{{ group: age, {keys} max: 0.10 }}");
        string[] args = ["--format=msbuild", .. option.Length > 0 ? [option] : Array.Empty<string>()];
        var (ended, result, text) = await Check(args);
        Assert.Equal(code, ended);
        Assert.Equal(Verdict.Fail, result.Gates[1].Original.Verdict); // whatever it weighs
        Assert.Contains(line, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_base_that_does_not_fit_the_data_is_in_nobodys_way()
    {
        var digits = Path.Combine(Fixtures.Repository, "samples/digits/model.onnx");
        var (_, alone, _) = await Check();
        var (_, result, text) = await Check("--base-model", digits);
        Assert.Null(result.Base);
        Assert.Equal(alone.Gates[0].Original.Value, result.Gates[0].Original.Value);
        Assert.Contains("cannot be measured, so nothing is compared with it: ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_run_gives_the_same_result_but_for_its_time()
    {
        await Check();
        var first = File.ReadAllText(_folder.Path("posttraingate-report/gate-result.json"));
        await Check();
        var second = File.ReadAllText(_folder.Path("posttraingate-report/gate-result.json"));
        Assert.Equal(Untimed(first), Untimed(second));
    }

    private static string Untimed(string json)
    {
        var root = JsonNode.Parse(json)!.AsObject();
        Assert.True(root.Remove("seconds") && root.Remove("run"));
        return root.ToJsonString(new() { WriteIndented = true });
    }

    [Fact]
    public async Task A_run_that_is_broken_off_goes_on_and_ends_as_one_that_was_not_and_as_a_full_one()
    {
        using var digits = new TemporaryFolder();
        foreach (var name in new[] { "posttraingate.yml", "model.onnx", "digits.csv" })
            File.Copy(Path.Combine(Fixtures.Repository, "samples/digits", name), digits.Path(name));
        var policy = digits.Path("posttraingate.yml");
        var text = File.ReadAllText(policy);
        var end = text.IndexOf("repair:\n", StringComparison.Ordinal);
        // Takes many rows.
        File.WriteAllText(policy, text[..end].Replace("min: 0.65", "min: 0.57", StringComparison.Ordinal));
        string[] check = ["check", digits.Root, "--no-repair", "--cache"];
        string Json() => File.ReadAllText(digits.Path("posttraingate-report/gate-result.json"));

        using (var place = new Workplace())
            await CommandLine.RunAsync(
                [.. check, digits.Path("whole")],
                place.Host,
                TestContext.Current.CancellationToken
            );
        var whole = Json();
        var attacked = GateJson.Parse(whole).Gates[1].Original.Attacked!;
        Assert.InRange(attacked.Inputs, 100, attacked.Of);

        using (var place = new Workplace())
        {
            using var interrupt = new CancellationTokenSource();
            var host = place.Host with
            {
                Run = (p, options, _, cancel) =>
                    Gate.Run(
                        p,
                        options,
                        new Relay<RunProgress>(told =>
                        {
                            if (told.Stage.Contains("robust", StringComparison.Ordinal) && told.Done > 0.56)
                                interrupt.Cancel();
                        }),
                        cancel
                    ),
            };
            Assert.Equal(130, await CommandLine.RunAsync([.. check, digits.Path("broken off")], host, interrupt.Token));
            Assert.Matches(
                @"canceled; no file was changed\. The finished work is kept in .*; run the same command",
                place.Error
            );
            Assert.Equal(whole, Json());
        }

        // The second time all of it is there.
        foreach (var folder in new[] { "broken off", "broken off", "whole" })
        {
            using var place = new Workplace();
            await CommandLine.RunAsync(
                [.. check, digits.Path(folder)],
                place.Host,
                TestContext.Current.CancellationToken
            );
            Assert.Equal(Lines(whole), Lines(Json()));
        }

        using (var place = new Workplace())
            await CommandLine.RunAsync(
                [.. check, digits.Path("whole"), "--full"],
                place.Host,
                TestContext.Current.CancellationToken
            );
        var full = GateJson.Parse(Json());
        Assert.EndsWith("--no-repair --full", full.Reproduce, StringComparison.Ordinal);
        Assert.Equal(attacked with { Inputs = attacked.Of }, full.Gates[1].Original.Attacked);
        Assert.Equal(GateJson.Parse(whole).Gates[1].Original.Verdict, full.Gates[1].Original.Verdict);

        static IEnumerable<string> Lines(string json) => Untimed(json).Split('\n');
    }

    [Fact]
    public async Task A_model_that_is_none_is_named_at_the_policys_line()
    {
        File.WriteAllText(_folder.Path("model.onnx"), "this is no model");
        using var place = new Workplace();
        Assert.Equal(
            2,
            await CommandLine.RunAsync(
                ["check", _folder.Root, "--format", "msbuild"],
                place.Host,
                TestContext.Current.CancellationToken
            )
        );
        Assert.Matches(@"(?m)^\S*posttraingate\.yml\(5,8\): error PTG2001: ", place.Out);
    }

    private async Task<(int Code, GateResult Result, string Text)> Check(params string[] args)
    {
        using var place = new Workplace();
        var code = await CommandLine.RunAsync(
            ["check", _folder.Root, "--no-repair", .. args],
            place.Host,
            TestContext.Current.CancellationToken
        );
        Assert.True(code is 0 or 1 or 3, place.Error);
        return (
            code,
            GateJson.Parse(File.ReadAllText(_folder.Path("posttraingate-report/gate-result.json"))),
            place.Out
        );
    }

    private void Policy(string before, string after)
    {
        var file = _folder.Path("posttraingate.yml");
        var text = File.ReadAllText(file);
        Assert.Contains(before, text, StringComparison.Ordinal);
        File.WriteAllText(file, text.Replace(before, after, StringComparison.Ordinal));
    }

    private void Git(params string[] arguments)
    {
        var (code, _, error) = Processes.Run("git", arguments, folder: _folder.Root);
        Assert.True(code == 0, error);
    }
}
