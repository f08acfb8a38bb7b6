using System.Text;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

// The gates over several runs.
public sealed partial class MarkdownReport
{
    private const int MostShifts = 3;

    private static void Trends(StringBuilder page, GateResult result, Room room)
    {
        var gates = result.Gates.Where(g => g.Trend is not null).ToArray();
        if (gates.Length == 0)
            return;
        foreach (var (gate, shift) in Shifts(gates).Take(MostShifts))
            Line(page, $"**Trend:** {Markdown.Text(gate.Title, room.Text)} is {Markdown.Sentence(shift)}.\n");
        var runs = gates.Max(g => g.Trend!.Points.Length);
        var table = new StringBuilder();
        Line(table, "| Gate | Trend | Now | From the run before | |");
        Line(table, "|---|---|--:|--:|---|");
        foreach (var gate in gates.Take(room.Rows))
        {
            var trend = gate.Trend!;
            var remarks = string.Join("<br>", TrendText.Remarks(trend).Select(Markdown.Sentence));
            Line(
                table,
                $"| {Markdown.Text(gate.Title, room.Text)} | {TrendText.Line(trend)} | "
                    + $"{Number(trend.Points[^1].Value)} | {TrendText.Change(trend)} | {remarks} |"
            );
        }

        foreach (var cut in Cut(gates.Length, room.Rows))
            Line(table, $"\n{cut}");
        Line(
            table,
            $"\n<sub>{Markdown.Sentence(TrendText.Runs(gates.Select(g => g.Trend!), TrendText.ThisRun))}. Each gate has a "
                + "scale of its own, between the lowest and the highest end of its intervals.</sub>"
        );
        Fold(page, $"Trend over {Whole(runs)} runs", room.Rows == 0 ? "" : table.ToString());
    }

    private static IEnumerable<(GateReport Gate, FormattableString Shift)> Shifts(IEnumerable<GateReport> gates)
    {
        foreach (var gate in gates)
            if (TrendText.Shift(gate.Trend!) is { } shift)
                yield return (gate, shift);
    }
}
