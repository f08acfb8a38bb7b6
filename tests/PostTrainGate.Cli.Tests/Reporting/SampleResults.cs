using System.Collections.Immutable;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;

namespace PostTrainGate.Tests.Reporting;

/// <summary>Results of every shape that a report has to render, without running an engine.</summary>
internal static partial class SampleResults
{
    private const string File = "samples/credit/posttraingate.yml";

    /// <summary>Every gate passes.</summary>
    public static GateResult Passed =>
        Finish(
            Base([
                Gate(
                    "accuracy",
                    "accuracy",
                    "at least 0.72",
                    21,
                    Better.Higher,
                    new(0.757, 0.705, 0.802, 300, Verdict.Pass)
                ) with
                {
                    Min = 0.7,
                },
            ])
        );

    /// <summary>Two gates fail, one is inconclusive, one was not measured; a repair that passes most is
    /// proposed.</summary>
    public static GateResult Repaired =>
        Finish(
            Base([
                Gate(
                    "accuracy",
                    "accuracy",
                    "at least 0.72, at most 0.01 worse than the base",
                    21,
                    Better.Higher,
                    new(0.757, 0.735, 0.802, 300, Verdict.Pass) { Breakdowns = [ByClass(0.9, 0.614)] }
                ) with
                {
                    Min = 0.72,
                    Drop = 0.01,
                    Base = new(0.76, 0.709, 0.806, 300, Verdict.Pass),
                    Repaired = new(0.75, 0.728, 0.796, 300, Verdict.Pass) { Breakdowns = [ByClass(0.82, 0.68)] },
                    NullControl = new(0.748, 0.695, 0.794, 300, Verdict.Inconclusive),
                    CleanControl = new(0.762, 0.711, 0.807, 300, Verdict.Inconclusive),
                },
                Gate(
                    "statistical_parity_difference",
                    "statistical parity difference by sex",
                    "at most 0.1 in absolute value",
                    22,
                    Better.NearZero,
                    new(-0.187, -0.259, -0.115, 300, Verdict.Fail)
                ) with
                {
                    Max = 0.1,
                    Base = new(-0.181, -0.25, -0.108, 300, Verdict.Fail),
                    Repaired = new(0.021, -0.048, 0.09, 300, Verdict.Pass),
                    NullControl = new(-0.176, -0.249, -0.102, 300, Verdict.Fail),
                    CleanControl = new(-0.165, -0.238, -0.091, 300, Verdict.Fail),
                },
                Gate(
                    "robust_accuracy",
                    "robust accuracy, PGD Linf epsilon 0.1, 40 steps",
                    "at least 0.4",
                    24,
                    Better.Higher,
                    new(0.163, 0.102, 0.27, 96, Verdict.Fail) { Attacked = new(96, 300, 0) }
                ) with
                {
                    Min = 0.4,
                    Parameters = new(null, null, "pgd", "linf", 0.1, null, 96),
                    Base = new(0.17, 0.131, 0.217, 300, Verdict.Fail),
                    Repaired = new(0.473, 0.417, 0.53, 300, Verdict.Pass) { Attacked = new(300, 300, 12) },
                    NullControl = new(0.159, 0.122, 0.205, 300, Verdict.Fail),
                    CleanControl = new(0.16, 0.116, 0.217, 200, Verdict.Fail),
                },
                Gate(
                    "disparate_impact",
                    "disparate impact by age",
                    "at least 0.8",
                    25,
                    Better.NearOne,
                    new(0.86, 0.74, 0.98, 300, Verdict.Inconclusive)
                ) with
                {
                    Min = 0.8,
                    Repaired = new(0.9, 0.79, 1.02, 300, Verdict.Inconclusive),
                },
                Gate(
                    "equal_opportunity_difference",
                    "equal opportunity difference by sex_age",
                    "at most 0.1 in absolute value",
                    26,
                    Better.NearZero,
                    new(
                        null,
                        null,
                        null,
                        0,
                        Verdict.NotMeasured,
                        "the group sex_age=female,young has no row with a favorable label"
                    )
                ) with
                {
                    Max = 0.1,
                },
            ]) with
            {
                Base = new(new string('b', 64), Unchanged: false)
                {
                    Commit = new string('b', 40),
                    Flips = new(4, 5, 300, 1),
                },
                Commit = new string('a', 40),
                PullRequest = 7,
                Repair = new RepairSummary
                {
                    Proposed = true,
                    Reason = "fmt repairs both failed gates on the test split under fresh attacks.",
                    Method = "fmt-dual",
                    Output = "models/credit.repaired.onnx",
                    Sha256 = new string('c', 64),
                    AccuracyBefore = new(0.757, 0.705, 0.802, 300, Verdict.Pass),
                    AccuracyAfter = new(0.75, 0.698, 0.796, 300, Verdict.Pass),
                    NullAccuracy = 0.741,
                    CleanControl = new(1.9, 0.764),
                    Churn = 0.043,
                    Corrected = 5,
                    Broken = 7,
                    Harm =
                    [
                        Harm(HarmKind.GroupAccuracy, "lowest accuracy by sex", 0.741, 0.738, HarmStanding.None),
                        Harm(HarmKind.ClassAccuracy, "accuracy of class refused", 0.9, 0.82, HarmStanding.Possible),
                        Harm(
                            HarmKind.GroupCalibration,
                            "highest calibration error by age",
                            0.061,
                            0.085,
                            HarmStanding.Accepted
                        ),
                        Harm(HarmKind.ClassAccuracy, "accuracy of class granted", 0.614, 0.68, HarmStanding.None),
                    ],
                    StoppedEarly = true,
                    TimeLimit = 5400,
                    Details = ImmutableSortedDictionary<string, string>
                        .Empty.Add("layer", "dense_3")
                        .Add("weights changed", "412 of 5,602"),
                    Source = new(2, 0.76),
                    Candidates =
                    [
                        new("fmt-dual", true, 0, 0.755, true) { Harm = 0.01, Churn = 0.045 },
                        new("fmt-dual", true, 0.4, 0.758, false)
                        {
                            Share = 0.6,
                            Harm = 0,
                            Churn = 0.02,
                        },
                        new("adversarial", true, 0.71, 0.74, false) { Harm = 0.02, Churn = 0.11 },
                        new("sparse", true, 0.1, 0.75, false)
                        {
                            Harm = 0.09,
                            Churn = 0.07,
                            Blocked = true,
                        },
                        new("fmt-single", false, null, 0.695, false),
                        new("dare", false, null, null, false, "no gate of robustness to spectra"),
                    ],
                },
            }
        );

