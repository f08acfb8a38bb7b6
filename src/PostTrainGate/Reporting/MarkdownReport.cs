using System.Globalization;
using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>
/// <c>gate-report.md</c>: what the pull request comment and the job summary show. The verdict first, a row for each
/// gate that does not pass or changed, what to do next; everything else is folded. GitHub refuses comments above 65,536
/// characters, so folded tables are cut first, rows of gates last, and what was cut is counted.
/// </summary>
public sealed partial class MarkdownReport : IReportWriter
{
    /// <summary>Longest report, in UTF-16 units; leaves room for what the comment adds.</summary>
    public const int Limit = 64_000;

    // From everything to the least that is still a report.
    private static readonly Room[] Rooms =
    [
        new(int.MaxValue, int.MaxValue, Untrusted.Longest),
        new(25, int.MaxValue, Untrusted.Longest),
        new(5, 200, 200),
        new(5, 100, 100),
        new(3, 60, 80),
        new(3, 20, 60),
        new(1, 5, 40),
        new(0, 0, 20),
    ];

    /// <inheritdoc/>
    public string Name => "markdown";

    /// <inheritdoc/>
    public string FileName => "gate-report.md";

    /// <inheritdoc/>
    public string Summary => "The pull request comment and the job summary.";

    /// <inheritdoc/>
    public bool Always => true;

    /// <inheritdoc/>
    public string Mark => @"\A## \S+ (Passed|Not blocked|Failed|Undecided)[:,] ";

    /// <inheritdoc/>
    public string Render(GateResult result) => Fitting(room => Render(result, room));

    /// <summary>The page for a run that gave no result.</summary>
    /// <param name="policy">Path of the policy.</param>
    /// <param name="diagnostics">Why.</param>
    public static string Failure(string policy, IReadOnlyList<Diagnostic> diagnostics) =>
        Fitting(room => Failure(policy, diagnostics, room));

    // Whatever is in it, there is a page.
    private static string Fitting(Func<Room, string> render)
    {
        var text = "";
        foreach (var room in Rooms)
        {
            text = render(room);
            if (text.Length <= Limit)
                return text;
        }

        return $"{text[..text.IndexOf('\n', StringComparison.Ordinal)]}\n\nThe report is too long to show here; see "
            + "`gate-result.json`.\n";
    }

    private static string Failure(string policy, IReadOnlyList<Diagnostic> diagnostics, Room room)
    {
        var most = Math.Clamp(room.Rows, 1, 50);
        var page = new StringBuilder();
        Line(page, "## ❌ The gate could not run\n");
        Line(page, $"Nothing was measured for the policy {Markdown.Code(policy)}:\n");
        foreach (var diagnostic in diagnostics.OrderByDescending(d => d.Severity).Take(most))
            Line(page, $"- {Remark(diagnostic, room)}");
        foreach (var cut in Cut(diagnostics.Count, most, "- ", "the log"))
            Line(page, cut);
        return page.ToString();
    }

    private static string Render(GateResult result, Room room)
    {
        var page = new StringBuilder();
        Line(page, $"## {ResultText.Icon(result)} {ResultText.Headline(result, FileOf(result))}");
        Line(page);
        Line(
            page,
            $"{(result.Model is { } model ? $"Model {Markdown.Code(model.File)}" : "Predictions")} under the policy "
                + $"{Markdown.Code(result.Policy)}, measured on {Whole(result.Data.Test)} rows of "
                + $"{Markdown.Code(result.Data.Source)} with {ResultText.Confidence(result)}."
        );
        Line(page);
        if (Comparison.Sentence(result) is { } compared)
            Line(page, $"**Against the base{Commit(result.Base!.Commit)}:** {compared}\n");
        Gates(page, result, room);
        Trends(page, result, room);
        if (result.Repair is { } repair)
        {
            Line(page, $"**Repair:** {Markdown.Text(repair.Reason, room.Text)}");
            if (ResultText.Cost(repair) is { } cost)
                Line(page, $"<br>**Accuracy:** {cost}.");
            if (HarmText.Nothing(repair) is { } nothing)
                Line(page, $"<br>**What else changes:** {nothing}");
            Line(page);
            Worsened(page, repair, room);
            if (GateText.StoppedEarly(repair) is { } stopped)
                Line(page, $"> ⚠️ {stopped}\n");
        }

        var remarks = ResultText.Remarks(result);
        var grave = remarks.Where(r => r.Severity != Severity.Note).ToArray();
        foreach (var remark in grave.Take(room.Rows))
            Line(page, $"> {(remark.Severity == Severity.Error ? "❌" : "⚠️")} {Remark(remark, room)}\n");
        foreach (var cut in Cut(grave.Length, room.Rows))
            Line(page, $"> {cut}\n");
        Next(page, result, room);
        Fold(page, "Notes on the gates that do not pass", Drivers(result, passing: false, room));
        Fold(page, "Notes on the gates that pass", Drivers(result, passing: true, room));
        if (result.Repair is { } tried)
        {
            Fold(page, "What else changes", Harm(tried, room));
            Fold(page, "What the repair tried", Tried(tried, room));
        }

        if (remarks.Where(r => r.Severity == Severity.Note).ToArray() is { Length: > 0 } notes)
            Fold(
                page,
                "Notes",
                string.Join(
                    '\n',
                    notes.Take(room.Rows).Select(n => $"- {Remark(n, room)}").Concat(Cut(notes.Length, room.Rows, "- "))
                )
            );
        Fold(page, "Reproduce", Reproduce(result));
        Line(page, $"<sub>{Markdown.Text(ResultText.Footer(result))}</sub>");
        return page.ToString();
    }

