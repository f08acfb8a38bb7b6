using System.Text.RegularExpressions;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

public partial class CheckTests
{
    [Fact]
    public async Task The_console_says_why_a_figure_has_no_verdict()
    {
        using var place = new Workplace();
        var passed = SampleResults.Passed;
        var gate = passed.Gates[0];
        var original = gate.Original with
        {
            Verdict = Verdict.NotMeasured,
            Reason = "there is no base branch model to compare with",
        };
        await place.RunAsync(passed with { Gates = [gate with { Original = original }, .. passed.Gates.Skip(1)] });
        Assert.Contains(
            $"{gate.Title}: there is no base branch model to compare with.\n",
            place.Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Json_is_all_that_standard_output_gets()
    {
        using var place = new Workplace();
        Assert.Equal(1, await place.RunAsync(SampleResults.Repaired, "--format", "json"));
        var written = File.ReadAllText(place.Folder.Path("posttraingate-report/gate-result.json"));
        Assert.Equal(written, place.Out);
        Assert.Contains("error PTG4001: ", place.Error, StringComparison.Ordinal);
        Assert.Equal(
            2,
            await place.RunAsync(
                (_, _, _, _) => throw new GateException(new Diagnostic("PTG2001", "Broken.")),
                "--format",
                "json"
            )
        );
        Assert.Equal(written, place.Out);
    }

    [Fact]
    public async Task A_log_is_plain_text()
    {
        using var place = new Workplace();
        await place.RunAsync(SampleResults.Repaired);
        Assert.DoesNotContain('\u001b', place.Out);
        Assert.All(place.Out.Split('\n'), line => Assert.Equal(line.TrimEnd(), line));
        Assert.Matches(
            @"statistical parity difference by sex +│ at most 0.1 in absolute value +│ -0.181 \[-0.250, -0.108\] +│ "
                + @"-0.187 \[-0.259, -0.115\] +│ 0.021 \[-0.048, 0.090\] \+0.208 +│ fail -> pass",
            place.Out
        );
        Assert.Contains(
            "Failed: 2 of 5 gates failed, 1 inconclusive, 1 not measured; a repaired model that passes 3 of 5 is "
                + "proposed\n",
            place.Out,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "Repair: fmt repairs both failed gates on the test split under fresh attacks. Accuracy 0.757 → 0.750 "
                + "(-0.007); 4.3 % of the predictions change: 5 corrected, 7 broken of 300.\n"
                + "Worse: accuracy of class refused: 0.900 → 0.820, worse by 0.080 [-0.010, 0.170]; may be chance\n"
                + "Worse: highest calibration error by age: 0.061 → 0.085, worse by 0.024 [-0.066, 0.114]; accepted by "
                + "the policy\n"
                + "The time limit of 1h30m came before the effort was spent; a longer limit may find more.\n",
            place.Out,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "Next: Review the repaired model models/credit.repaired.onnx",
            place.Out,
            StringComparison.Ordinal
        );
        Assert.Contains("(badge.json, gate-result.json, gate-report.md)\n", place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Candidates_that_nothing_beats_are_listed_on_demand()
    {
        using var place = new Workplace();
        await place.RunAsync(SampleResults.Repaired, "-v", "detailed");
        var rows = place.Out.Split('\n').Where(l => l.StartsWith("  fmt-dual", StringComparison.Ordinal)).ToArray();
        Assert.Equal(2, rows.Length);
        Assert.Matches(@"fmt-dual, 60 % of the way +│ 0.758 +│ 0.400 +│ 0.000 +│ 2 % +│", rows[0]);
        Assert.Matches(@"fmt-dual \(chosen\) +│ 0.755 +│ 0.000 +│ 0.010 +│ 4.5 % +│", rows[1]);
        Assert.DoesNotContain("adversarial ", place.Out, StringComparison.Ordinal);
        Assert.Contains("3 other candidates were tried: ", place.Out, StringComparison.Ordinal);
        Assert.Contains("dare was not tried: no gate of robustness to spectra\n", place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Thousands_of_candidates_are_a_few_rows()
    {
        using var place = new Workplace();
        await place.RunAsync(SampleResults.Huge(1, 2000), "-v", "detailed");
        Assert.Equal(8, place.Out.Split('\n').Count(l => l.StartsWith("  candidate ", StringComparison.Ordinal)));
        Assert.Contains("(chosen)", place.Out, StringComparison.Ordinal);
        Assert.Equal(2000, Worse(place.Out));
        using var normal = new Workplace();
        await normal.RunAsync(SampleResults.Huge(1, 2000));
        Assert.Equal(21, Worse(normal.Out));
        Assert.Contains("Worse: 1980 more measures; see the reports.\n", normal.Out, StringComparison.Ordinal);

        static int Worse(string text) => text.Split('\n').Count(l => l.StartsWith("Worse: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_name_is_neither_markup_nor_a_control_code()
    {
        using var place = new Workplace();
        await place.RunAsync(
            SampleResults.Hostile with
            {
                Gates = [SampleResults.Hostile.Gates[0] with { Title = "[red]x[/] [[ \u001b[31m ]" }],
            }
        );
        Assert.Contains("[red]x[/] [[  [31m ]", place.Out, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', place.Out);
    }

    [Fact]
    public async Task A_terminal_has_color_unless_it_is_unwanted()
    {
        foreach (var unwanted in new[] { false, true })
        {
            using var place = new Workplace();
            if (unwanted)
                place.Variables["NO_COLOR"] = "1";
            place.Host = place.Host with { OutIsTerminal = true };
            var (term, old) = ("TERM", Environment.GetEnvironmentVariable("TERM"));
            Environment.SetEnvironmentVariable(term, "xterm-256color");
            try
            {
                await place.RunAsync(SampleResults.Passed);
            }
            finally
            {
                Environment.SetEnvironmentVariable(term, old);
            }

            Assert.Equal(!unwanted, Color().IsMatch(place.Out));
        }
    }

    [Fact]
    public async Task Progress_does_not_flood_a_log()
    {
        using var place = new Workplace();
        await place.RunAsync(
            (_, _, progress, _) =>
            {
                for (var i = 0; i < 100_000; i++)
                    progress!.Report(new($"stage {i / 1000}", i % 1000 / 1000.0));
                return SampleResults.Passed;
            }
        );
        Assert.StartsWith("stage 0 0 % (0 s)\n", place.Error, StringComparison.Ordinal);
        Assert.InRange(place.Error.Split('\n').Length, 2, 10);
    }

    [Fact]
    public async Task Quiet_is_the_outcome_alone()
    {
        using var place = new Workplace();
        await place.RunAsync(SampleResults.Passed, "-v", "quiet");
        Assert.Equal("Passed: the gate passed\n", place.Out);
    }

    [Fact]
    public async Task MSBuild_gets_one_canonical_line_a_finding()
    {
        using var place = new Workplace();
        Assert.Equal(1, await place.RunAsync(SampleResults.Repaired, "--format", "msbuild"));
        var lines = place.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var canonical = lines.Select(l => Canonical().Match(l)).Where(m => m.Success).ToArray();
        Assert.Equal(
            ["error PTG4001", "error PTG4001", "error PTG4003", "warning PTG4002", "message PTG5001"],
            canonical.Select(m => m.Groups["what"].Value)
        );
        Assert.Equal(["22,5", "24,5", "26,5", "25,5", ""], canonical.Select(m => m.Groups["at"].Value));
        Assert.StartsWith(
            "PostTrainGate samples/credit/posttraingate.yml: Failed: ",
            lines[^1],
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_hostile_name_makes_no_line_of_its_own()
    {
        using var place = new Workplace();
        var hostile = SampleResults.Hostile;
        await place.RunAsync(hostile, "--format", "msbuild");
        Assert.Equal(
            hostile.Diagnostics.Length + 1,
            place.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length
        );
    }

    [GeneratedRegex(
        @"^(posttraingate|samples/credit/posttraingate\.yml(\((?<at>\d+,\d+)\))?): (?<what>(error|warning|message) "
            + @"PTG\d{4}): .+$"
    )]
    private static partial Regex Canonical();

    [GeneratedRegex("\u001b\\[[0-9;]*3[0-9;]*m")]
    private static partial Regex Color();
}
