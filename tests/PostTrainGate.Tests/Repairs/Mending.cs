using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Repairs;
using PostTrainGate.Tests.Metrics;

namespace PostTrainGate.Tests.Repairs;

/// <summary>
/// A gate that a small model fails beyond chance, and what a repair makes of it: learned on one part of the rows, chosen
/// on a second, reported on a third.
/// </summary>
/// <param name="Gate">The gate; its threshold lies just beyond the interval of the source.</param>
/// <param name="Candidates">Models that were scored.</param>
/// <param name="Before">The source on the sealed rows.</param>
/// <param name="After">The chosen model on them; null where none was chosen.</param>
/// <param name="Verdict">What the gate says of it.</param>
/// <param name="Cost">Accuracy that it loses on them.</param>
/// <param name="Method">The chosen method.</param>
internal sealed record Mending(
    GateRule Gate,
    int Candidates,
    double Before,
    double? After,
    Verdict Verdict,
    double Cost,
    string Method
)
{
    // So many that an interval is narrow beside what the model fails by; some metrics need more.
    private const int Rows = 15_000,
        ManyRows = 4 * Rows,
        AttackedRows = 4000;
    private const double Confidence = 0.95;

    /// <summary>Whether the gate passes at no more than two points of accuracy.</summary>
    public bool Passes => Verdict == Verdict.Pass && Cost <= 0.02;

    /// <summary>Repairs the toy model for one metric.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="rate">Its rate, where it takes one.</param>
    /// <param name="seconds">Effort, in the seconds that plans are counted in.</param>
    /// <param name="repairs">Methods to try.</param>
    /// <returns>Null where the metric has no value on the rows of either toy.</returns>
    public static Mending? Try(IMetric metric, Rate? rate, double seconds, params IRepair[] repairs)
    {
        foreach (var clear in new[] { true, false })
        {
            foreach (var rows in metric.ChangesInputs ? [AttackedRows] : new[] { Rows, ManyRows })
            {
                using var toy = new SurrogateToy(count: rows, clear: clear);
                if (Try(toy, SurrogateToy.Gate(metric, rate), seconds, repairs, rows != Rows) is { } mending)
                    return mending;
            }
        }

        return null;
    }

    private static Mending? Try(SurrogateToy toy, GateRule rule, double seconds, IRepair[] repairs, bool wide)
    {
        using var repair = Part(toy.Data, 0, 0.4);
        using var select = Part(toy.Data, 0.4, 0.7);
        using var test = Part(toy.Data, 0.7, 1);
        using var before = new Evaluation(toy.Source, test);
        var start = rule.Metric.Measure(new(before, rule, Confidence, 1, null));
        if (!start.IsMeasured)
            return null;
        var (value, lower, upper) = Judge.Judged(rule.Metric.Better, start);
        var higher = rule.Metric.Better is Better.Higher or Better.NearOne;
        // The source fails it by its whole interval, and by no more.
        rule = higher ? rule with { Min = upper + 0.001 } : rule with { Max = Math.Max(0, lower - 0.001) };
        if ((higher ? rule.Min >= 1 : rule.Max <= 0) || upper - lower < 1e-9)
            return null;
        // A pass has to be possible: an interval as wide as this one, beyond the threshold.
        if (!wide && (higher ? 1 - value : value) < 2 * (upper - lower))
            return null;
        var policy = Policy(rule);
        using var selection = new Selection(toy.Source, select, policy, policy.Gates, test.Count, default);
        using var tournament = new Tournament(selection);
        var context = new RepairContext(
            toy.Source,
            repair,
            selection,
            1,
            seconds,
            policy.Gates,
            policy.Gates,
            [],
            DateTime.MaxValue
        );
        tournament.Run([.. repairs.Where(r => r.WhyNot(context) is null).SelectMany(r => r.Plan(context))], context);
        foreach (var thing in context.Owned)
            thing.Dispose();
        var chosen = tournament.Choose();
        if (chosen is null)
            return new(rule, tournament.Tried.Count, value, null, Verdict.NotMeasured, 0, "none");
        using var model = chosen.Model;
        using var after = new Evaluation(model, test);
        var measured = rule.Metric.Measure(new(after, rule, Confidence, 2, before));
        return new(
            rule,
            tournament.Tried.Count,
            value,
            Judge.Judged(rule.Metric.Better, measured).Value,
            Judge.Decide(rule, measured),
            Right(before) - Right(after),
            chosen.Method
        );
    }

    private static GatePolicy Policy(GateRule rule) =>
        new()
        {
            File = "posttraingate.yml",
            Folder = Path.GetTempPath(),
            Model = new("model.onnx", "model.onnx", default),
            Data = new() { Source = new("data.csv", "data.csv", default) },
            Seed = 1,
            Gates = [rule],
            Repair = new(),
        };

    private static EvaluationSet Part(EvaluationSet data, double from, double to) =>
        data.Take([.. Enumerable.Range((int)(from * data.Count), (int)(to * data.Count) - (int)(from * data.Count))]);

    private static double Right(Evaluation e) => e.Right / (double)e.Data.Count;
}
