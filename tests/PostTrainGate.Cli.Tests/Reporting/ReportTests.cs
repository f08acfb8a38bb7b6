using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reporting;
using SkiaSharp;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

public partial class ReportTests
{
    private static readonly GateJson Json = new();

    public static TheoryData<string> Samples => ["Passed", "Repaired", "Undecided", "Rejected", "Hostile"];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Json_comes_back_as_it_was(string sample)
    {
        var text = Json.Render(Sample(sample));
        Assert.Equal(text, Json.Render(GateJson.Parse(text)));
    }

    [Fact]
    public void Json_is_snake_case_versioned_and_complete()
    {
        var root = JsonNode.Parse(Json.Render(SampleResults.Repaired))!.AsObject();
        Assert.Equal(1, (int)root["version"]!);
        Assert.Equal("failed", (string)root["outcome"]!);
        Assert.Equal(1, (int)root["exit_code"]!);
        var gates = root["gates"]!.AsArray();
        Assert.Equal("near_zero", (string)gates[1]!["better"]!);
        Assert.Equal(0.1, (double)gates[1]!["max"]!);
        Assert.Equal("not_measured", (string)gates[4]!["original"]!["verdict"]!);
        Assert.True(gates[4]!["original"]!.AsObject().ContainsKey("value"));
        Assert.Null(gates[4]!["original"]!["value"]);
        Assert.Equal(22, (int)gates[1]!["position"]!["line"]!);
    }

