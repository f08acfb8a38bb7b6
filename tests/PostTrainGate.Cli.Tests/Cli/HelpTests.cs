using PostTrainGate.Cli;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>What helps on: the help itself, the doctor, explanations, completion.</summary>
public sealed class HelpTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task No_arguments_show_the_help()
    {
        Assert.Equal(0, await Run());
        Assert.Contains("init <model> <data>", _place.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--device", "gpu", "auto, cpu, cuda")]
    [InlineData("--severity", "high", "error, warning, note")]
    [InlineData("-v", "loud", "quiet, normal, detailed")]
    [InlineData("--fix", "push", "artifact, commit, pull-request")]
    public async Task A_value_that_an_option_does_not_take_is_answered_with_those_that_it_takes(
        string option,
        string value,
        string values
    )
    {
        Assert.Equal(2, await Run("check", option, value));
        Assert.Matches($"error PTG9002: '{value}' is no value of '--[a-z]+'; it takes {values}\\.", _place.Error);
    }

    [Fact]
    public async Task The_doctor_finds_what_is_there_and_what_is_not()
    {
        new GitFolder(_place.Folder.Root).Commit("first");
        Assert.Equal(0, await Run("doctor", _place.Folder.Root));
        Assert.Contains("✓ engine: libtorch and ONNX Runtime load", _place.Out, StringComparison.Ordinal);
        Assert.Contains("✓ git: repository ", _place.Out, StringComparison.Ordinal);
        Assert.Contains("✓ policy: ", _place.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('✗', _place.Out);

        File.WriteAllText(_place.PolicyFile, "version: 2");
        _place.Host = _place.Host with { CacheFolder = Path.Combine(_place.PolicyFile, "cache") };
        Assert.Equal(1, await Run("doctor", _place.Folder.Root));
        Assert.Contains("✗ cache: ", _place.Out, StringComparison.Ordinal);
        Assert.Contains("✗ policy: ", _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_doctor_misses_a_token_in_actions()
    {
        _place.Variables["GITHUB_ACTIONS"] = "true";
        Assert.Equal(1, await Run("doctor", _place.Folder.Root));
        Assert.Contains("✗ GitHub: no token", _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gate_is_explained_by_groups_and_counts()
    {
        var sample = Path.Combine(Fixtures.Repository, "samples/credit");
        foreach (var name in new[] { "posttraingate.yml", "model.onnx", "credit.csv" })
            File.Copy(Path.Combine(sample, name), _place.Folder.Path(name), overwrite: true);
        var text = File.ReadAllText(_place.PolicyFile);
        File.WriteAllText(_place.PolicyFile, text[..text.IndexOf("repair:\n", StringComparison.Ordinal)]);
        Assert.Equal(0, await Run("explain", "parity", _place.Folder.Root));
        Assert.Contains("statistical parity difference by age: -0.250 ", _place.Out, StringComparison.Ordinal);
        Assert.Matches(@"selection rate by age +│ Value +│ Rows", _place.Out);
        // Rows of the two groups are those of the test split, and favored ones those of the rate.
        var rows = _place
            .Out.Split('\n')
            .SkipWhile(l => !l.Contains("Favorable label", StringComparison.Ordinal))
            .Select(l => l.Split('│', StringSplitOptions.TrimEntries))
            .Where(c => c.Length == 6 && int.TryParse(c[1], out _))
            .Select(c => c.Skip(1).Select(int.Parse).ToArray())
            .ToArray();
        Assert.Equal(600, rows.Sum(r => r[0]));
        Assert.All(rows, r => Assert.Equal(r[0], r[1] + r[3]));
        var rates = rows.Select(r => (r[2] + r[4]) / (double)r[0]).ToArray();
        Assert.Equal(0.250, Math.Abs(rates[0] - rates[1]), 0.0006);
    }

    [Theory]
    [InlineData(Severity.Error, "at least 0.9: fail\n")]
    [InlineData(Severity.Warning, "at least 0.9: fail, a warning\n")]
    [InlineData(Severity.Note, "at least 0.9: fail, a note\n")]
    public async Task A_verdict_is_explained_in_the_consoles_words(Severity severity, string words)
    {
        var result = Reporting.SampleResults.Rejected;
        result = result with { Gates = [result.Gates[0] with { Severity = severity }] };
        _place.Host = _place.Host with { Run = (_, _, _, _) => result };
        Assert.Equal(0, await Run("explain", "1", _place.PolicyFile));
        Assert.Contains(words, _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_accepted_failure_is_explained_as_accepted()
    {
        var result = Reporting.SampleResults.Rejected;
        var accepted = new AcceptedFailure(new(2999, 12, 31), "not retrained yet");
        result = result with { Gates = [result.Gates[0] with { Severity = Severity.Warning, Accepted = accepted }] };
        _place.Host = _place.Host with { Run = (_, _, _, _) => result };
        Assert.Equal(0, await Run("explain", "1", _place.PolicyFile));
        Assert.Contains("at least 0.9: fail, accepted until 2999-12-31\n", _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gate_that_is_not_there_names_those_that_are_before_anything_is_measured()
    {
        Assert.Equal(2, await Run("explain", "9", _place.Folder.Path("other.yml")));
        Assert.Contains("PTG1001", _place.Error, StringComparison.Ordinal);
        _place.Host = _place.Host with { Run = (_, _, _, _) => throw new InvalidOperationException("not reached") };
        Assert.Equal(2, await Run("explain", "9", _place.PolicyFile));
        Assert.Contains("PTG1010: No gate has the number or name '9'; the gates are 1 (", _place.Error);
    }

    [Theory]
    [InlineData("posttraingate ch", "check")]
    [InlineData("posttraingate check --fi", "--fix")]
    [InlineData("posttraingate check --fix ", "pull-request")]
    [InlineData("posttraingate init --sens", "--sensitive")]
    public async Task A_shell_learns_what_could_follow(string line, string expected)
    {
        Assert.Equal(0, await Run($"[suggest:{line.Length}]", line));
        Assert.Contains(expected, _place.Out.ReplaceLineEndings("\n").Split('\n'));
    }

    [Fact]
    public async Task The_script_for_bash_completes_a_command()
    {
        Assert.Equal(0, await Run("completion", "bash"));
        var script = _place.Folder.Write(
            "try.sh",
            _place.Out
                + """
                posttraingate() { [ "$1" = "[suggest:16]" ] && [ "$2" = "posttraingate ch" ] && printf 'check\nother\n'; }
                COMP_WORDS=(posttraingate ch); COMP_LINE="posttraingate ch"; COMP_POINT=16
                _posttraingate posttraingate ch posttraingate
                echo "${COMPREPLY[@]}"
                """
        );
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs bash");
        var (code, output, error) = Processes.Run("bash", [script]);
        Assert.True(code == 0, error);
        Assert.Equal("check", output.Trim());
    }

    private Task<int> Run(params string[] args) =>
        CommandLine.RunAsync(args, _place.Host, TestContext.Current.CancellationToken);
}
