using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

/// <summary>
/// A repair's candidates on the selection split: accuracy to the right, what the gates lack upward, so that the best
/// corner is the lower right one. Those that no other beats are joined.
/// </summary>
internal static class FrontierPicture
{
    /// <summary>Most points; the chosen one and the frontier come first.</summary>
    public const int MostPoints = 150;

    private const int LongestNote = 60;

    private const double Width = 400,
        Height = 250,
        Left = 60,
        Right = 22,
        Top = 16,
        Bottom = 40;

    /// <summary>A figure with its caption; empty when there is nothing to compare.</summary>
    public static string Draw(RepairSummary repair)
    {
        var (points, left) = Points(repair);
        if (points.Length == 0)
            return "";
        var frontier = Candidates.Frontier(repair);
        var (open, leading) = (frontier.ToHashSet(), Candidates.Leading(frontier));
        var (x, y) = Axes(repair, points, open);
        var beyond = points.Count(p => p.Gap > y.High);
        var svg = new StringBuilder(
            Text(
                $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-labelledby=\"frontier-title frontier-text\">"
            )
        );
        svg.Append("<title id=\"frontier-title\">Accuracy of the candidates against what the gates lack</title>");
        svg.Append("<desc id=\"frontier-text\">").Append(Html.Text(Description(repair, points, frontier)));
        svg.Append("</desc>").Append(Frame(x, y));
        // What matters is drawn last and so on top.
        foreach (var c in points.OrderBy(c => c.Chosen).ThenBy(leading.Contains).ThenBy(open.Contains))
            Point(c);
        var line = leading.Where(points.Contains).Select(c => At(c.Accuracy!.Value, c.Gap!.Value));
        svg.Append("<polyline class=\"step\" points=\"");
        svg.AppendJoin(' ', line.Select(p => Text($"{p.X:0.#},{p.Y:0.#}"))).Append("\"/>");
        foreach (var c in points.Where(c => c.Chosen))
        {
            var at = At(c.Accuracy!.Value, c.Gap!.Value);
            svg.Append(Text($"<circle class=\"ring\" r=\"8\" cx=\"{at.X:0.#}\" cy=\"{at.Y:0.#}\"/>"))
                .Append(Label("chosen", at));
        }

        foreach (var (standing, name, label) in Fixed(repair))
        {
            var at = At(standing.Accuracy, standing.Gap);
            svg.Append(Text($"<rect class=\"source\" width=\"9\" height=\"9\" x=\"{at.X - 4.5:0.#}\" "))
                .Append(Text($"y=\"{at.Y - 4.5:0.#}\"><title>{name}: "))
                .Append(Figures(standing.Accuracy, standing.Gap))
                .Append("</title></rect>")
                .Append(Label(label, at, below: standing != repair.Source));
        }

        return $"<figure class=\"frontier\">{svg}</svg>\n<figcaption>{Caption(left, beyond)}</figcaption></figure>\n";

        void Point(CandidateSummary c)
        {
            var (style, radius) =
                !Candidates.IsOpen(c) ? ("hollow", 3)
                : leading.Contains(c) ? ("option leading", 4.5)
                : open.Contains(c) ? ("option", 3.5)
                : ("other", 2.5);
            var at = At(c.Accuracy!.Value, c.Gap!.Value);
            svg.Append(Text($"<circle class=\"{style}\" r=\"{radius}\" cx=\"{at.X:0.#}\" cy=\"{at.Y:0.#}\">"));
            svg.Append($"<title>{Html.Text(Words(c))}</title></circle>");
        }

        (double X, double Y) At(double accuracy, double gap) =>
            (
                Left + x.Share(accuracy) * (Width - Left - Right),
                Height - Bottom - y.Share(Math.Min(gap, y.High)) * (Height - Top - Bottom)
            );
    }

    private static string Caption(int left, int beyond)
    {
        var text =
            "Figures of the selection split. Lower and further right is better. Blue: no other candidate is as good "
            + "in accuracy, gates, harm and changed predictions; the line joins those that lead in the two drawn. "
            + "Small and gray: the others. Hollow: likely makes something else worse, or loses too much accuracy.";
        if (beyond > 0)
            text += Text($" On the upper edge: {beyond:N0} that lack more.");
        return left > 0 ? text + Text($" Not drawn: {left:N0} more.") : text;
    }

    // Models that are no candidates, and that candidates are seen beside.
    private static IEnumerable<(SourceStanding Standing, string Name, string Label)> Fixed(RepairSummary repair)
    {
        if (repair.Source is { } source)
            yield return (source, "The model as it is", "source");
        if (repair.CleanControl is { } clean)
            yield return (clean, "Clean control", "clean control");
    }

