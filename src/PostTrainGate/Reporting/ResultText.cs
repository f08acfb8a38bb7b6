using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;

namespace PostTrainGate.Reporting;

/// <summary>What a result says in words, the same in every report.</summary>
internal static class ResultText
{
    /// <summary>One sentence: how the run ended, and what is proposed.</summary>
    /// <param name="result">The run.</param>
    /// <param name="model">Name of the model, as markup; null where the reader knows it.</param>
    public static string Headline(GateResult result, string? model = null)
    {
        var (total, failing) = (result.Gates.Length, Blocking(result));
        var (counted, verdict) = failing > 0 ? (failing, "failed") : (Count(result, Verdict.Pass), "passed");
        var of = model is null ? "" : $" of {model}";
        var text =
            counted != total ? $"{counted} of {total} gates{of} {verdict}"
            : total == 1 ? $"the gate{of} {verdict}"
            : $"{GateText.All(total)} gates{of} {verdict}";
        text += Open(result);
        if (result.Repair is { Proposed: true })
        {
            var repaired = result.Gates.Count(g => g.Repaired?.Verdict == Verdict.Pass);
            var which =
                repaired < total ? $"{repaired} of {total}"
                : total == 1 ? "it"
                : GateText.All(total);
            text += $"; a repaired model that passes {which} is proposed";
        }

        return $"{Outcome(result)}: {text}";
    }

    // Failing gates that keep the run from passing; others only warn, or their failure is accepted.
    private static int Blocking(GateResult result) =>
        result.Outcome == RunOutcome.Passed
            ? 0
            : result.Gates.Count(g => g is { Original.Verdict: Verdict.Fail, Severity: Severity.Error });

    // ", 1 failing, 1 inconclusive, 2 not measured"
    private static string Open(GateResult result)
    {
        var (text, blocking) = ("", Blocking(result));
        var others = Count(result, Verdict.Fail) - blocking;
        Add(others, blocking == 0 ? "failing" : $"more only {(others == 1 ? "warns" : "warn")}");
        foreach (var open in new[] { Verdict.Inconclusive, Verdict.NotMeasured })
            Add(Count(result, open), Outcomes.Words(open));
        return text;

        void Add(int count, string what) => text += count == 0 ? "" : $", {count} {what}";
    }

    /// <summary>How sure the intervals are: <c>95% intervals</c>, or wider ones that hold together.</summary>
    public static string Confidence(GateResult result) =>
        result.GateConfidence == result.Confidence
            ? $"{Percent(result.Confidence)} intervals"
            : $"simultaneous {Percent(result.Confidence)} intervals ({Percent(result.GateConfidence)} each, "
                + "Bonferroni)";

    /// <summary>What, when and with what, for the end of a page: plain text.</summary>
    public static string Footer(GateResult result)
    {
        string?[] parts =
        [
            result.Commit is { } commit ? $"commit {(commit.Length > 7 ? commit[..7] : commit)}" : null,
            result.Run?.Started.UtcDateTime.ToString("yyyy-MM-dd 'UTC'", CultureInfo.InvariantCulture),
            $"PostTrainGate {result.Tool}",
        ];
        var text = string.Join(", ", parts.OfType<string>());
        return $"{char.ToUpperInvariant(text[0])}{text[1..]}.";
    }

    /// <summary>
    /// How the run ended, in words: it has <c>Passed</c> only where every gate does. What the policy lets through, a
    /// gate that is inconclusive or only warns, is <c>Not blocked</c>.
    /// </summary>
    public static string Outcome(GateResult result) =>
        result.Outcome switch
        {
            RunOutcome.Passed => AllPass(result) ? "Passed" : "Not blocked",
            RunOutcome.Failed => "Failed",
            _ => "Undecided",
        };

    /// <summary>The sign before a headline.</summary>
    public static string Icon(GateResult result) =>
        result.Outcome switch
        {
            RunOutcome.Passed when AllPass(result) => "✅",
            RunOutcome.Failed => "❌",
            _ => "⚠️",
        };

