using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

// The table of gates.
public sealed partial class MarkdownReport
{
    private static void Gates(StringBuilder page, GateResult result, Room room)
    {
        var columns = Comparison.Columns(result);
        var (open, more, passing) = Comparison.Sort(result);
        var left = room.Gates;
        Table(page, columns, Some(open), room);
        Fold(page, $"{Whole(more.Length)} more gates that do not pass or changed", Folded(more));
        Fold(page, passing.Length == 1 ? "1 gate passes" : $"{Whole(passing.Length)} gates pass", Folded(passing));
        foreach (var cut in Cut(result.Gates.Length, room.Gates))
            Line(page, $"{cut}\n");
        var legend = columns.Any(c => c.Before is not null && result.Gates.Any(g => Change(c, g).Length > 0))
            ? "In parentheses: the change from the column before. "
            : "";
        legend += ControlText.Of(result);
        if (legend.Length > 0)
            Line(page, $"<sub>{legend.TrimEnd()}</sub>\n");

        // Where not all fit, those that pass go first.
        GateReport[] Some(IEnumerable<GateReport> gates)
        {
            GateReport[] some = [.. gates.Take(left)];
            left -= some.Length;
            return some;
        }

        string Folded(IEnumerable<GateReport> gates)
        {
            var text = new StringBuilder();
            Table(text, columns, Some(gates), room);
            return text.ToString();
        }
    }

    private static void Table(
        StringBuilder page,
        IReadOnlyList<Comparison.Column> columns,
        GateReport[] gates,
        Room room
    )
    {
        if (gates.Length == 0)
            return;
        // Tables of comments are narrow: what is only compared with shares a column.
        var controls = columns.Where(c => c.IsControl).ToArray();
        var models = columns.Where(c => !c.IsControl || controls.Length == 1).ToArray();
        string[] heads = [.. models.Select(c => c.Name), .. controls.Length > 1 ? ["Controls"] : (string[])[]];
        Line(page, $"| Verdict | Gate | {string.Join(" | ", heads)} |");
        Line(page, $"|---|---|{string.Concat(heads.Select(_ => "--:|"))}");
        foreach (var gate in gates)
        {
            var values = models.Select(c => Value(c, gate));
            if (controls.Length > 1)
                values = values.Append(
                    string.Join("<br>", controls.Select(c => Short(c, gate)).Where(v => v.Length > 0))
                );
            Line(page, $"| {Verdicts(gate)} | {Subject(gate, room)} | {string.Join(" | ", values)} |");
        }

        Line(page);
    }

    private static string Verdicts(GateReport gate)
    {
        var original = $"{ResultText.Icon(gate)}&nbsp;{Outcomes.Words(gate)}";
        return gate.Repaired is { } repaired
            ? $"{original}<br>→&nbsp;{ResultText.Icon(repaired.Verdict)}&nbsp;{Outcomes.Words(repaired.Verdict)}"
            : original;
    }

    private static string Subject(GateReport gate, Room room)
    {
        var text = $"{Markdown.Text(gate.Title, room.Text)}<br><sub>{Markdown.Text(gate.Threshold, room.Text)}</sub>";
        return gate.Original.Reason is { } reason ? $"{text}<br><sub>{Markdown.Text(reason, room.Text)}</sub>" : text;
    }

    private static string Change(Comparison.Column column, GateReport gate) =>
        column.Before is { } before ? ResultText.Change(before(gate), column.Of(gate)) : "";

    // "null -0.176"
    private static string Short(Comparison.Column control, GateReport gate) =>
        control.Of(gate)?.Value is { } value
            ? $"<sub>{control.Name.Split(' ')[0].ToLowerInvariant()}</sub>&nbsp;{Numbers.Measured(value)}"
            : "";

    private static string Value(Comparison.Column column, GateReport gate)
    {
        if (column.Of(gate) is not { Value: { } value } reading)
            return "";
        var change = Change(column, gate);
        var interval = ResultText.Interval(reading).Replace(" ", "&nbsp;", StringComparison.Ordinal);
        var effort = GateText.Effort(reading) is { Length: > 0 } text ? $"<br>{text}" : "";
        // The other verdicts stand in the first column.
        var icon = column.Name == "Base" ? $"{ResultText.Icon(reading.Verdict)}&nbsp;" : "";
        return $"{icon}{Numbers.Measured(value)}{(change.Length > 0 ? $"&nbsp;({change})" : "")}"
            + $"<br><sub>{interval}{effort}</sub>";
    }
}