    // For those who do not see it.
    private static string Description(
        RepairSummary repair,
        ImmutableArray<CandidateSummary> points,
        ImmutableArray<CandidateSummary> frontier
    )
    {
        var text = Text($"{points.Length} candidates, {frontier.Length} of them not beaten by another.");
        foreach (var (standing, name, _) in Fixed(repair))
            text += $" {name}: {Figures(standing.Accuracy, standing.Gap)}.";
        return points.FirstOrDefault(c => c.Chosen) is { } chosen ? $"{text} Chosen: {Words(chosen)}." : text;
    }

    // The one chosen, the frontier, and as many others as there is room for, spread evenly over the best and the worst.
    private static (ImmutableArray<CandidateSummary> Points, int Left) Points(RepairSummary repair)
    {
        CandidateSummary[] scored =
        [
            .. repair.Candidates.Where(c => c is { Accuracy: not null, Gap: { } gap } && double.IsFinite(gap)),
        ];
        var options = Candidates.Options(repair, MostPoints).Where(scored.Contains).ToHashSet();
        CandidateSummary[] others = [.. scored.Where(c => !options.Contains(c))];
        var room = Math.Min(others.Length, MostPoints - options.Count);
        ImmutableArray<CandidateSummary> points =
        [
            .. options,
            .. Enumerable.Range(0, room).Select(i => others[(int)((long)i * others.Length / room)]),
        ];
        return (points, scored.Length - points.Length);
    }

    // All accuracies; of gaps those that are of interest, as a failed attempt may lack any amount.
    private static (PictureAxis X, PictureAxis Y) Axes(
        RepairSummary repair,
        ImmutableArray<CandidateSummary> points,
        HashSet<CandidateSummary> open
    )
    {
        var accuracies = points.Select(p => p.Accuracy!.Value).ToList();
        var gaps = points.Where(p => p.Chosen || open.Contains(p)).Select(p => p.Gap!.Value).ToList();
        foreach (var (standing, _, _) in Fixed(repair))
        {
            accuracies.Add(standing.Accuracy);
            gaps.Add(standing.Gap);
        }

        if (gaps.Count == 0)
            gaps.AddRange(points.Select(p => p.Gap!.Value));
        var most = Math.Min(points.Max(p => p.Gap!.Value), 1.5 * gaps.Max());
        return (
            PictureAxis.Around(accuracies.Min(), accuracies.Max()),
            PictureAxis.Around(0, Math.Max(most, gaps.Max()))
        );
    }

    private static string Frame(PictureAxis x, PictureAxis y)
    {
        var (svg, bottom) = (new StringBuilder(), Height - Bottom);
        foreach (var tick in y.Ticks)
        {
            var at = bottom - y.Share(tick) * (bottom - Top);
            svg.Append(
                    Text($"<line class=\"axis\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{at:0.#}\" y2=\"{at:0.#}\"/>")
                )
                .Append(Text($"<text x=\"{Left - 6}\" y=\"{at + 4:0.#}\" text-anchor=\"end\">{tick:0.####}</text>"));
        }

        foreach (var tick in x.Ticks)
        {
            var at = Left + x.Share(tick) * (Width - Left - Right);
            svg.Append(
                    Text($"<line class=\"axis\" x1=\"{at:0.#}\" x2=\"{at:0.#}\" y1=\"{bottom}\" y2=\"{bottom + 4}\"/>")
                )
                .Append(Text($"<text x=\"{at:0.#}\" y=\"{bottom + 16}\" text-anchor=\"middle\">{tick:0.####}</text>"));
        }

        svg.Append(Text($"<text x=\"{Width - Right}\" y=\"{Height - 6}\" text-anchor=\"end\">accuracy →</text>"));
        var middle = (Top + bottom) / 2;
        return svg.Append(Text($"<text transform=\"rotate(-90 13 {middle})\" x=\"13\" y=\"{middle}\" "))
            .Append("text-anchor=\"middle\">gates lack (0: all pass)</text>")
            .ToString();
    }

    // Beside its point, on the side where there is room; a control is near the source, whose label is above.
    private static string Label(string text, (double X, double Y) at, bool below = false)
    {
        var y = below ? Math.Min(Height - Bottom - 4, at.Y + 15) : Math.Max(Top, at.Y - 6);
        var toLeft = at.X > Width * 0.75;
        var anchor = toLeft ? "end" : "start";
        return Text($"<text class=\"label\" x=\"{at.X + (toLeft ? -11 : 11):0.#}\" y=\"{y:0.#}\" ")
            + $"text-anchor=\"{anchor}\">{text}</text>";
    }

    private static string Words(CandidateSummary c)
    {
        var note = Candidates.Note(c) is { } why ? $"; {Untrusted.Clean(why, LongestNote)}" : "";
        return $"{c.Title}: {Figures(c.Accuracy!.Value, c.Gap!.Value)}{note}";
    }

    private static string Figures(double accuracy, double gap) =>
        $"accuracy {Numbers.Measured(accuracy)}, gates lack {Numbers.Measured(gap)}";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
