using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>A gate over several runs: values with their intervals, thresholds, and where the level shifted.</summary>
internal static class TrendPicture
{
    private const double Width = 400,
        Height = 112,
        Left = 44,
        Right = 12,
        Top = 16,
        Bottom = 20;

    /// <summary>An SVG element; empty when there is nothing to draw.</summary>
    public static string Draw(GateReport gate)
    {
        if (gate.Trend is not { } trend || trend.Points.All(p => p.Value is null))
            return "";
        double[] thresholds = [.. IntervalPicture.Thresholds(gate)];
        var marks = trend
            .Points.SelectMany(p => new[] { p.Value, p.Lower, p.Upper })
            .OfType<double>()
            .Concat(thresholds)
            .Where(double.IsFinite)
            .ToArray();
        var axis = PictureAxis.Around(marks.Min(), marks.Max());
        var step = (Width - Left - Right) / Math.Max(1, trend.Points.Length - 1);
        double X(double i) => Left + i * step;
        double Y(double value) => Top + (1 - axis.Share(value)) * (Height - Top - Bottom);

        var svg = new StringBuilder(Text($"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\""));
        svg.Append(Html.Text(Words(gate.Title, trend))).Append("\"><title>");
        svg.Append(Html.Text($"{gate.Title} over {trend.Points.Length} runs")).Append("</title>");
        foreach (var (value, place) in new[] { (axis.High, 4), (axis.Low, 0) })
        {
            svg.Append(
                Text($"<line class=\"axis\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(value):0.#}\" ")
                    + Text($"y2=\"{Y(value):0.#}\"/>")
                    + Text($"<text x=\"{Left - 6}\" y=\"{Y(value) + place:0.#}\" text-anchor=\"end\">")
                    + Text($"{value:0.####}</text>")
            );
        }

        foreach (var threshold in thresholds)
            svg.Append(
                Text($"<line class=\"threshold\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(threshold):0.#}\" ")
                    + Text($"y2=\"{Y(threshold):0.#}\"/>")
            );
        foreach (var stretch in Stretches(trend.Points))
            Append(stretch);
        if (trend.Shift is { } shift)
            Mark(X(shift.At - 0.5), $"since {TrendText.Commit(trend.Points[shift.At])}");
        foreach (var (i, point) in trend.Points.Index())
            if (point.Value is { } value)
                svg.Append(Text($"<circle class=\"{Style(point.Verdict)}\" r=\"3\" cx=\"{X(i):0.#}\" "))
                    .Append(Text($"cy=\"{Y(value):0.#}\"><title>"))
                    .Append(Html.Text(Words(point)))
                    .Append("</title></circle>");
        Label(Left, "start", TrendText.Date(trend.Points[0]));
        Label(Width - Right, "end", TrendText.Date(trend.Points[^1]));
        return svg.Append("</svg>").ToString();

        // Where every run was measured: the intervals as a band, the values as a line.
        void Append((int At, TrendPoint Point)[] run)
        {
            var upper = run.Select(p => Text($"{X(p.At):0.#},{Y(p.Point.Upper ?? axis.High):0.#}"));
            var lower = run.Reverse().Select(p => Text($"{X(p.At):0.#},{Y(p.Point.Lower ?? axis.Low):0.#}"));
            var line = run.Select(p => Text($"{X(p.At):0.#},{Y(p.Point.Value!.Value):0.#}"));
            svg.Append($"<polygon class=\"band\" points=\"{string.Join(' ', upper.Concat(lower))}\"/>");
            svg.Append($"<polyline class=\"course\" points=\"{string.Join(' ', line)}\"/>");
        }

        // Its text stands on the side where there is room.
        void Mark(double x, string text)
        {
            var (to, anchor) = x > Width / 2 ? (x - 4, "end") : (x + 4, "start");
            svg.Append(
                Text($"<line class=\"shift\" x1=\"{x:0.#}\" x2=\"{x:0.#}\" y1=\"2\" y2=\"{Height - Bottom}\"/>")
            );
            svg.Append(Text($"<text class=\"label\" x=\"{to:0.#}\" y=\"11\" text-anchor=\"{anchor}\">"));
            svg.Append(Html.Text(text)).Append("</text>");
        }

        void Label(double x, string anchor, string text) =>
            svg.Append(Text($"<text x=\"{x}\" y=\"{Height - 5}\" text-anchor=\"{anchor}\">{text}</text>"));
    }

    private static IEnumerable<(int At, TrendPoint Point)[]> Stretches(ImmutableArray<TrendPoint> points)
    {
        List<(int, TrendPoint)> stretch = [];
        foreach (var (i, point) in points.Index())
        {
            if (point.Value is not null)
            {
                stretch.Add((i, point));
                continue;
            }

            if (stretch.Count > 0)
                yield return [.. stretch];
            stretch.Clear();
        }

        if (stretch.Count > 0)
            yield return [.. stretch];
    }

    // The picture in words, for those who do not see it.
    private static string Words(string title, Trend trend)
    {
        var shift = TrendText.Shift(trend) is { } text ? $"; {text.ToString(CultureInfo.InvariantCulture)}" : "";
        return $"{title} over {trend.Points.Length} runs: {string.Join("; ", trend.Points.Select(Words))}{shift}";
    }

    private static string Words(TrendPoint point) =>
        $"{TrendText.Date(point)} {TrendText.Commit(point)}: {TrendText.Value(point)}"
        + (point.Value is null ? "" : $", {Outcomes.Words(point.Verdict)}");

    private static string Style(Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => "pass",
            Verdict.Fail => "fail",
            _ => "open",
        };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
