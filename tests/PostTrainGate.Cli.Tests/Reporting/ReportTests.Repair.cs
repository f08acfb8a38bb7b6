using System.Text.Json.Nodes;
using System.Xml.Linq;
using PostTrainGate.Foundation;
using PostTrainGate.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

// What a repair came to.
public partial class ReportTests
{
    [Fact]
    public void Html_says_what_else_changes_and_what_each_step_costs()
    {
        var page = new HtmlReport().Render(SampleResults.Repaired);
        var start = page.IndexOf("<h2>What to do next", StringComparison.Ordinal);
        Assert.Contains(
            "accuracy of class refused: 0.900 → 0.820, worse by 0.080",
            page[..start],
            StringComparison.Ordinal
        );
        Assert.Contains(
            "The time limit of 1h30m came before the effort was spent",
            page[..start],
            StringComparison.Ordinal
        );
        Assert.Contains("5 corrected, 7 broken of 300", page[..start], StringComparison.Ordinal);
        Assert.Matches("accuracy of class granted<br><small>no worse</small></th><td>0.614</td><td>0.680</td>", page);
        Assert.Matches(
            "fmt-dual <b>\\(chosen\\)</b></th><td>0.755</td><td>0.000</td><td>0.010</td><td>4.5 %</td>",
            page
        );
        // One that another beats is a dot of the picture and no row.
        Assert.DoesNotContain("<th scope=\"row\">adversarial", page, StringComparison.Ordinal);
        Assert.Contains("<title>adversarial: accuracy 0.740", page, StringComparison.Ordinal);
        Assert.Contains("dare was not tried: no gate of robustness to spectra", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.741, "A repair that does no better has no effect.")]
    [InlineData(0.52, "(accuracy 0.520 instead of 0.757), so the control says little here.")]
    public void A_null_control_that_destroyed_the_model_says_so(double left, string expected)
    {
        var repaired = SampleResults.Repaired;
        var result = repaired with { Repair = repaired.Repair! with { NullAccuracy = left } };
        Assert.Contains(expected, new HtmlReport().Render(result), StringComparison.Ordinal);
        Assert.Contains(expected, new MarkdownReport().Render(result), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-0.165, 0.16, "It does less than the repair.")]
    [InlineData(0.01, 0.16, "It does about as well on 1 of 2 gates that the repair improves.")]
    [InlineData(-0.02, 0.45, "Here it does about as well as the repair")]
    [InlineData(0, 0.6, "Here it does better than the repair")]
    public void What_more_training_mends_as_well_is_said(double parity, double robust, string expected)
    {
        var repaired = SampleResults.Repaired;
        var result = repaired with
        {
            Gates =
            [
                .. repaired.Gates.Select(g =>
                    g.Metric switch
                    {
                        "statistical_parity_difference" => g with
                        {
                            CleanControl = g.CleanControl! with { Value = parity },
                        },
                        "robust_accuracy" => g with { CleanControl = g.CleanControl! with { Value = robust } },
                        _ => g,
                    }
                ),
            ],
        };
        Assert.Contains(expected, new HtmlReport().Render(result), StringComparison.Ordinal);
        Assert.Contains(expected, new MarkdownReport().Render(result), StringComparison.Ordinal);
    }

    [Fact]
    public void A_repair_is_the_same_in_json_junit_and_sarif()
    {
        var result = SampleResults.Repaired;
        var repair = JsonNode.Parse(Json.Render(result))!["repair"]!;
        Assert.Equal(5, (int)repair["corrected"]!);
        Assert.Equal(7, (int)repair["broken"]!);
        Assert.Equal(5400, (double)repair["time_limit"]!);
        Assert.True((bool)repair["stopped_early"]!);
        Assert.Equal(2, (double)repair["source"]!["gap"]!);
        Assert.Equal(
            ["possible", "accepted"],
            repair["harm"]!.AsArray().Select(h => (string)h!["standing"]!).Where(s => s != "none")
        );
        Assert.Equal("group_calibration", (string)repair["harm"]![2]!["kind"]!);
        Assert.Single(repair["candidates"]!.AsArray(), c => (bool)c!["blocked"]!);
        var suite = XDocument.Parse(new JUnitReport().Render(result)).Root!.Element("testsuite")!;
        var note = JsonNode.Parse(new SarifReport().Render(result))!["runs"]![0]!["results"]!
            .AsArray()
            .Single(r => (string)r!["ruleId"]! == DiagnosticCodes.RepairProposed);
        Assert.All(new[] { suite.Element("system-out")!.Value, (string)note!["message"]!["text"]! }, text =>
        {
            Assert.Contains("fmt repairs both failed gates", text, StringComparison.Ordinal);
            Assert.Contains("accuracy of class refused: 0.900 → 0.820", text, StringComparison.Ordinal);
            Assert.Contains("The time limit of 1h30m came", text, StringComparison.Ordinal);
        });
    }
}