    private static void Next(StringBuilder page, GateResult result, Room room)
    {
        var steps = ResultText.NextSteps(result);
        if (steps.IsEmpty)
            return;
        Line(page, "**What to do next**\n");
        var most = Math.Max(1, room.Rows);
        foreach (var step in steps.Take(most))
            Line(page, $"- {Markdown.Sentence(step)}");
        foreach (var cut in Cut(steps.Length, most, "- "))
            Line(page, cut);
        Line(page);
    }

    private static string Drivers(GateResult result, bool passing, Room room)
    {
        var gates = ResultText.Noted(result).Where(g => g.Original.Verdict == Verdict.Pass == passing).ToArray();
        return string.Join(
            '\n',
            gates
                .Take(room.Rows)
                .Select(g =>
                    $"- **{Markdown.Text(g.Title, room.Text)}:** "
                    + $"{string.Join(' ', ResultText.Notes(g).Take(2).Select(n => Markdown.Text(n, room.Text)))}"
                )
                .Concat(Cut(gates.Length, room.Rows, "- "))
        );
    }

    private static string? FileOf(GateResult result) =>
        result.Model is { } model ? Markdown.Code(Path.GetFileName(model.File)) : null;

    private static string Commit(string? commit) => commit is null ? "" : $" ({Markdown.Code(Short(commit))})";

    private static string Short(string commit) => commit.Length > 7 ? commit[..7] : commit;

    private static string Reproduce(GateResult result) =>
        $"""
            {Markdown.Block("sh", result.Reproduce)}

            Tool {Markdown.Text(result.Tool)}, seed {result.Seed}. {Provenance(result)}
            """;

    private static string Provenance(GateResult result)
    {
        var data = result.Data;
        if (result.Model is not { } model)
            return $"Rows: {Whole(data.Test)}, all measured.";
        var output = model.Output.Length > 0 ? $"{Markdown.Code(model.Output)}, " : "";
        return $"Model: SHA-256 {Markdown.Code(model.Sha256)}, {model.Classes} classes, {Whole(model.Parameters)} "
            + $"parameters, output {output}{Markdown.Text(model.Head)}. Rows: {Whole(data.Repair)} for repair, "
            + $"{Whole(data.Select)} for selection, {Whole(data.Test)} for testing.";
    }

    private static string Remark(Diagnostic remark, Room room) =>
        $"{Markdown.Text(remark.Message, room.Text)} ("
        + $"{(remark.Position is { } at ? $"{Markdown.Code(at.ToString())}, " : "")}{remark.Code})";

    private static IEnumerable<string> Cut(
        int total,
        int shown,
        string lead = "",
        string where = "`gate-result.json`"
    ) => total > shown ? [$"{lead}{Whole(total - shown)} more: see {where}."] : [];

    private static void Fold(StringBuilder page, string title, string content)
    {
        if (string.IsNullOrWhiteSpace(content))
            return;
        Line(page, $"<details><summary>{title}</summary>\n\n{content.Trim()}\n\n</details>\n");
    }

    private static string Number(double? value) => value is { } v ? Numbers.Measured(v) : "";

    private static string Whole(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    // Not AppendLine: the report is the same on every system.
    private static void Line(StringBuilder page, string line = "") => page.Append(line).Append('\n');

    /// <summary>How much is shown.</summary>
    /// <param name="Rows">Rows of a folded table.</param>
    /// <param name="Gates">Rows of the table of gates.</param>
    /// <param name="Text">UTF-16 units of one text.</param>
    private sealed record Room(int Rows, int Gates, int Text);
}