    /// <summary>Whether the run passed and every gate with it.</summary>
    public static bool AllPass(GateResult result) =>
        result.Outcome == RunOutcome.Passed && Count(result, Verdict.Pass) == result.Gates.Length;

    /// <summary>The sign before a verdict; the word always stands beside it.</summary>
    public static string Icon(Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => "✅",
            Verdict.Fail => "❌",
            Verdict.Inconclusive => "⚠️",
            _ => "➖",
        };

    /// <summary>The sign before the verdict on the model of a gate: a failure that only warns has that of a doubt.</summary>
    public static string Icon(GateReport gate) =>
        gate is { Original.Verdict: Verdict.Fail, Severity: not Severity.Error }
            ? Icon(Verdict.Inconclusive)
            : Icon(gate.Original.Verdict);

    /// <summary>An interval: <c>[0.702, 0.758]</c>; empty when nothing was measured.</summary>
    public static string Interval(MeasuredValue? reading) =>
        reading is { Lower: { } lower, Upper: { } upper }
            ? $"[{Numbers.Measured(lower)}, {Numbers.Measured(upper)}]"
            : "";

    /// <summary>A signed difference: <c>+0.031</c>; empty when a side is missing.</summary>
    public static string Change(MeasuredValue? from, MeasuredValue? to) =>
        from?.Value is { } a && to?.Value is { } b ? Signed(b - a) : "";

    /// <summary>Where an input stands, for people.</summary>
    public static string Place(FragileInput input) =>
        input.Place.Length > 0
            ? input.Place
            : string.Create(CultureInfo.InvariantCulture, $"row {input.Row:N0} of the split");

    /// <summary>A share in percent: <c>4.3 %</c>.</summary>
    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.#} %");

    /// <summary>What the repair costs, in one sentence; null when that was not measured.</summary>
    public static string? Cost(RepairSummary repair)
    {
        if (repair is not { AccuracyBefore.Value: { } before, AccuracyAfter.Value: { } after })
            return null;
        var churn = Churn(repair) is { } changed ? $"; {changed}" : "";
        return $"{Numbers.Measured(before)} → {Numbers.Measured(after)} ({Signed(after - before)}){churn}";
    }

