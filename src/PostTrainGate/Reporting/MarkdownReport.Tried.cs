using System.Text;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

// What the repair tried.
public sealed partial class MarkdownReport
{
    private static string Tried(RepairSummary repair, Room room)
    {
        var text = new StringBuilder();
        if (repair.Candidates.Length > 0)
        {
            Line(text, "Candidates, best first, on the selection split:\n");
            Line(text, "| Candidate | Gates lack | Harm | Accuracy | Changed | |");
            Line(text, "|---|--:|--:|--:|--:|---|");
            foreach (var c in repair.Candidates.Take(room.Rows))
            {
                Line(
                    text,
                    $"| {Markdown.Text(c.Title, room.Text)}{(c.Chosen ? " **(chosen)**" : "")} | "
                        + $"{Number(c.Gap)} | {Number(c.Harm)} | {Number(c.Accuracy)} | {Number(c.Churn)} | "
                        + $"{Markdown.Text(Candidates.Note(c), room.Text)} |"
                );
            }

            Line(text);
            foreach (var cut in Cut(repair.Candidates.Length, room.Rows))
                Line(text, $"{cut}\n");
        }

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
}
