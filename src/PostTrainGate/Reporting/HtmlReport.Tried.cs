using System.Collections.Immutable;
using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

// What the repair changes beside the gates, and what it tried.
public sealed partial class HtmlReport
{
    // A thousand classes are a thousand measures; a page is for reading.
    private const int MostMeasures = 100,
        MostWorsened = 20;

    // Where a reader looks first: what got worse, or that nothing did.
    private static string Worsened(RepairSummary repair)
    {
        var text = new StringBuilder();
        if (HarmText.Nothing(repair) is { } nothing)
            text.Append($"<p><b>What else changes:</b> {nothing}</p>\n");
        var worsened = HarmText.Worsened(repair);
        if (worsened.Length > 0)
        {
            var lines = worsened
                .Take(MostWorsened)
                .Select(h => $"<li>{Icon(h.Standing)}{Html.Text(HarmText.Line(h))}</li>");
            text.Append($"<p><b>What else gets worse</b></p>\n<ul>{string.Concat(lines)}</ul>\n");
            if (worsened.Length > MostWorsened)
                text.Append($"<p>And {Whole(worsened.Length - MostWorsened)} more: see {JsonFile}.</p>\n");
        }

        if (GateText.StoppedEarly(repair) is { } stopped)
            text.Append($"<p>⚠️ {stopped}</p>\n");
        return text.ToString();
    }

    private static string Harm(RepairSummary repair)
    {
        if (repair.Harm.Length == 0)
            return "";
        var rows = HarmText
            .Ordered(repair)
            .Take(MostMeasures)
            .Select(h =>
                $"<tr><th scope=\"row\">{Html.Text(h.Title)}<br><small>{Icon(h.Standing)}"
                + $"{HarmText.Words(h)}</small></th>"
                + $"<td>{Numbers.Measured(h.Before)}</td><td>{Numbers.Measured(h.After)}</td>"
                + $"<td>{HarmText.Worsening(h).Replace(" [", "<br><small>[", StringComparison.Ordinal)}"
                + $"{(h.Lower is null ? "" : "</small>")}</td></tr>\n"
            );
        var cut =
            repair.Harm.Length > MostMeasures
                ? $" {Whole(repair.Harm.Length - MostMeasures)} that get less worse are in {JsonFile} alone."
                : "";
        var table =
            "<table class=\"wide figures\"><tr><th>Measure</th><th>Before</th>"
            + $"<th>After</th><th>Worse by</th></tr>\n{string.Concat(rows)}</table>";
        return "<h2>What else changes</h2>\n<p class=\"quiet\">Measures that no gate of the policy looks at, on the "
            + $"test split.{cut}</p>\n{Scroll(table, "What else changes")}\n";
    }

    private static string Icon(HarmStanding standing) =>
        standing switch
        {
            HarmStanding.Blocks => "❌ ",
            HarmStanding.Possible => "⚠️ ",
            _ => "",
        };

    private static string Tried(RepairSummary repair)
    {
        var text = new StringBuilder("<h2>What the repair tried</h2>\n");
        var options = Candidates.Options(repair, Candidates.MostShown);
        text.Append(FrontierPicture.Draw(repair));
        if (options.Length > 0)
            text.Append(Options(repair, options));
        foreach (var sentence in new[] { Candidates.Remark(repair), Candidates.Others(repair, options) })
            if (sentence.Length > 0)
                text.Append($"<p class=\"quiet\">{sentence}</p>\n");
        var untried = Candidates.Untried(repair);
        if (untried.Length > 0)
        {
            var lines = untried
                .Take(Candidates.MostShown)
                .Select(c => $"<li>{Html.Text(c.Title)} was not tried: {Html.Text(c.Note)}</li>");
            text.Append($"<ul class=\"quiet\">{string.Concat(lines)}</ul>\n");
        }

        if (repair.Details.Count > 0)
        {
            var facts = repair.Details.Select(d =>
                $"<tr><th scope=\"row\">{Html.Text(d.Key)}</th><td>{Html.Text(d.Value)}</td></tr>"
            );
            text.Append($"<table class=\"wide\">{string.Concat(facts)}</table>\n");
        }

        if (repair.Sha256 is not null)
            text.Append($"<p class=\"quiet\">SHA-256 of {Html.Code(repair.Output)}: {Html.Code(repair.Sha256)}</p>\n");
        return text.ToString();
    }

    private static string Options(RepairSummary repair, ImmutableArray<CandidateSummary> options)
    {
        var text = new StringBuilder(
            "<table class=\"wide figures\"><caption>What each further step costs, the most "
                + "accurate first</caption>\n<tr><th>Candidate</th><th>Accuracy</th><th>Gates lack</th><th>Harm</th>"
                + "<th>Changed</th></tr>\n"
        );
        if (repair.Source is { } source)
            text.Append(
                $"<tr class=\"quiet\"><th scope=\"row\">none: the model as it is</th><td>{Number(source.Accuracy)}</td>"
                    + $"<td>{Number(source.Gap)}</td><td></td><td></td></tr>\n"
            );
        foreach (var c in options)
        {
            var note = Candidates.Note(c) is { } why ? $"<br><small>{Html.Text(why)}</small>" : "";
            text.Append(
                $"<tr><th scope=\"row\">{Html.Text(c.Title)}{(c.Chosen ? " <b>(chosen)</b>" : "")}{note}</th>"
                    + $"<td>{Number(c.Accuracy)}</td><td>{Number(c.Gap)}</td><td>{Number(c.Harm)}</td>"
                    + $"<td>{(c.Churn is { } share ? ResultText.Percent(share) : "")}</td></tr>\n"
            );
        }

        return $"{Scroll($"{text}</table>", "What the repair tried")}\n<p class=\"quiet\">{Candidates.Legend(repair)}</p>\n";
    }
}
