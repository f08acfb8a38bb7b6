using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>
/// <c>gate-report.html</c>: the content of the comment as one page that needs no network and runs no script, with a
/// picture of every gate's intervals against its threshold; light and dark.
/// </summary>
public sealed partial class HtmlReport : IReportWriter
{
    private const int MostParts = 50;

    // Has everything.
    private static readonly string JsonFile = Html.Code(new GateJson().FileName);

    /// <inheritdoc/>
    public string Name => "html";

    /// <inheritdoc/>
    public string FileName => "gate-report.html";

    /// <inheritdoc/>
    public string Summary =>
        "One page for people, offline: every interval drawn against its threshold, robustness curves, what a "
        + "repair's candidates cost, the most fragile inputs.";

    /// <inheritdoc/>
    public bool Always => false;

    /// <inheritdoc/>
    public string Mark => "<title>PostTrainGate: ";

    /// <inheritdoc/>
    public string Render(GateResult result)
    {
        var page = new StringBuilder();
        page.Append(
            $$"""
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy"
              content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
            <title>PostTrainGate: {{Html.Text(result.Policy)}}</title>
            <style>
            {{Style}}
            </style>
            <header class="{{ResultText.Outcome(result).ToLowerInvariant().Replace(' ', '-')}}">
            <h1>{{ResultText.Icon(result)}} {{ResultText.Headline(
                result,
                result.Model is { } named ? Html.Code(Path.GetFileName(named.File)) : null
            )}}</h1>
            <p>{{(
                result.Model is { } model ? $"Model {Html.Code(model.File)}" : "Predictions"
            )}} under the policy {{Html.Code(result.Policy)}}, measured on {{Whole(
                result.Data.Test
            )}} rows of {{Html.Code(result.Data.Source)}} with {{ResultText.Confidence(result)}}.</p>
            </header>
            <main>

            """
        );
        if (Comparison.Sentence(result) is { } compared)
            page.Append($"<p><b>Against the base:</b> {Html.Text(compared)}</p>\n");
        if (result.Repair is { } repair)
        {
            page.Append($"<p><b>Repair:</b> {Html.Text(repair.Reason)}");
            if (ResultText.Cost(repair) is { } cost)
                page.Append($" <b>Accuracy:</b> {Html.Text(cost)}.");
            page.Append("</p>\n").Append(Worsened(repair));
        }

        var steps = ResultText.NextSteps(result);
        if (steps.Length > 0)
            page.Append(
                $"<h2>What to do next</h2>\n<ul>{string.Concat(steps.Select(s => $"<li>{Html.Sentence(s)}</li>"))}"
                    + "</ul>\n"
            );
        var remarks = ResultText.Remarks(result);
        if (remarks.Length > 0)
            page.Append($"<h2>Remarks</h2>\n<ul>{string.Concat(remarks.Select(Remark))}</ul>\n");
        var columns = Comparison.Columns(result);
        var (open, more, passing) = Comparison.Sort(result);
        if (result.Gates.Select(g => g.Trend).OfType<Trend>().ToArray() is { Length: > 0 } trends)
            page.Append($"<p><b>Trend:</b> {Html.Sentence(TrendText.Runs(trends, TrendText.ThisRun))}.</p>\n");
        Gates("Gates that do not pass or changed", [.. open, .. more]);
        Gates("Gates that pass", passing);
        if (ControlText.Of(result) is { Length: > 0 } controls)
            page.Append($"<p class=\"quiet\">{Html.Text(controls)}</p>\n");
        if (result.Repair is { } tried)
            page.Append(Harm(tried)).Append(Tried(tried));
        page.Append(
            $"""
            <h2>Reproduce</h2>
            <pre>{Html.Text(result.Reproduce)}</pre>
            <p class="quiet">Tool {Html.Text(result.Tool)}, seed {result.Seed}. {Provenance(result)}</p>
            </main>
            <footer class="quiet">{Html.Text(ResultText.Footer(result))}</footer>
            </html>

            """
        );
        return page.ToString().ReplaceLineEndings("\n");

        void Gates(string title, ImmutableArray<GateReport> gates)
        {
            if (!gates.IsEmpty)
                page.Append($"<h2>{title}</h2>\n").AppendJoin("", gates.Select(g => Gate(g, columns)));
        }
    }

    private static string Provenance(GateResult result)
    {
        var data = result.Data;
        if (result.Model is not { } model)
            return $"Rows: {Whole(data.Test)}, all measured.";
        var output = model.Output.Length > 0 ? $"{Html.Code(model.Output)}, " : "";
        return $"Model: SHA-256 {Html.Code(model.Sha256)}, {model.Classes} classes, {Whole(model.Parameters)} "
            + $"parameters, output {output}{Html.Text(model.Head)}. Rows: {Whole(data.Repair)} for repair, "
            + $"{Whole(data.Select)} for selection, {Whole(data.Test)} for testing.";
    }

