using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

/// <summary>
/// The repair of one run: candidates learn on the repair split and are chosen on the selection split; the one chosen is
/// measured once on the test split, attacked afresh, beside a null control.
/// </summary>
internal sealed partial class RepairRun(
    GatePolicy policy,
    DataSplits splits,
    OnnxClassifier source,
    GateMeter test,
    ImmutableArray<Measurement>? baseline,
    RunCache? cache,
    IProgress<RunProgress>? progress,
    CancellationToken cancel
) : IDisposable
{
    private readonly RepairPolicy _repair = policy.Repair!;
    private RepairCandidate? _best,
        _trained;

    /// <summary>The result with what the repair came to, and the repaired model written when it is proposed.</summary>
    public GateResult Repair(GateResult result, Evaluation original, ImmutableArray<GateRule> failed, bool write)
    {
        var kept = cache is null ? null : new KeptRepair(cache, policy, source, splits);
        using var selection = new Selection(source, splits.Select, policy, failed, splits.Test.Count, cancel, progress)
        {
            Kept = kept,
        };
        using var tournament = new Tournament(selection) { Kept = kept };
        Search(tournament, selection, failed);
        var candidates = tournament
            .Tried.OrderByDescending(c => c.Chosen)
            .ThenByDescending(c => c.Admissible)
            .ThenBy(c => c.Gap)
            .ThenBy(c => c.Harm)
            .ToImmutableArray();
        var summary = new RepairSummary
        {
            Proposed = false,
            Reason = "",
            Candidates = candidates,
            Source = new(selection.Source.Gap, selection.Source.Accuracy),
            StoppedEarly = tournament.StoppedEarly,
            TimeLimit = _repair.TimeLimit.TotalSeconds,
        };
        result = result with { Diagnostics = [.. result.Diagnostics, .. Known(original)] };
        if (_best is null)
            return result with { Repair = summary with { Reason = WhyNone(tournament) } };
        return Measure(result, original, summary, write);
    }

    private IEnumerable<Diagnostic> Known(Evaluation original)
    {
        var at = policy.Data.Position;
        return new[]
        {
            KnownRows.Sign(source, original, splits.Select, "select", at),
            policy.Data.Splits.Trained is null ? KnownRows.Sign(source, original, splits.Repair, "repair", at) : null,
        }.OfType<Diagnostic>();
    }

    private string WhyNone(Tournament tournament)
    {
        var tried = tournament.Tried.Where(c => c.Accuracy is not null).ToArray();
        if (tried.Length == 0)
            return tournament.StoppedEarly ? "No repair was tried." : "No repair applies to the failed gates.";
        return tried.Any(c => c.Admissible)
            ? $"None of {tried.Length} candidates improves the failed gates on the selection split"
                + " without losing others."
            : $"All {tried.Length} candidates lose a class, or more accuracy on the selection split than the "
                + $"{Numbers.Chosen(_repair.MaxAccuracyDrop)} that the policy allows.";
    }

    private GateResult Measure(GateResult result, Evaluation original, RepairSummary summary, bool write)
    {
        using var evaluation = new Evaluation(_best!.Model, splits.Test);
        var afresh = new GateMeter(policy, splits.Test, "test", cancel)
        {
            Reference = original,
            Base = test.Base,
            Plan = test.Plan,
        };
        var readings = afresh.Read(
            evaluation,
            afresh.Measure(evaluation, $"{(Attacks ? "Attacking" : "Measuring")} the repaired model afresh", progress),
            baseline,
            progress
        );
        var (noise, nullAccuracy) = NullControls(original);
        var trained = CleanControls(original);
        var gates = result
            .Gates.Select(
                (g, i) => g with { Repaired = readings[i], NullControl = noise[i], CleanControl = trained?[i] }
            )
            .ToImmutableArray();

        var before = test.Accuracy(original);
        var after = test.Accuracy(evaluation);
        var harm = new HarmPanel(original, policy).Compare(evaluation);
        var (corrected, broken) = HarmPanel.Flips(original, evaluation);
        var (proposed, reason) = Decide(gates, harm, before.Value - after.Value, i =>
            MayBeChance(i, gates[i], original, evaluation)
        );
        summary = summary with
        {
            Proposed = proposed,
            Reason = reason,
            Method = _best.Method,
            AccuracyBefore = GateMeter.Read(before, Verdict.Pass),
            AccuracyAfter = GateMeter.Read(
                after,
                before.Value - after.Value <= _repair.MaxAccuracyDrop ? Verdict.Pass : Verdict.Fail
            ),
            NullAccuracy = nullAccuracy,
            CleanControl = _trained is { Score.Admissible: true } t ? new(t.Score.Gap, t.Score.Accuracy) : null,
            Churn = HarmPanel.Churn(original, evaluation),
            Corrected = corrected,
            Broken = broken,
            Harm = harm,
            Details = _best.Details,
        };
        Diagnostic? unwritten = null;
        if (write && (proposed || _repair.WriteRefused))
            (summary, unwritten) = Write(summary, result);
        return result with
        {
            Gates = gates,
            Repair = summary,
            Diagnostics = unwritten is null ? result.Diagnostics : [.. result.Diagnostics, unwritten],
        };
    }

    private bool Attacks => policy.Gates.Any(g => g.Attack is not null);

    // A repair is proposed when a gate that failed no longer does, none got worse, nothing else either, and the
    // accuracy stays within what it may cost.
    private (bool Proposed, string Reason) Decide(
        ImmutableArray<GateReport> gates,
        ImmutableArray<HarmReport> harm,
        double cost,
        Func<int, bool> mayBeChance
    )
    {
        if (cost > _repair.MaxAccuracyDrop)
        {
            return (
                false,
                $"{_best!.Method} loses {Numbers.Chosen(cost)} accuracy on the test split; "
                    + $"the policy allows {Numbers.Chosen(_repair.MaxAccuracyDrop)}."
            );
        }

        var worse = gates.FirstOrDefault(g =>
            Judge.Worse(g.Original.Verdict, g.Repaired!.Verdict) != g.Original.Verdict
        );
        if (worse is not null)
        {
            return (
                false,
                $"{_best!.Method} makes another gate worse: {worse.Title} would be {GateText.Value(worse.Repaired!)}, "
                    + $"{Outcomes.Words(worse.Repaired!.Verdict)}."
            );
        }

        if (harm.Where(h => h.Standing == HarmStanding.Blocks).MaxBy(h => h.Worsening) is { } grave)
        {
            return (
                false,
                $"{_best!.Method} makes something else worse: {grave.Title} goes from "
                    + $"{Numbers.Measured(grave.Before)} to {Numbers.Measured(grave.After)}. Add "
                    + $"'{HarmPanel.Name(grave.Kind)}' to 'repair.accept' to allow it."
            );
        }

        var wrong = gates.Where(g => Outcomes.Blocks(policy, g, g.Original.Verdict)).ToArray();
        var repaired = wrong.Count(g => g.Repaired!.Verdict == Verdict.Pass);
        var opened = wrong
            .Where(g => g.Repaired!.Verdict == Verdict.Inconclusive && !Outcomes.Blocks(policy, g, g.Repaired.Verdict))
            .ToArray();
        var open = opened.Count(g => !mayBeChance(gates.IndexOf(g)));
        if (repaired + open > 0)
            return (
                true,
                $"{_best!.Method} {Improvement(wrong, repaired, open)} on the test split"
                    + $"{(Attacks ? " under fresh attacks" : "")}."
            );
        return (
            false,
            $"{_best!.Method} helped on the selection split, but "
                + (
                    opened is [var first, ..]
                        ? $"on the test split chance explains what it gains: {first.Title} goes from "
                            + $"{GateText.Value(first.Original)} to {GateText.Value(first.Repaired!)}."
                        : "no failed gate passes on the test split."
                )
        );
    }

    /// <summary>What becomes of failed gates, in words; only one that passes is repaired.</summary>
    /// <param name="wrong">Gates that failed, and those without a verdict where the policy asks for one.</param>
    /// <param name="repaired">Those that pass now.</param>
    /// <param name="open">Those that nothing can be said of now.</param>
    internal static string Improvement(IReadOnlyCollection<GateReport> wrong, int repaired, int open)
    {
        var verdicts = new[] { Verdict.Fail, Verdict.Inconclusive, Verdict.NotMeasured };
        var kinds = verdicts.Where(v => wrong.Any(g => g.Original.Verdict == v)).Select(Words);
        var kind = Wording.List(kinds, "or");
        if (repaired == 0)
            return $"improves {Some(open)} to inconclusive";
        var text = $"repairs {Some(repaired)}";
        return open == 0 ? text : $"{text} and improves {open} to inconclusive";

        string Some(int some) =>
            some < wrong.Count ? $"{some} of {wrong.Count} {kind} gates"
            : some == 1 ? $"the {kind} gate"
            : $"{GateText.All(some)} {kind} gates";

        static string Words(Verdict verdict) =>
            verdict switch
            {
                Verdict.Fail => "failed",
                Verdict.Inconclusive => "inconclusive",
                _ => "unmeasured",
            };
    }

    // What was measured stands, whatever becomes of the file.
    private (RepairSummary Summary, Diagnostic? Unwritten) Write(RepairSummary summary, GateResult result)
    {
        var path = summary.Proposed ? OutputFiles.ModelPath(policy) : OutputFiles.RefusedPath(policy);
        var name = Path.GetRelativePath(policy.Folder, path).Replace('\\', '/');
        try
        {
            if (OutputFiles.WhyNotModel(policy, path) is { } refused)
                throw new IOException($"it {refused}.");
            Save(path, summary, result);
            return (
                summary.Proposed
                    ? summary with
                    {
                        Output = name,
                        Sha256 = Hash.ComputeFile(path),
                    }
                    : summary with
                    {
                        Reason = $"{summary.Reason} The candidate is in {name}.",
                    },
                null
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (
                summary with
                {
                    Proposed = false,
                    Reason = summary.Proposed
                        ? $"{summary.Reason} It is not proposed because it could not be written."
                        : summary.Reason,
                },
                new(
                    DiagnosticCodes.ReportUnwritable,
                    $"The {(summary.Proposed ? "repaired model" : "refused candidate")} {name} cannot be written: "
                        + e.Message,
                    _repair.Output?.Position ?? policy.Model!.Position,
                    Severity.Warning
                )
            );
        }
    }

    private void Save(string path, RepairSummary summary, GateResult result)
    {
        var entries = summary
            .Details.SetItem("tool", $"PostTrainGate {result.Tool}")
            .SetItem("method", summary.Method!)
            .SetItem("source-sha256", result.Model!.Sha256)
            .SetItem("policy-sha256", Hash.ComputeFile(Path.Combine(policy.Folder, Path.GetFileName(policy.File))))
            .SetItem("seed", $"{policy.Seed}");
        _best!.Model.Save(path, new Provenance(entries));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _best?.Model.Dispose();
        _trained?.Model.Dispose();
    }
}
