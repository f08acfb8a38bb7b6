using System.Globalization;
using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>
/// A breakdown whose parts are points of a curve, such as robust accuracy over epsilon: the model's and the repaired
/// one's.
/// </summary>
internal static class CurvePicture
{
    private const double Width = 400,
        Height = 170,
        Left = 34,
        Right = 22,
        Top = 8,
        Bottom = 34;

    /// <summary>An SVG element; points stand at equal distances, named below, values from 0 to 1 upward.</summary>
    public static string Draw(Breakdown original, Breakdown? repaired, string model)
    {
        var svg = new StringBuilder();
        svg.Append(Text($"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\""))
            .Append(Html.Text($"{original.Title}. {Words(model, original)}"))
            .Append(repaired is null ? "" : Html.Text($" {Words("Repaired", repaired)}"))
            .Append("\">");
        var steps = Math.Max(1, original.Parts.Length - 1);
        double X(int i) => Left + i * (Width - Left - Right) / steps;
        double Y(double value) => Top + (1 - Math.Clamp(value, 0, 1)) * (Height - Top - Bottom);
        foreach (var value in new[] { 0, 0.5, 1 })
        {
            var y = Y(value);
            svg.Append(
                Text($"<line class=\"axis\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y:0.#}\" y2=\"{y:0.#}\"/>")
            );
            svg.Append(Text($"<text x=\"{Left - 6}\" y=\"{y + 4:0.#}\" text-anchor=\"end\">{value}</text>"));
        }

        foreach (var (i, part) in original.Parts.Index())
        {
            svg.Append(Text($"<text x=\"{X(i):0.#}\" y=\"{Height - Bottom + 15}\" text-anchor=\"middle\">"));
            svg.Append(Html.Text(part.Name)).Append("</text>");
        }

        svg.Append(Text($"<text x=\"{Width - Right}\" y=\"{Height - 4}\" text-anchor=\"end\">epsilon</text>"));
        if (repaired is not null)
            svg.Append(Text($"<text x=\"{Left}\" y=\"{Height - 4}\">solid: {model}, dashed: Repaired</text>"));
        svg.Append(Line(original, "none", ""))
            .Append(repaired is null ? "" : Line(repaired, "pass", " stroke-dasharray=\"5 3\""));
        return svg.Append("</svg>").ToString();

        string Line(Breakdown curve, string style, string dashes)
        {
            var points = curve.Parts.Index().Where(p => p.Item.Value is not null).ToArray();
            var band = points
                .Select(p => Text($"{X(p.Index):0.#},{Y(p.Item.Upper ?? p.Item.Value!.Value):0.#}"))
                .Concat(
                    points.Reverse().Select(p => Text($"{X(p.Index):0.#},{Y(p.Item.Lower ?? p.Item.Value!.Value):0.#}"))
                );
            var line = points.Select(p => Text($"{X(p.Index):0.#},{Y(p.Item.Value!.Value):0.#}"));
            return $"<polygon class=\"{style}\" stroke-opacity=\"0\" fill-opacity=\".18\" "
                + $"points=\"{string.Join(' ', band)}\"/>"
                + $"<polyline class=\"{style}\" fill-opacity=\"0\" stroke-width=\"2\"{dashes} "
                + $"points=\"{string.Join(' ', line)}\"/>";
        }
    }

    private static string Words(string model, Breakdown curve) =>
        $"{model}: "
        + string.Join(
            "; ",
            curve
                .Parts.Where(p => p.Value is not null)
                .Select(p =>
                    $"{p.Name}: {Numbers.Measured(p.Value!.Value)} [{Numbers.Measured(p.Lower ?? p.Value.Value)}, "
                    + $"{Numbers.Measured(p.Upper ?? p.Value.Value)}]"
                )
        )
        + ".";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