    // A change that corrects is another than one that breaks.
    private static string? Churn(RepairSummary repair)
    {
        if (repair.Churn is not { } share)
            return null;
        var text = $"{Percent(share)} of the predictions change";
        return repair is { Corrected: { } corrected, Broken: { } broken, AccuracyAfter.Count: var rows }
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{text}: {corrected:N0} corrected, {broken:N0} broken of {rows:N0}"
            )
            : text;
    }

    private const string Upload = "actions/upload-artifact";

    /// <summary>What a reader should do now, most important first.</summary>
    public static ImmutableArray<FormattableString> NextSteps(GateResult result)
    {
        var steps = ImmutableArray.CreateBuilder<FormattableString>();
        var failed = Count(result, Verdict.Fail) > 0;
        if (result.Repair is { Proposed: true, Output: { } output } repair)
        {
            var (method, old) = (repair.Method ?? "unknown", result.Model?.File);
            if (result.Proposal is { } proposal)
                steps.Add(proposal);
            else
                steps.Add(
                    $"Review the repaired model {output} ({method}), then replace {old} with it; the next run measures it."
                );
            if (result is { Proposal: null, PullRequest: not null })
                steps.Add(
                    $"The repaired model and the report are on the runner only until a step uploads them: {Upload}."
                );
            if (result.Gates.Any(g => g.Repaired is { Verdict: not Verdict.Pass }))
                steps.Add($"The repaired model does not pass every gate; check its verdicts before you use it.");
        }
        else if (failed && result.Model is null)
        {
            steps.Add($"Change the model that made these predictions.");
            steps.Add($"To try a repair, set {"model"} in {result.Policy} instead of {"prediction"}.");
        }
        else if (failed && result.Repair is not null && CutShort(result) is { } code)
        {
            steps.Add($"The repair did not finish; {code} says why.");
        }
        else if (failed && result.Repair is not null)
        {
            steps.Add($"No repair is proposed; retrain the model, or agree on another threshold in {result.Policy}.");
        }
        else if (failed)
        {
            steps.Add(
                $"No repair was tried; allow it in {result.Policy} and {"check"} without {"--no-repair"}, or retrain the model."
            );
        }

        foreach (
            var gate in result.Gates.Where(g =>
                g.Original.Verdict == Verdict.Inconclusive && g.Repaired?.Verdict != Verdict.Pass
            )
        )
        {
            var now = gate.Original.Count;
            if (RowsToDecide(gate) is { } rows)
                steps.Add(
                    $"{gate.Title}: about {rows:N0} test rows (now {now}) would decide it if the value stays the same."
                );
        }

        if (result.Gates.Any(g => g.Original.Verdict == Verdict.NotMeasured))
            steps.Add($"A gate that was not measured never passes; the table gives the reason.");
        return steps.ToImmutable();
    }

    // The code of what ended a run early; null where nothing did.
    private static string? CutShort(GateResult result) =>
        result
            .Diagnostics.Select(d => d.Code)
            .FirstOrDefault(c => c is DiagnosticCodes.EngineEnded or DiagnosticCodes.Internal);

    /// <summary>Gates that there is something to know of; those that do not pass first.</summary>
    public static ImmutableArray<GateReport> Noted(GateResult result) =>
        [.. result.Gates.Where(g => Notes(g).Any()).OrderBy(g => g.Original.Verdict == Verdict.Pass)];

    /// <summary>What a reader should know of a gate, a sentence each: why its failure is accepted, and its notes.</summary>
    public static IEnumerable<string> Notes(GateReport gate) =>
        gate is { Accepted: { } accepted, Original.Verdict: Verdict.Fail }
            ? gate.Original.Notes.Prepend(
                $"{GateText.Accepted(accepted, isOver: gate.Severity == Severity.Error).TrimEnd('.')}."
            )
            : gate.Original.Notes;

    /// <summary>Diagnostics that no other part of a report shows already, in their order.</summary>
    public static ImmutableArray<Diagnostic> Remarks(GateResult result) =>
        [
            .. result.Diagnostics.Where(d =>
                d.Code
                    is not (
                        DiagnosticCodes.GateFailed
                        or DiagnosticCodes.GateInconclusive
                        or DiagnosticCodes.GateNotMeasured
                        or DiagnosticCodes.RepairProposed
                        or DiagnosticCodes.RepairNone
                    )
            ),
        ];

    // An interval's half width shrinks with the square root of the number of rows.
    private static int? RowsToDecide(GateReport gate)
    {
        if (gate.Original is not { Value: { } value, Lower: { } lower, Upper: { } upper, Count: > 0 and var count })
            return null;
        // The value of the few rows that a gate stopped after may be far from that of all.
        if (gate.Original.Attacked is { StoppedEarly: true })
            return null;
        if ((gate.Min ?? gate.Max) is not { } threshold || (gate.Min is not null && gate.Max is not null))
            return null;
        var (judged, low, high) = Judge.Judged(gate.Better, new(value, lower, upper, count));
        var distance = Math.Abs(judged - threshold);
        var rows = count * Math.Pow((high - low) / 2 / distance, 2);
        if (!(rows > count && rows < 10_000_000))
            return null;
        var unit = Math.Pow(10, Math.Max(0, Math.Floor(Math.Log10(rows)) - 1)); // two digits: it is an estimate
        return (int)(Math.Round(rows / unit) * unit);
    }

    private static int Count(GateResult result, Verdict verdict) =>
        result.Gates.Count(g => g.Original.Verdict == verdict);

    /// <summary>A signed difference, which is no more exact than the values it lies between.</summary>
    public static string Signed(double change) => change.ToString("+0.000;-0.000;0.000", CultureInfo.InvariantCulture);
}