    private static string Gate(GateReport gate, ImmutableArray<Comparison.Column> columns)
    {
        var rows = columns
            .Where(c => c.Of(gate) is not null)
            .Select(c =>
            {
                var reading = c.Of(gate)!;
                var change = c.Before is { } before ? ResultText.Change(before(gate), reading) : "";
                return $"<tr><th scope=\"row\">{c.Name}</th>"
                    + $"<td>{(c.IsControl ? "" : Verdict(gate, reading))}</td>"
                    + $"<td>{Value(reading, change)}</td></tr>\n";
            });
        return $"""
            <section>
            <h3>{Html.Text(gate.Title)} <small>{Html.Text(gate.Threshold)}</small></h3>
            <div class="gate">{Scroll(
                "<table><tr><th scope=\"col\">Model</th><th scope=\"col\">Verdict</th>"
                    + "<th scope=\"col\">Value</th></tr>\n"
                    + $"{string.Concat(rows)}</table>",
                gate.Title
            )}{IntervalPicture.Draw(gate, columns)}</div>
            {Course(gate)}{Notes(ResultText.Notes(gate))}{Breakdowns(gate, columns)}{Fragile(
                "Most fragile inputs",
                gate.Original
            )}
            {Fragile("Most fragile inputs of the repaired model", gate.Repaired)}</section>

            """;
    }

    // The gate over several runs.
    private static string Course(GateReport gate)
    {
        if (gate.Trend is not { } trend || TrendPicture.Draw(gate) is not { Length: > 0 } picture)
            return "";
        var change = TrendText.Change(trend) is { Length: > 0 } signed
            ? [signed == "0.000" ? "as in the run before" : $"{signed} from the run before"]
            : (string[])[];
        var remarks = string.Join("; ", change.Concat(TrendText.Remarks(trend).Select(Html.Sentence)));
        return $"<figure class=\"trend\">{picture}<figcaption>Trend over {trend.Points.Length} runs"
            + $"{(remarks.Length > 0 ? $": {remarks}" : "")}.</figcaption></figure>\n";
    }

    // A wide table scrolls by itself, by keyboard too.
    private static string Scroll(string table, string name) =>
        $"<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"{Html.Text(name)}\">{table}</div>";

    private static string Notes(IEnumerable<string> notes) =>
        string.Concat(notes.Select(n => $"<li>{Html.Text(n)}</li>")) is { Length: > 0 } items
            ? $"<ul class=\"quiet\">{items}</ul>\n"
            : "";

