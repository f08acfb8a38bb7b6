using System.Text.RegularExpressions;
using System.Xml.Linq;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Metrics;
using PostTrainGate.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

public class TrendTests
{
    [Fact]
    public void A_comment_with_a_trend_reads_as_reviewed() =>
        Golden.Equal("trend.md", new MarkdownReport().Render(SampleResults.Trending));

    [Fact]
    public void A_page_with_a_trend_reads_as_reviewed() =>
        Golden.Equal("trend.html", new HtmlReport().Render(SampleResults.Trending));

    [Fact]
    public void A_trend_changes_no_result_for_programs() =>
        Assert.Equal(new GateJson().Render(SampleResults.Repaired), new GateJson().Render(SampleResults.Trending));

    [Fact]
    public void A_trend_ends_with_this_run_and_marks_the_step()
    {
        var trend = SampleResults.Trending.Gates[1].Trend!;
        Assert.Equal(12, trend.Points.Length);
        Assert.Equal(-0.187, trend.Points[^1].Value);
        Assert.Equal(7, trend.Shift?.At);
        Assert.All([0, 2, 3, 4], i => Assert.Null(SampleResults.Trending.Gates[i].Trend!.Shift));
        Assert.Equal("▆▆▆▆▆▆▆│▃▃▃▃▃", TrendText.Line(trend));
        Assert.Equal("6666666|33333", TrendText.Line(trend, unicode: false));
        Assert.StartsWith("worse since ", TrendText.Shift(trend)!.ToString(null), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Better.Higher, 0.7, 0.8, "better")]
    [InlineData(Better.Higher, 0.8, 0.7, "worse")]
    [InlineData(Better.Lower, 0.7, 0.8, "worse")]
    [InlineData(Better.NearZero, -0.2, 0.1, "better")]
    [InlineData(Better.NearOne, 0.8, 1.1, "better")]
    [InlineData(Better.NearOne, 1.1, 1.3, "worse")]
    public void A_shift_is_better_or_worse_as_the_metric_has_it(Better better, double before, double after, string word)
    {
        var point = SampleResults.Trending.Gates[0].Trend!.Points[0];
        var text = TrendText.Shift(new([point], better, new(0, before, after)))!;
        Assert.StartsWith($"{word} since ", text.ToString(null), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_is_measured_again_is_no_further_evidence()
    {
        // Two models, each measured eight times: the values differ by less than their errors.
        var gate = SampleResults.Passed.Gates[0];
        var rows = Enumerable
            .Range(0, 16)
            .SelectMany(i =>
                HistoryRow.From(
                    SampleResults.Day(SampleResults.Passed, 0) with
                    {
                        Run = SampleResults.Passed.Run! with { Started = SampleResults.Passed.Run.Started.AddDays(-i) },
                        Model = SampleResults.Passed.Model! with { Sha256 = new string(i < 8 ? 'a' : 'b', 64) },
                        Gates = [gate with { Original = gate.Original with { Value = i < 8 ? 0.75 : 0.76 } }],
                    },
                    new("p.yml")
                )
            )
            .Reverse();
        Assert.Null(Assert.Single(Trends.Series(rows)).Trend.Shift);
    }

    [Fact]
    public void A_gate_stays_itself_with_another_threshold_and_is_told_from_the_same_gate_twice()
    {
        var gate = SampleResults.Passed.Gates[0];
        string[] Ids(params GateReport[] gates) =>
            [.. HistoryRow.From(SampleResults.Passed with { Gates = [.. gates] }, new("p.yml")).Select(r => r.GateId)];
        var strict = gate with { Min = 0.9, Threshold = "at least 0.9" };
        Assert.Equal(Ids(gate), Ids(strict));
        Assert.Equal(2, Ids(gate, strict).Distinct().Count());
        Assert.NotEqual(Ids(gate), Ids(gate with { Parameters = new(null, null, null, null, null, 100, null) }));
    }

    [Fact]
    public void The_page_draws_every_trend_that_has_a_value_and_says_it_in_words()
    {
        var page = new HtmlReport().Render(SampleResults.Trending);
        var pictures = Regex
            .Matches(page, "<figure class=\"trend\">(<svg.*?</svg>)")
            .Select(m => XElement.Parse(m.Groups[1].Value))
            .ToArray();
        Assert.Equal(4, pictures.Length); // the fifth gate was never measured
        Assert.All(pictures, p =>
            Assert.EndsWith(" over 12 runs", p.Element("title")!.Value, StringComparison.Ordinal)
        );
        var parity = pictures.Single(p => p.Descendants("line").Any(l => (string?)l.Attribute("class") == "shift"));
        Assert.Contains(
            "2026-11-30 aaaaaaa: -0.187 [-0.259, -0.115], fail; worse since ",
            (string)parity.Attribute("aria-label")!,
            StringComparison.Ordinal
        );
        Assert.Equal(12, parity.Descendants("circle").Count());
        // The run that measured nothing is a gap.
        Assert.Contains(pictures, p => p.Descendants("polyline").Count() == 2 && p.Descendants("circle").Count() == 11);
    }

    [Fact]
    public void Hostile_names_stay_text_in_a_trend()
    {
        var evil = SampleResults.Hostile;
        var before = HistoryRow.From(
            evil with
            {
                Commit = "</title><script>|",
                Run = evil.Run! with { Started = evil.Run.Started.AddDays(-1) },
                Gates = [.. evil.Gates.Select(g => g with { Threshold = "|<b>`x`" })],
            },
            new("p.yml")
        );
        var result = Trends.Add(evil, before, new("p.yml"));
        Assert.DoesNotMatch("<(script|b>`)", new HtmlReport().Render(result));
        var rows = new MarkdownReport()
            .Render(result)
            .Split('\n')
            .SkipWhile(l => !l.Contains("<summary>Trend", StringComparison.Ordinal))
            .TakeWhile(l => !l.Contains("</details>", StringComparison.Ordinal))
            .Where(l => l.StartsWith('|'))
            .ToArray();
        Assert.Equal(4, rows.Length);
        Assert.All(rows, r => Assert.Equal(6, r.Count(c => c == '|')));
        Assert.All(rows, r =>
            Assert.DoesNotContain("<script", Regex.Replace(r, "`[^`]*`", ""), StringComparison.Ordinal)
        );
    }
}
