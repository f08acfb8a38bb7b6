using System.Globalization;
using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>A gate's readings as intervals on one axis, its thresholds as dashed lines.</summary>
internal static class IntervalPicture
{
    private const double Width = 400,
        Left = 78,
        Right = 16,
        RowHeight = 22;

    // One interval: its name, what it is, and the class that styles it.
    private sealed record Row(string Name, double Value, double Lower, double Upper, string Style);

    /// <summary>
    /// The models' readings of a gate against its thresholds: an SVG element; empty when there is nothing to draw.
    /// </summary>
    public static string Draw(GateReport gate, IEnumerable<Comparison.Column> columns) =>
        Draw(
            gate.Title,
            [.. Thresholds(gate)],
            columns
                .Select(c => (c.Name, c.IsControl, Reading: c.Of(gate)))
                .Where(r => r.Reading?.Value is not null)
                .Select(r => new Row(
                    r.Name,
                    r.Reading!.Value!.Value,
                    r.Reading.Lower ?? r.Reading.Value.Value,
                    r.Reading.Upper ?? r.Reading.Value.Value,
                    r.IsControl
                        ? "none"
                        : r.Reading.Verdict switch
                        {
                            Verdict.Pass => "pass",
                            Verdict.Fail => "fail",
                            _ => "open",
                        }
                ))
        );

    /// <summary>The parts of a breakdown: an SVG element; empty when there is nothing to draw.</summary>
    public static string Draw(Breakdown breakdown, string model) =>
        Draw(
            $"{breakdown.Title}, {model}",
            [],
            breakdown
                .Parts.Where(p => p.Value is not null)
                .Select(p => new Row(
                    p.Name,
                    p.Value!.Value,
                    p.Lower ?? p.Value.Value,
                    p.Upper ?? p.Value.Value,
                    "none"
                ))
        );

    private static string Draw(string label, double[] thresholds, IEnumerable<Row> rows)
    {
        var drawn = rows.Where(r => double.IsFinite(r.Value)).ToArray();
        if (drawn.Length == 0)
            return "";
        var marks = drawn
            .SelectMany(r => new[] { r.Value, r.Lower, r.Upper })
            .Concat(thresholds)
            .Where(double.IsFinite)
            .ToArray();
        var axis = PictureAxis.Around(marks.Min(), marks.Max());
        double X(double value) => Left + axis.Share(value) * (Width - Left - Right);

        var top = thresholds.Length > 0 ? 16 : 2;
        var bottom = top + drawn.Length * RowHeight + 4;
        var svg = new StringBuilder(Text($"<svg viewBox=\"0 0 {Width} {bottom + 18}\" role=\"img\" "));
        svg.Append($"aria-label=\"{Html.Text(Words(label, thresholds, drawn))}\">");
        svg.Append(
            Text($"<line class=\"axis\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>")
        );
        foreach (var tick in axis.Ticks)
        {
            var x = X(tick);
            svg.Append(Text($"<line class=\"axis\" x1=\"{x:0.#}\" x2=\"{x:0.#}\" y1=\"{top}\" y2=\"{bottom + 3}\"/>"));
            svg.Append(Text($"<text x=\"{x:0.#}\" y=\"{bottom + 14}\" text-anchor=\"middle\">{tick:0.####}</text>"));
        }

        foreach (var threshold in thresholds)
        {
            var x = X(threshold);
            svg.Append(Text($"<line class=\"threshold\" x1=\"{x:0.#}\" x2=\"{x:0.#}\" y1=\"{top}\" y2=\"{bottom}\"/>"));
            svg.Append(
                Text($"<text class=\"bound\" x=\"{x:0.#}\" y=\"11\" text-anchor=\"middle\">")
                    + $"{Numbers.Chosen(threshold)}</text>"
            );
        }

        for (var i = 0; i < drawn.Length; i++)
        {
            var (name, value, lower, upper, style) = drawn[i];
            var y = top + i * RowHeight + RowHeight / 2;
            svg.Append(Text($"<text x=\"0\" y=\"{y + 4}\">")).Append(Html.Text(Shorten(name))).Append("</text>");
            svg.Append($"<line class=\"{style}\" stroke-width=\"4\" stroke-opacity=\".45\" stroke-linecap=\"round\" ");
            svg.Append(Text($"x1=\"{X(lower):0.#}\" x2=\"{X(upper):0.#}\" y1=\"{y}\" y2=\"{y}\"/>"));
            svg.Append(Text($"<circle class=\"{style}\" r=\"4\" cx=\"{X(value):0.#}\" cy=\"{y}\"/>"));
        }

        return svg.Append("</svg>").ToString();
    }

    // The picture in words, for those who do not see it.
    private static string Words(string label, double[] thresholds, Row[] rows)
    {
        var values = rows.Select(r =>
            $"{r.Name} {Numbers.Measured(r.Value)} [{Numbers.Measured(r.Lower)}, {Numbers.Measured(r.Upper)}]"
        );
        var bounds =
            thresholds.Length == 0 ? "" : $"; threshold {string.Join(" and ", thresholds.Select(Numbers.Chosen))}";
        return $"{label}: {string.Join("; ", values)}{bounds}";
    }

    /// <summary>A bound on a signed difference holds on both sides of 0, one on a ratio on both sides of 1.</summary>
    internal static IEnumerable<double> Thresholds(GateReport gate) =>
        gate.Better switch
        {
            Better.NearZero when gate.Max is { } max => [-max, max],
            Better.NearOne when gate.Min is > 0 and { } min => [min, 1 / min],
            _ => new[] { gate.Min, gate.Max }.OfType<double>(),
        };

    private static string Shorten(string name) => name.Length > 13 ? name[..12] + "…" : name;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