    [Fact]
    public void Two_runs_differ_in_one_line_of_the_json_only()
    {
        var (a, b) = (Json.Render(SampleResults.Repaired), Json.Render(SampleResults.Repaired with { Seconds = 99 }));
        Assert.Single(a.Split('\n').Zip(b.Split('\n')), lines => lines.First != lines.Second);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Json_knows_no_number_that_is_none(double value)
    {
        var passed = SampleResults.Passed;
        var result = passed with
        {
            Gates = [passed.Gates[0] with { Original = new(0.5, 0.4, value, 10, Verdict.Inconclusive) }],
        };
        using var parsed = JsonDocument.Parse(Json.Render(result));
        Assert.Equal(
            JsonValueKind.Null,
            parsed.RootElement.GetProperty("gates")[0].GetProperty("original").GetProperty("upper").ValueKind
        );
    }

    [Fact]
    public void Json_of_another_version_is_refused() =>
        Assert.Throws<JsonException>(() => GateJson.Parse(Json.Render(SampleResults.Passed with { Version = 2 })));

    [Fact]
    public void Junit_counts_what_it_lists()
    {
        var suite = XDocument.Parse(new JUnitReport().Render(SampleResults.Repaired)).Root!.Element("testsuite")!;
        Assert.Equal(5, (int)suite.Attribute("tests")!);
        // Two fail, one not measured fails by default.
        Assert.Equal(3, suite.Elements("testcase").Count(c => c.Element("failure") is not null));
        Assert.Equal((int)suite.Attribute("failures")!, suite.Descendants("failure").Count());
        Assert.Equal((int)suite.Attribute("skipped")!, suite.Descendants("skipped").Count());
        var demanded = XDocument.Parse(new JUnitReport().Render(SampleResults.Undecided));
        Assert.Single(demanded.Descendants("failure"));
    }

    [Fact]
    public void Junit_of_hostile_names_is_well_formed()
    {
        var cases = XDocument.Parse(new JUnitReport().Render(SampleResults.Hostile)).Descendants("testcase").ToArray();
        Assert.Equal(Untrusted.Clean(SampleResults.Hostile.Gates[0].Title), (string)cases[0].Attribute("name")!);
    }

    [Theory]
    [InlineData("Repaired")]
    [InlineData("Hostile")]
    public void Sarif_satisfies_Microsofts_validator(string sample)
    {
        var tool = Contract.Module("@microsoft/sarif-multitool-linux/Sarif.Multitool");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(tool, File.GetUnixFileMode(tool) | UnixFileMode.UserExecute);
        using var folder = new TemporaryFolder();
        var file = folder.Write("gate.sarif", new SarifReport().Render(Sample(sample)));
        var (_, output, error) = Processes.Run(
            tool,
            ["validate", file, "--output", folder.Path("log.sarif"), "--log", "ForceOverwrite"]
        );
        Assert.Contains("Analysis completed successfully", output, StringComparison.Ordinal);
        // That one asks for a home page.
        Assert.DoesNotContain(Finding().Matches(output + error).Select(m => m.Value), rule => rule != "SARIF2005");
    }

    [Fact]
    public void Sarif_points_at_the_policys_lines()
    {
        var results = JsonNode.Parse(new SarifReport().Render(SampleResults.Repaired))!["runs"]![0]![
            "results"
        ]!.AsArray();
        var failed = results.Where(r => (string)r!["ruleId"]! == DiagnosticCodes.GateFailed).ToArray();
        Assert.Equal(
            [22, 24],
            failed.Select(r => (int)r!["locations"]![0]!["physicalLocation"]!["region"]!["startLine"]!)
        );
        Assert.All(failed, r => Assert.Equal("error", (string)r!["level"]!));
        Assert.Equal(
            results.Count,
            results.Select(r => (string)r!["partialFingerprints"]!["posttraingateGate/v1"]!).Distinct().Count()
        );
    }

    [Fact]
    public void An_alert_stays_the_same_while_its_value_moves()
    {
        var passed = SampleResults.Rejected;
        string Print(double value)
        {
            var gates = passed.Gates.Select(g => g with { Original = g.Original with { Value = value } });
            var diagnostics = passed.Diagnostics.Select(d => d with { Message = $"{d.Message} {value}" });
            var sarif = new SarifReport().Render(passed with { Gates = [.. gates], Diagnostics = [.. diagnostics] });
            return (string)
                JsonNode.Parse(sarif)!["runs"]![0]!["results"]![0]!["partialFingerprints"]!["posttraingateGate/v1"]!;
        }

        Assert.Equal(Print(0.7), Print(0.6));
    }

    [Fact]
    public void Html_is_one_page_without_script_network_or_foreign_markup()
    {
        var page = new HtmlReport().Render(SampleResults.Hostile);
        Assert.DoesNotMatch("<(script|img|link|iframe|b>\\.onnx)", page);
        Assert.DoesNotMatch("(src|href)=[^x]", page);
        Assert.Contains("Content-Security-Policy", page, StringComparison.Ordinal);
        Assert.InRange(page.Length, 1000, 20_000);
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Html_draws_every_judged_interval()
    {
        var page = new HtmlReport().Render(SampleResults.Repaired);
        // The fifth gate was not measured; one gate has a breakdown; candidates have a picture of their own.
        Assert.Equal(6, Regex.Count(page, "<svg"));
        Assert.Equal(19, Regex.Count(page, "<circle class=\"(pass|fail|open|none)\""));
    }

    [Fact]
    public void Html_shows_what_a_value_is_made_of_before_and_after()
    {
        var page = new HtmlReport().Render(SampleResults.Repaired);
        Assert.Matches(
            "<summary>accuracy by class</summary>\\s.*<th scope=\"row\">granted</th><td>0.614<br><small>[^<]*, 210 rows"
                + "</small></td><td>0.680<br><small>[^<]*, 210 rows</small></td>",
            page
        );
    }

    [Fact]
    public void Html_of_a_thousand_classes_shows_the_lowest_and_says_where_the_others_are()
    {
        var gate = SampleResults.Passed.Gates[0];
        var parts = Enumerable.Range(0, 1000).Select(i => new BreakdownPart($"class {i}", 1 - i / 1000.0, 0, 1, 50));
        var original = gate.Original with { Breakdowns = [new("accuracy by class", [.. parts])] };
        var after = original with
        {
            Breakdowns = [new("accuracy by class", [.. parts.Select(p => p with { Value = p.Value / 2 })])],
        };
        var page = new HtmlReport().Render(
            SampleResults.Passed with
            {
                Gates = [gate with { Original = original, Repaired = after }],
            }
        );
        Assert.Equal(50, Regex.Count(page, "<th scope=\"row\">class \\d+</th>"));
        Assert.Matches("class 999</th><td>0.001<br>.*</td><td>0.001<br>", page); // 0.001 and half of it, rounded
        Assert.Matches("class 950</th><td>0.050<br>.*</td><td>0.025<br>", page);
        Assert.Contains(
            "The 50 lowest of 1,000: see <code>gate-result.json</code> for all.",
            page,
            StringComparison.Ordinal
        );
    }

    // What is seen is what was given: every image is decoded again from the page.
    [Fact]
    public void Html_shows_the_most_fragile_inputs_as_images_within_the_page()
    {
        var gate = SampleResults.Passed.Gates[0];
        byte[] gray = [0, 128, 255, 10, 20, 30];
        byte[] color = [.. Enumerable.Range(0, 18).Select(i => (byte)(i * 14))];
        var fragile = ImmutableArray.Create(
            new FragileInput(7, "cat", "dog", 0.0123)
            {
                Place = "pets/cat/tom & co.png",
                Image = new(3, 2, 1, [.. gray], [.. gray.Reverse()], [.. gray], 40),
            },
            new FragileInput(8, "dog", "cat", 0.5)
            {
                Image = new(3, 2, 3, [.. color], [.. color], [.. color.Reverse()], 1),
            }
        );
        var result = SampleResults.Passed with
        {
            Gates = [gate with { Original = gate.Original with { Fragile = fragile } }],
        };
        var page = new HtmlReport().Render(result);
        Assert.Contains("img-src data:", page, StringComparison.Ordinal);
        Assert.Contains(
            "pets/cat/tom &amp; co.png: <b>cat</b> is predicted as <b>dog</b>",
            page,
            StringComparison.Ordinal
        );
        Assert.Contains("row 8 of the split: <b>dog</b> is predicted as <b>cat</b>", page, StringComparison.Ordinal);
        Assert.Contains("perturbation × 40", page, StringComparison.Ordinal);
        var shown = Regex
            .Matches(page, "src=\"data:image/png;base64,([^\"]+)\"")
            .Select(m => Decoded(Convert.FromBase64String(m.Groups[1].Value)))
            .ToArray();
        Assert.Equal(
            [Rgb(gray, 1), Rgb([.. gray.Reverse()], 1), Rgb(gray, 1), color, color, [.. color.Reverse()]],
            shown
        );
        Assert.DoesNotContain("image", new GateJson().Render(result), StringComparison.Ordinal);
        Assert.Equal(
            fragile
                .Select(f => f with { Image = null })
                .Select(f => $"{f.Row} {f.Place} {f.Label} {f.Predicted} {f.Size}"),
            GateJson
                .Parse(new GateJson().Render(result))
                .Gates[0]
                .Original.Fragile.Select(f => $"{f.Row} {f.Place} {f.Label} {f.Predicted} {f.Size}")
        );

        static byte[] Decoded(byte[] png)
        {
            using var bitmap = SKBitmap.Decode(png);
            return [.. bitmap.Pixels.SelectMany(p => new[] { p.Red, p.Green, p.Blue })];
        }

        static byte[] Rgb(byte[] values, int channels) =>
            [.. values.SelectMany(v => Enumerable.Repeat(v, 3 / channels))];
    }

    [Fact]
    public void Html_draws_robust_accuracy_over_epsilon_as_a_curve()
    {
        var gate = SampleResults.Passed.Gates[0];
        Breakdown Curve(double shift) =>
            new(
                "robust accuracy by epsilon",
                [
                    new("0", 0.9 + shift, 0.85, 0.95, 100),
                    new("0.1", 0.5 + shift, 0.4, 0.6, 100),
                    new("0.2", 0, 0, 0.05, 100),
                ]
            )
            {
                IsCurve = true,
            };
        var original = gate.Original with { Breakdowns = [Curve(0)] };
        var result = SampleResults.Passed with
        {
            Gates = [gate with { Original = original, Repaired = original with { Breakdowns = [Curve(0.05)] } }],
        };
        var page = new HtmlReport().Render(result);
        Assert.Equal(2, Regex.Count(page, "<polyline"));
        // Equal steps from 34 to 378, 1 at the top (8), 0 at the bottom (136).
        Assert.Contains("points=\"34,20.8 206,72 378,136\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_catalog_names_every_report_once()
    {
        Assert.Equal(Catalog.Default.Reports.Length, Catalog.Default.Reports.Select(r => r.Name).Distinct().Count());
        Assert.Equal(
            Catalog.Default.Reports.Length,
            Catalog.Default.Reports.Select(r => r.FileName).Distinct().Count()
        );
        Assert.Equal(["json", "markdown", "badge"], Catalog.Default.Reports.Where(r => r.Always).Select(r => r.Name));
    }

    private static GateResult Sample(string name) =>
        name switch
        {
            "Passed" => SampleResults.Passed,
            "Repaired" => SampleResults.Repaired,
            "Undecided" => SampleResults.Undecided,
            "Rejected" => SampleResults.Rejected,
            _ => SampleResults.Hostile,
        };

    [GeneratedRegex("SARIF\\d{4}")]
    private static partial Regex Finding();
}