    // What the values are made of, the repaired model's beside the model's; folded, since it explains and decides
    // nothing.
    private static string Breakdowns(GateReport gate, ImmutableArray<Comparison.Column> columns)
    {
        var model = columns.First(c => ReferenceEquals(c.Of(gate), gate.Original)).Name;
        var repaired = gate.Repaired?.Breakdowns ?? [];
        return string.Concat(
            gate.Original.Breakdowns.Select(breakdown =>
            {
                var (shown, after) = Shown(breakdown, repaired.FirstOrDefault(b => b.Title == breakdown.Title));
                var rows = shown.Parts.Select(
                    (part, i) =>
                        $"<tr><th scope=\"row\">{Html.Text(part.Name)}</th><td>{Part(part)}"
                        + $"</td>{(after is null ? "" : $"<td>{Part(after.Parts.ElementAtOrDefault(i))}</td>")}</tr>"
                );
                var head =
                    $"<tr><td></td><th scope=\"col\">{model}</th>"
                    + $"{(after is null ? "" : "<th scope=\"col\">Repaired</th>")}</tr>";
                var picture = breakdown.IsCurve
                    ? CurvePicture.Draw(shown, after, model)
                    : IntervalPicture.Draw(after ?? shown, after is null ? model : "Repaired");
                var caption = breakdown.IsCurve ? "" : $"Drawn: {(after is null ? model : "Repaired")}.";
                if (shown.Parts.Length < breakdown.Parts.Length)
                    caption += $" The {MostParts} lowest of {Whole(breakdown.Parts.Length)}: see {JsonFile} for all.";
                return $"""
                    <details{(gate.Original.Verdict == Metrics.Verdict.Fail ? " open" : "")}><summary>{Html.Text(
                        breakdown.Title
                    )}</summary>
                    <div class="gate">{Scroll($"<table>{head}{string.Concat(rows)}</table>", breakdown.Title)}{(
                        picture.Length == 0 ? "" : $"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
                    )}</div></details>

                    """;
            })
        );
    }

    // Of a thousand classes those that fare worst, the repaired model's beside the model's.
    private static (Breakdown Shown, Breakdown? After) Shown(Breakdown breakdown, Breakdown? after)
    {
        if (breakdown.IsCurve || breakdown.Parts.Length <= MostParts)
            return (breakdown, after);
        int[] lowest =
        [
            .. Enumerable
                .Range(0, breakdown.Parts.Length)
                .OrderBy(i => breakdown.Parts[i].Value ?? double.MaxValue)
                .Take(MostParts),
        ];
        return (Of(breakdown), after is null ? null : Of(after));

        Breakdown Of(Breakdown all) => all with { Parts = [.. lowest.Select(i => all.Parts[i])] };
    }

    // What the attack found, folded too.
    private static string Fragile(string title, MeasuredValue? reading) =>
        reading is not { Fragile: { IsEmpty: false } inputs }
            ? ""
            : $"""
                <details><summary>{title}</summary>
                <p class="quiet">Rows of the test split with the smallest adversarial changes found, smallest first;
                smaller changes may exist.</p>
                {string.Concat(inputs.Select(Fragile))}</details>

                """;

    private static string Fragile(FragileInput input)
    {
        var size = input.Size > 0 ? $"size {Numbers.Chosen(input.Size)}" : "no numeric change";
        var place = Html.Text(ResultText.Place(input));
        var head =
            $"<p>{place}: <b>{Html.Text(input.Label)}</b> is predicted as "
            + $"<b>{Html.Text(input.Predicted)}</b> "
            + $"<span class=\"quiet\">{size}</span></p>";
        if (input.Image is { } image)
        {
            var amplified = $"perturbation × {Numbers.Chosen(image.Amplification)}";
            return $"<div class=\"fragile\">{head}{Figure("as it is", image.Original)}"
                + $"{Figure(amplified, image.Perturbation)}"
                + $"{Figure("adversarial", image.Adversarial)}</div>";
        }

        var rows = string.Concat(
            input.Columns.Select(c =>
                $"<tr><th scope=\"row\">{Html.Text(c.Name)}</th><td>{Html.Text(c.From)}</td>"
                + $"<td>→ {Html.Text(c.To)}</td></tr>"
            )
        );
        var more =
            input.MoreColumns > 0
                ? $"<tr><td class=\"quiet\" colspan=\"3\">and {Whole(input.MoreColumns)} more columns</td></tr>"
                : "";
        return $"<div class=\"fragile\">{head}<table>{rows}{more}</table></div>";

        string Figure(string caption, ImmutableArray<byte> pixels)
        {
            var address = Png.Address(image.Width, image.Height, image.Channels, pixels.AsSpan());
            return $"<figure><img alt=\"{caption}, {place}\" src=\"{address}\">"
                + $"<figcaption>{caption}</figcaption></figure>";
        }
    }

    private static string Part(BreakdownPart? part) =>
        part?.Value is not { } value
            ? "–"
            : $"{Numbers.Measured(value)}<br><small>[{Numbers.Measured(part.Lower ?? value)}, "
                + $"{Numbers.Measured(part.Upper ?? value)}], {Whole(part.Count)} rows</small>";

    // The value, and below it how sure it is and what it rests on.
    private static string Value(MeasuredValue reading, string change)
    {
        if (reading.Value is not { } value)
            return $"<small>{Html.Text(reading.Reason)}</small>";
        var effort = GateText.Effort(reading) is { Length: > 0 } text ? $"<br>{text}" : "";
        var reason = reading.Reason is { } why ? $"<br>{Html.Text(why)}" : "";
        var moved = change.Length > 0 ? $" ({change})" : "";
        return $"{Numbers.Measured(value)}{moved}<br><small>{ResultText.Interval(reading)}, {Whole(reading.Count)} rows"
            + $"{effort}{reason}</small>";
    }

    private static string Verdict(GateReport gate, MeasuredValue reading) =>
        ReferenceEquals(reading, gate.Original)
            ? $"{ResultText.Icon(gate)} {Outcomes.Words(gate)}"
            : $"{ResultText.Icon(reading.Verdict)} {Outcomes.Words(reading.Verdict)}";

    private static string Remark(Diagnostic remark) =>
        $"<li>{(remark.Severity == Severity.Note ? "" : "⚠️ ")}{Html.Text(remark.Message)} "
        + $"{(remark.Position is { } at ? Html.Code(at.ToString()) : "")} <span "
        + $"class=\"quiet\">{remark.Code}</span></li>";

    private static string Number(double? value) => value is { } v ? Numbers.Measured(v) : "";

    private static string Whole(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
