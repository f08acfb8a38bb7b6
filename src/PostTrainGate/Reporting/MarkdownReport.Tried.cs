using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

// What the repair tried.
public sealed partial class MarkdownReport
{
    private static string Tried(RepairSummary repair, Room room)
    {
        var text = new StringBuilder();
        var options = Candidates.Options(repair, Math.Min(room.Rows, Candidates.MostShown));
        if (options.Length > 0)
        {
            Line(text, "What each further step costs, the most accurate first:\n");
            Line(text, "| Candidate | Accuracy | Gates lack | Harm | Changed |");
            Line(text, "|---|--:|--:|--:|--:|");
            if (repair.Source is { } source)
                Line(text, $"| none: the model as it is | {Number(source.Accuracy)} | {Number(source.Gap)} |  |  |");
            foreach (var c in options)
            {
                var note = Candidates.Note(c) is { } why ? $"<br><sub>{Markdown.Text(why, room.Text)}</sub>" : "";
                Line(
                    text,
                    $"| {Markdown.Text(c.Title, room.Text)}{(c.Chosen ? " **(chosen)**" : "")}{note} | "
                        + $"{Number(c.Accuracy)} | {Number(c.Gap)} | {Number(c.Harm)} | {Share(c.Churn)} |"
                );
            }

            Line(text, $"\n<sub>{Candidates.Legend(repair)}</sub>\n");
        }

        foreach (var sentence in new[] { Candidates.Remark(repair), Candidates.Others(repair, options) })
            if (sentence.Length > 0)
                Line(text, $"{sentence}\n");
        var untried = Candidates.Untried(repair);
        foreach (var c in untried.Take(room.Rows))
            Line(text, $"- {Markdown.Text(c.Title, room.Text)} was not tried: {Markdown.Text(c.Note, room.Text)}");
        foreach (var cut in Cut(untried.Length, room.Rows, "- "))
            Line(text, cut);
        Line(text);

        if (repair.Details.Count > 0)
        {
            Line(text, "| Fact | |");
            Line(text, "|---|---|");
            foreach (var (name, value) in repair.Details.Take(room.Rows))
                Line(text, $"| {Markdown.Text(name, room.Text)} | {Markdown.Text(value, room.Text)} |");
            Line(text);
            foreach (var cut in Cut(repair.Details.Count, room.Rows))
                Line(text, $"{cut}\n");
        }

        if (repair.Sha256 is not null)
            Line(text, $"SHA-256 of {Markdown.Code(repair.Output)}: {Markdown.Code(repair.Sha256)}");
        return text.ToString();
    }

    // What got worse is never folded away.
    private static void Worsened(StringBuilder page, RepairSummary repair, Room room)
    {
        var worsened = HarmText.Worsened(repair);
        if (worsened.IsEmpty)
            return;
        Line(page, "**What else gets worse**\n");
        var most = Math.Max(3, room.Rows);
        foreach (var harm in worsened.Take(most))
        {
            var sign = harm.Standing switch
            {
                HarmStanding.Blocks => "❌ ",
                HarmStanding.Possible => "⚠️ ",
                _ => "",
            };
            // A long name is cut, never the figures.
            var line = HarmText.Line(harm with { Title = Untrusted.Clean(harm.Title, room.Text) });
            Line(page, $"- {sign}{Markdown.Text(line, room.Text + 200)}");
        }

        foreach (var cut in Cut(worsened.Length, most, "- "))
            Line(page, cut);
        Line(page);
    }

    // Measures that no gate looks at.
    private static string Harm(RepairSummary repair, Room room)
    {
        if (repair.Harm.Length == 0)
            return "";
        var text = new StringBuilder();
        Line(text, "Measures that no gate of the policy looks at, on the test split:\n");
        Line(text, "| Measure | Before | After | Worse by | |");
        Line(text, "|---|--:|--:|--:|---|");
        foreach (var harm in HarmText.Ordered(repair).Take(room.Rows))
        {
            var worse = HarmText.Worsening(harm).Replace(" ", "&nbsp;", StringComparison.Ordinal);
            Line(
                text,
                $"| {Markdown.Text(harm.Title, room.Text)} | {Numbers.Measured(harm.Before)} | "
                    + $"{Numbers.Measured(harm.After)} | {worse} | {HarmText.Words(harm)} |"
            );
        }

        Line(text);
        foreach (var cut in Cut(repair.Harm.Length, room.Rows))
            Line(text, cut);
        return text.ToString();
    }

    private static string Share(double? share) => share is { } s ? ResultText.Percent(s) : "";
}
