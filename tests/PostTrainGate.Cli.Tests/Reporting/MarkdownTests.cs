using System.Text;
using System.Xml.Linq;
using CsCheck;
using PostTrainGate.Foundation;
using PostTrainGate.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Reporting;

public class MarkdownTests
{
    private static readonly MarkdownReport Report = new();

    [Fact]
    public void A_repaired_result_reads_as_reviewed() =>
        Golden.Equal("repaired.md", Report.Render(SampleResults.Repaired));

    [Fact]
    public void Hostile_names_read_as_reviewed() => Golden.Equal("hostile.md", Report.Render(SampleResults.Hostile));

    [Fact]
    public void The_first_line_is_the_verdict()
    {
        Assert.StartsWith(
            "## ✅ Passed: the gate of `credit.onnx` passed\n",
            Report.Render(SampleResults.Passed),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "## ⚠️ Undecided: 0 of 1 gates of `credit.onnx` passed, 1 inconclusive\n",
            Report.Render(SampleResults.Undecided),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "## ❌ Failed: the gate of `credit.onnx` failed\n",
            Report.Render(SampleResults.Rejected),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "a repaired model that passes 3 of 5 is proposed\n",
            Report.Render(SampleResults.Repaired),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void An_inconclusive_gate_says_how_many_rows_would_decide_it() =>
        // Half width 0.12 at 300 rows, 0.06 away from the threshold: 300 * (0.12 / 0.06)^2 rows.
        Assert.Contains(
            "about 1,200 test rows (now 300) would decide it",
            Report.Render(SampleResults.Undecided),
            StringComparison.Ordinal
        );

    // The value of the rows that were attacked until then need not be that of all.
    [Theory]
    [InlineData(300, true)]
    [InlineData(96, false)]
    public void No_number_of_rows_is_said_to_decide_a_gate_that_stopped_early(int attacked, bool isSaid)
    {
        var gate = SampleResults.Undecided.Gates[0];
        var original = gate.Original with { Count = attacked, Attacked = new(attacked, 300, 0) };
        var text = Report.Render(SampleResults.Undecided with { Gates = [gate with { Original = original }] });
        Assert.Equal(isSaid, text.Contains("would decide it", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1, 10_000)]
    [InlineData(500, 500)]
    [InlineData(10_000, 10_000)]
    public void A_comment_never_outgrows_GitHub_and_never_loses_a_failure(int gates, int candidates)
    {
        var text = Report.Render(SampleResults.Huge(gates, candidates));
        Assert.InRange(text.Length, 1000, MarkdownReport.Limit);
        Assert.Contains($"gate {gates - 1} ", text, StringComparison.Ordinal);
        Assert.Contains(" more: see `gate-result.json`", text, StringComparison.Ordinal);
    }

    [Fact]
    public void GitHubs_renderer_makes_no_element_of_a_hostile_name()
    {
        var page = Render(Report.Render(SampleResults.Hostile));
        Assert.DoesNotContain(page.Descendants(), e =>
            e.Name.LocalName is "a" or "img" or "script" or "b" or "em" or "del"
        );
        // The whole table is there: two gates of four cells each, with their text as it was.
        var rows = page.Descendants("table").First().Descendants("tr").ToArray();
        Assert.Equal(3, rows.Length);
        Assert.All(rows, r => Assert.Equal(3, r.Elements().Count()));
        Assert.StartsWith(
            Untrusted.Clean(SampleResults.Hostile.Gates[0].Title),
            Seen(rows[1].Elements().ElementAt(1)),
            StringComparison.Ordinal
        );
        // Nothing closed or opened a fold.
        Assert.Equal(3, page.Elements("details").Count());
    }

    [Fact]
    public void Any_text_comes_out_of_GitHubs_renderer_as_it_went_in()
    {
        var texts = new List<string>();
        string[] pieces =
        [
            "|",
            "\\",
            "`",
            "``",
            "*",
            "**",
            "_",
            "~~",
            "[",
            "](",
            ")",
            "!",
            "<",
            ">",
            "&",
            "&lt;",
            "<!--",
            "-->",
            "$",
            "@user",
            "#1",
            "a",
            " ",
            "  ",
            "http://e.x",
            "www.e.x",
            "me@e.x",
            ":tada:",
            "\n",
            "\r\n",
            "\t",
            "\0",
            "1.",
            "-",
            "+",
            "=",
            "é",
            "😀",
            "\u202E",
            "\\|",
            "<b>",
            "</td>",
            "{{",
            "^",
        ];
        Gen.Int[0, pieces.Length - 1]
            .List[1, 12]
            .Select(choice => string.Concat(choice.Select(i => pieces[i])))
            .Where(t => Untrusted.Clean(t).Trim().Length > 0)
            .Sample(texts.Add, iter: 2000, threads: 1);
        var document = new StringBuilder("| x | y |\n|---|---|\n");
        foreach (var text in texts)
            document.Append($"| {Markdown.Text(text)} | {Markdown.Code(text)} |\n");

        var rows = Render(document.ToString()).Descendants("table").Single().Descendants("tr").Skip(1).ToArray();
        Assert.Equal(texts.Count, rows.Length);
        for (var i = 0; i < rows.Length; i++)
        {
            var cells = rows[i].Elements("td").ToArray();
            Assert.Equal(2, cells.Length);
            var expected = Untrusted.Clean(texts[i]).Trim();
            Assert.Equal(Squeeze(expected), Squeeze(Seen(cells[0])));
            Assert.Equal(Squeeze(expected), Squeeze(Seen(cells[1])));
            Assert.DoesNotContain(rows[i].Descendants(), e => e.Name.LocalName is not ("td" or "code" or "span"));
        }

        static string Squeeze(string text) => string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Nothing_that_GitHub_expands_is_left_whole_outside_code()
    {
        foreach (
            var text in new[]
            {
                "@octocat",
                "#1",
                "o/r#1",
                "GH-12",
                ":tada:",
                "http://e.example",
                "www.e.example",
                "me@e.example",
                "$x$",
            }
        )
        {
            Assert.DoesNotContain(text, Markdown.Text(text), StringComparison.Ordinal);
        }

        Assert.Equal(
            "robust accuracy, PGD Linf epsilon 0.1: 40 steps (a-b)",
            Markdown.Text("robust accuracy, PGD Linf epsilon 0.1: 40 steps (a-b)")
        );
    }

    // GitHub's own renderer with GitHub's extensions; Debian's package of it.
    private static XElement Render(string markdown)
    {
        var tool = Fixtures.Debian("/usr/bin/cmark-gfm", "cmark-gfm");
        var html = Processes
            .Run(
                tool,
                [
                    "--unsafe",
                    "-e",
                    "table",
                    "-e",
                    "autolink",
                    "-e",
                    "strikethrough",
                    "-e",
                    "tagfilter",
                    "-e",
                    "tasklist",
                ],
                markdown
            )
            .Output;
        var xml = html.Replace("<br>", "<br/>", StringComparison.Ordinal)
            .Replace("&nbsp;", "&#160;", StringComparison.Ordinal);
        return XElement.Parse($"<page>{xml}</page>", LoadOptions.PreserveWhitespace);
    }

    private static string Seen(XElement element) => element.Value.Replace("\u200B", "", StringComparison.Ordinal);
}
