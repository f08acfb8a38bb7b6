using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;

namespace PostTrainGate.Gating;

// What a run says, at its end and before.
public static partial class Gate
{
    /// <summary>
    /// The result of a run whose engine ended before it: no gate was measured, whatever the policy makes of that.
    /// </summary>
    internal static GateResult Undecided(GatePolicy policy, Diagnostic why, string reason)
    {
        var none = GateMeter.Read(Measurement.NotMeasured(reason), Verdict.NotMeasured);
        var gates = policy.Gates.Select(rule => Reading(policy, rule, none)).ToImmutableArray();
        var model = policy.Model is { } file
            ? new ModelSummary(file.Text, Hash.ComputeFile(file.FullPath), "", 0, 0)
            : null;
        return Result(policy, gates, new(policy.Data.Source.Text, 0, 0, 0), model) with
        {
            Outcome = RunOutcome.Undecided,
            Diagnostics = [why],
        };
    }

    // What is certain while gates are still measured: figures, and the verdicts that need no more than them.
    private static GateResult Early(
        GatePolicy policy,
        IReadOnlyList<Measurement> measured,
        DataSummary data,
        ModelSummary model,
        ImmutableArray<Diagnostic> known
    )
    {
        var later = GateMeter.Read(Measurement.NotMeasured("the engine ended before it"), Verdict.NotMeasured);
        var gates = policy
            .Gates.Select(
                (rule, i) => Reading(policy, rule, i < measured.Count ? GateMeter.ReadEarly(rule, measured[i]) : later)
            )
            .ToImmutableArray();
        var result = Result(policy, gates, data, model);
        return result with
        {
            Outcome = result.Outcome == RunOutcome.Failed ? RunOutcome.Failed : RunOutcome.Undecided,
            Diagnostics =
            [
                .. known,
                .. Outcomes.Diagnose(
                    policy,
                    result with
                    {
                        Gates = [.. gates.Where(g => g.Original.Verdict != Verdict.NotMeasured)],
                    }
                ),
            ],
        };
    }

    private static ModelSummary Summary(GatePolicy policy, Classifier source) =>
        new(
            policy.Model!.Text,
            Hash.ComputeFile(policy.Model.FullPath),
            GateText.Head(source.Head),
            source.Classes,
            (source as OnnxClassifier)?.Parameters.Values.Sum(p => p.numel()) ?? 0
        )
        {
            Output = source.Output,
            WhyNoGradients = source.WhyNoGradients,
        };

    private static GateReport Reading(GatePolicy policy, GateRule rule, MeasuredValue original) =>
        new()
        {
            Metric = rule.Metric.Name,
            Title = GateText.Title(rule),
            Threshold = GateText.Threshold(rule),
            Min = rule.Min,
            Max = rule.Max,
            Drop = rule.Drop,
            Severity = Outcomes.Most(policy, rule),
            Accepted = rule.Accepted,
            Parameters = Parameters(rule, original),
            Position = rule.Position,
            Better = rule.Metric.Better,
            Original = original,
        };

    private static GateResult Result(
        GatePolicy policy,
        ImmutableArray<GateReport> gates,
        DataSummary data,
        ModelSummary? model
    ) =>
        new()
        {
            Tool = Tool.Version,
            Policy = policy.File,
            Model = model,
            Data = data,
            Seed = policy.Seed,
            Confidence = policy.Confidence,
            Correction = policy.Correction,
            GateConfidence = policy.GateConfidence,
            Gates = gates,
            Outcome = Outcomes.Decide(policy, gates),
            Reproduce = $"posttraingate check {Quoted(policy.File)}",
        };

    private static IEnumerable<Diagnostic> ScoresOnly(GatePolicy policy, Classifier model) =>
        model.WhyNoGradients is not { } why
            ? []
            :
            [
                new(
                    DiagnosticCodes.ModelScoresOnly,
                    $"{why} The model runs in ONNX Runtime. Metrics and score-based attacks work; "
                        + "gradient-based attacks and repairs do not.",
                    policy.Model!.Position,
                    Severity.Note
                ),
            ];

    private static IEnumerable<Diagnostic> Assumed(GatePolicy policy, Classifier model) =>
        model.Notes.Select(note => new Diagnostic(
            DiagnosticCodes.ModelAssumed,
            note,
            policy.Model!.Position,
            Severity.Note
        ));

    private static string Quoted(string path) => path.Any(char.IsWhiteSpace) ? $"\"{path}\"" : path;
}
