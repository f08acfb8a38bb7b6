using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;

namespace PostTrainGate.Gating;

/// <summary>What the policy makes of verdicts.</summary>
internal static class Outcomes
{
    /// <summary>Whether a verdict of a gate keeps the run from succeeding.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="gate">The gate.</param>
    /// <param name="verdict">The verdict, of any model.</param>
    public static bool Blocks(GatePolicy policy, GateReport gate, Verdict verdict) =>
        Weight(policy, gate, verdict) == Outcome.Fail;

    /// <summary>
    /// How the run ends for the model under the gate; a proposed repair does not make a failing model pass.
    /// </summary>
    public static RunOutcome Decide(GatePolicy policy, ImmutableArray<GateReport> gates)
    {
        var blocking = gates.Where(g => Blocks(policy, g, g.Original.Verdict)).Select(g => g.Original.Verdict).ToList();
        return blocking.Contains(Verdict.Fail) ? RunOutcome.Failed
            : blocking.Count > 0 ? RunOutcome.Undecided
            : RunOutcome.Passed;
    }

    /// <summary>
    /// One diagnostic for each gate that does not pass, at its line, and one for what the repair came to.
    /// </summary>
    public static ImmutableArray<Diagnostic> Diagnose(GatePolicy policy, GateResult result)
    {
        var all = result.Gates.Where(g => g.Original.Verdict != Verdict.Pass).Select(g => Diagnose(policy, g));
        if (result.Repair is { } repair)
        {
            var (code, text) = repair.Proposed
                ? (DiagnosticCodes.RepairProposed, $"{repair.Reason} Proposed: {repair.Output}.")
                : (DiagnosticCodes.RepairNone, repair.Reason);
            // The reason may name one already.
            var unnamed = HarmText
                .Worsened(repair)
                .Where(h => !repair.Reason.Contains(h.Title, StringComparison.Ordinal));
            foreach (var harm in unnamed.Take(3))
                text += $" Also worse: {HarmText.Line(harm)}.";
            if (GateText.StoppedEarly(repair) is { } stopped)
                text += $" {stopped}";
            all = all.Append(
                new Diagnostic(code, text, policy.Repair?.Position is { Line: > 0 } at ? at : null, Severity.Note)
            );
        }

        return [.. result.Diagnostics, .. all];
    }

    private static Diagnostic Diagnose(GatePolicy policy, GateReport gate)
    {
        var reading = gate.Original;
        var severity = Weight(policy, gate, reading.Verdict) switch
        {
            Outcome.Fail => Severity.Error,
            Outcome.Warn => Severity.Warning,
            _ => Severity.Note,
        };
        var (code, text) = reading.Verdict switch
        {
            Verdict.Fail when reading.Reason is { } doubt => (
                DiagnosticCodes.GateNotTrusted,
                $"{gate.Title} is {GateText.Value(reading)} on {GateText.Rows(reading)}; it is {doubt}."
            ),
            Verdict.Fail => (
                DiagnosticCodes.GateFailed,
                $"{gate.Title} is {GateText.Value(reading)} on {GateText.Rows(reading)}; it must be {gate.Threshold}."
            ),
            Verdict.Inconclusive when reading.Attacked is { StoppedEarly: true } attacked => (
                DiagnosticCodes.GateInconclusive,
                $"{gate.Title} is {GateText.Value(reading)} on {GateText.Rows(reading)}; "
                    + $"even all {attacked.Of} rows are too few to decide whether it is {gate.Threshold}."
            ),
            Verdict.Inconclusive => (
                DiagnosticCodes.GateInconclusive,
                $"{gate.Title} is {GateText.Value(reading)} on {GateText.Rows(reading)}; "
                    + $"too few rows to decide whether it is {gate.Threshold}."
            ),
            _ => (DiagnosticCodes.GateNotMeasured, $"{gate.Title} was not measured: {reading.Reason}"),
        };
        if (gate.Repaired is { } repaired)
            text += $" Repaired model: {GateText.Value(repaired)}, {Words(repaired.Verdict)}.";
        if (gate.Accepted is { } accepted)
            text += $" {GateText.Accepted(accepted, policy.Today > accepted.Until)}.";
        return new Diagnostic(code, text, gate.Position, severity);
    }

    /// <summary>
    /// What a gate that does not pass comes to at most on the day of the run: an accepted failure only warns.
    /// </summary>
    public static Severity Most(GatePolicy policy, GateRule rule) =>
        rule is { Severity: Severity.Error, Accepted: { } accepted } && policy.Today <= accepted.Until
            ? Severity.Warning
            : rule.Severity;

    /// <summary>The verdict on the model of a gate in words, with what it is worth.</summary>
    public static string Words(GateReport gate) =>
        gate is not { Original.Verdict: Verdict.Fail, Severity: not Severity.Error } ? Words(gate.Original.Verdict)
        : gate.Accepted is { } accepted
            ? $"fail, accepted until {accepted.Until.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}"
        : $"fail, {(gate.Severity == Severity.Warning ? "a warning" : "a note")}";

    /// <summary>A verdict in words.</summary>
    public static string Words(Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => "pass",
            Verdict.Fail => "fail",
            Verdict.Inconclusive => "inconclusive",
            _ => "not measured",
        };

    private static Outcome Weight(GatePolicy policy, GateReport gate, Verdict verdict)
    {
        var weight = verdict switch
        {
            Verdict.Pass => Outcome.Pass,
            Verdict.Fail => Outcome.Fail,
            Verdict.Inconclusive => policy.When.Inconclusive,
            _ => policy.When.NotMeasured,
        };
        var most = gate.Severity switch
        {
            Severity.Error => Outcome.Fail,
            Severity.Warning => Outcome.Warn,
            _ => Outcome.Pass,
        };
        return weight < most ? weight : most;
    }
}
