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
        Left = 70,
        Right = 10,
        RowHeight = 22;

    // One interval: its name, what it is, and the class that styles it.
    private sealed record Row(string Name, double Value, double Lower, double Upper, string Style);

    /// <summary>
    /// The models' readings of a gate against its thresholds: an SVG element; empty when there is nothing to draw.
    /// </summary>
    public static string Draw(GateReport gate)
    {
        (string Name, MeasuredValue? Reading, bool Judged)[] rows =
        [
            ("Base", gate.Base, true),
            ("Original", gate.Original, true),
            ("Repaired", gate.Repaired, true),
            ("Null", gate.NullControl, false),
        ];
        return Draw(
            "Intervals and threshold",
            [.. Thresholds(gate)],
            rows.Where(r => r.Reading?.Value is not null)
                .Select(r => new Row(
                    r.Name,
                    r.Reading!.Value!.Value,
                    r.Reading.Lower ?? r.Reading.Value.Value,
                    r.Reading.Upper ?? r.Reading.Value.Value,
                    !r.Judged
                        ? "none"
                        : r.Reading.Verdict switch
                        {
                            Verdict.Pass => "pass",
                            Verdict.Fail => "fail",
                            _ => "open",
                        }
                ))
        );
    }

    /// <summary>The parts of a breakdown: an SVG element; empty when there is nothing to draw.</summary>
    public static string Draw(Breakdown breakdown) =>
        Draw(
            breakdown.Title,
            [],
            breakdown
                .Parts.Where(p => p.Value is not null)
                .Select(p => new Row(
                    Html.Text(Shorten(p.Name)),
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
        var (low, high) = (marks.Min(), marks.Max());
        var room = high > low ? (high - low) * 0.08 : 0.05;
        (low, high) = (low - room, high + room);
        double X(double value) => Left + (Math.Clamp(value, low, high) - low) / (high - low) * (Width - Left - Right);

        var bottom = drawn.Length * RowHeight + 8;
        var svg = new StringBuilder();
        svg.Append(Text($"<svg viewBox=\"0 0 {Width} {bottom + 18}\" role=\"img\" aria-label=\"{Html.Text(label)}\">"));
        svg.Append(
            Text($"<line class=\"axis\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>")
        );
        foreach (var threshold in thresholds)
        {
            var x = X(threshold);
            svg.Append(Text($"<line class=\"threshold\" x1=\"{x:0.#}\" x2=\"{x:0.#}\" y1=\"2\" y2=\"{bottom}\"/>"));
            svg.Append(
                Text(
                    $"<text x=\"{x:0.#}\" y=\"{bottom + 13}\" text-anchor=\"middle\">{Numbers.Chosen(threshold)}</text>"
                )
            );
        }

        for (var i = 0; i < drawn.Length; i++)
        {
            var (name, value, lower, upper, style) = drawn[i];
            var y = i * RowHeight + RowHeight / 2 + 2;
            svg.Append(Text($"<text x=\"0\" y=\"{y + 4}\">{name}</text>"));
            svg.Append($"<line class=\"{style}\" stroke-width=\"4\" stroke-opacity=\".45\" stroke-linecap=\"round\" ");
            svg.Append(Text($"x1=\"{X(lower):0.#}\" x2=\"{X(upper):0.#}\" y1=\"{y}\" y2=\"{y}\"/>"));
            svg.Append(Text($"<circle class=\"{style}\" r=\"4\" cx=\"{X(value):0.#}\" cy=\"{y}\"/>"));
        }

        return svg.Append("</svg>").ToString();
    }

    // A bound on a signed difference holds on both sides of 0, one on a ratio on both sides of 1.
    private static IEnumerable<double> Thresholds(GateReport gate) =>
        gate.Better switch
        {
            Better.NearZero when gate.Max is { } max => [-max, max],
            Better.NearOne when gate.Min is > 0 and { } min => [min, 1 / min],
            _ => new[] { gate.Min, gate.Max }.OfType<double>(),
        };

    private static string Shorten(string name) => name.Length > 11 ? name[..10] + "…" : name;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
