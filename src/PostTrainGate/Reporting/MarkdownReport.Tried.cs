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
            Line(text, "| Method | Objective | Accuracy | Accuracy kept | |");
            Line(text, "|---|--:|--:|---|---|");
            foreach (var c in repair.Candidates.Take(room.Rows))
            {
                Line(
                    text,
                    $"| {Markdown.Text(c.Method, room.Text)}{(c.Chosen ? " **(chosen)**" : "")} | "
                        + $"{Number(c.Objective)} | {Number(c.Accuracy)} | "
                        + $"{(c.Accuracy is null ? "" : c.Admissible ? "yes" : "no")} | "
                        + $"{Markdown.Text(c.Note, room.Text)} |"
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
