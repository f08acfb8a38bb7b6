using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;

namespace PostTrainGate.Gating;

/// <summary>What the policy makes of verdicts.</summary>
internal static class Outcomes
{
    /// <summary>Whether a verdict keeps the run from succeeding.</summary>
    public static bool Blocks(GatePolicy policy, Verdict verdict) => Weight(policy, verdict) == Outcome.Fail;

    /// <summary>
    /// How the run ends for the model under the gate; a proposed repair does not make a failing model pass.
    /// </summary>
    public static RunOutcome Decide(GatePolicy policy, ImmutableArray<GateReport> gates)
    {
        var verdicts = gates.Select(g => g.Original.Verdict).ToArray();
        if (verdicts.Contains(Verdict.Fail))
            return RunOutcome.Failed;
        return verdicts.Any(v => Blocks(policy, v)) ? RunOutcome.Undecided : RunOutcome.Passed;
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
        var severity = Weight(policy, reading.Verdict) switch
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
        return new Diagnostic(code, text, gate.Position, severity);
    }

    /// <summary>A verdict in words.</summary>
    public static string Words(Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => "pass",
            Verdict.Fail => "fail",
            Verdict.Inconclusive => "inconclusive",
            _ => "not measured",
        };

    private static Outcome Weight(GatePolicy policy, Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => Outcome.Pass,
            Verdict.Fail => Outcome.Fail,
            Verdict.Inconclusive => policy.When.Inconclusive,
            _ => policy.When.NotMeasured,
        };
}