    /// <summary>A gate without a verdict that the policy demands.</summary>
    public static GateResult Undecided =>
        Finish(
            Base([
                Gate(
                    "disparate_impact",
                    "disparate impact by age",
                    "at least 0.8",
                    25,
                    Better.NearOne,
                    new(0.86, 0.74, 0.98, 300, Verdict.Inconclusive)
                ) with
                {
                    Min = 0.8,
                },
            ]),
            new OutcomePolicy(Inconclusive: Outcome.Fail)
        );

    /// <summary>A gate fails, and no repair helped.</summary>
    public static GateResult Rejected =>
        Finish(
            Base([
                Gate(
                    "accuracy",
                    "accuracy",
                    "at least 0.9",
                    21,
                    Better.Higher,
                    new(0.757, 0.705, 0.802, 300, Verdict.Fail)
                ) with
                {
                    Min = 0.9,
                },
            ]) with
            {
                Repair = new RepairSummary
                {
                    Proposed = false,
                    Reason = "No candidate met the gates within the policy's accuracy.",
                },
            }
        );

    // Of a calibration error more is worse, of an accuracy less.
    private static HarmReport Harm(HarmKind kind, string title, double before, double after, HarmStanding standing)
    {
        var worsening = kind == HarmKind.GroupCalibration ? after - before : before - after;
        return new()
        {
            Kind = kind,
            Title = title,
            Before = before,
            After = after,
            Worsening = worsening,
            Lower = worsening - 0.09,
            Upper = worsening + 0.09,
            Standing = standing,
        };
    }

    private static Breakdown ByClass(double refused, double granted) =>
        new(
            "accuracy by class",
            [
                new("refused", refused, refused - 0.06, refused + 0.05, 90),
                new("granted", granted, granted - 0.07, granted + 0.06, 210),
            ]
        );

    private static GateReport Gate(
        string metric,
        string title,
        string threshold,
        int line,
        Better better,
        MeasuredValue original
    ) =>
        new()
        {
            Metric = metric,
            Title = title,
            Threshold = threshold,
            Better = better,
            Original = original,
            Position = new(File, line, 5),
        };

    private static GateResult Base(ImmutableArray<GateReport> gates) =>
        new()
        {
            Tool = "0.1.0",
            Policy = File,
            Model = new("models/credit.onnx", new string('a', 64), "softmax", 2, 5602),
            Data = new("data/german.csv", 500, 200, 300),
            Seed = 7,
            Confidence = 0.95,
            Correction = Correction.None,
            GateConfidence = 0.95,
            Outcome = RunOutcome.Passed,
            Gates = gates,
            Reproduce = $"posttraingate check {File}",
            Run = new(new(2026, 11, 30, 8, 15, 0, TimeSpan.Zero), "Debian GNU/Linux 13", "x64", 4)
            {
                GateSeconds = [.. gates.Select((_, i) => 0.25 * (i + 1))],
            },
            Seconds = 12.345,
        };

    // Outcome and diagnostics come from the engine's own rules.
    private static GateResult Finish(GateResult result, OutcomePolicy? on = null)
    {
        var policy = Policy(on);
        result = result with { Outcome = Outcomes.Decide(policy, result.Gates) };
        return result with { Diagnostics = Outcomes.Diagnose(policy, result) };
    }

    private static GatePolicy Policy(OutcomePolicy? on) =>
        new()
        {
            File = File,
            Folder = "/",
            Model = new("m", "/m", default),
            Data = new DataPolicy { Source = new("d", "/d", default) },
            Gates = [],
            When = on ?? new(),
        };
}
