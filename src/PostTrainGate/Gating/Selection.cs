using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

/// <summary>
/// Judges models on the selection split: how far every gate of the policy is met, in units of its own interval, so that
/// gates of different kinds add up and a repair is never judged on one gate alone.
/// </summary>
internal sealed class Selection : ISelection, IDisposable
{
    /// <summary>Beyond this many half-intervals on the right side, a gate has nothing more to give.</summary>
    private const double Enough = 2;

    /// <summary>Rows that an attack gate uses here; selection is repeated many times.</summary>
    private const int AttackedRows = 500;

    // A class that the model predicts for so many rows is given up by one that predicts it for less than this share of
    // them.
    private const double CommonClass = 0.05,
        LeastOfClass = 0.1;

    private readonly Evaluation _source;
    private readonly GateMeter _meter;
    private readonly double _floor;

    public Selection(OnnxClassifier source, EvaluationSet set, GatePolicy policy, CancellationToken cancel)
    {
        _source = new Evaluation(source, set);
        var fewer = policy with { Gates = [.. policy.Gates.Select(g => g.OnAtMost(AttackedRows))] };
        _meter = new GateMeter(fewer, set, "select", cancel) { Reference = _source };
        _floor = Accuracy(_source) - (policy.Repair?.AccuracyDrop ?? 0);
        Source = Score(source);
    }

    /// <summary>The score of the model before the repair.</summary>
    public SelectionScore Source { get; }

    public SelectionScore Score(OnnxClassifier model)
    {
        using var evaluation = new Evaluation(model, _meter.Data);
        var accuracy = Accuracy(evaluation);
        // Attacking a model that is out of the question would be a waste.
        if (accuracy < _floor || GivesUpClass(evaluation))
            return new(false, 0, accuracy);
        var objective = _meter.Measure(evaluation).Select((m, i) => Margin(_meter.Rules[i], m)).Sum();
        return new(true, objective, accuracy);
    }

    public void Dispose() => _source.Dispose();

    /// <summary>Distance to the threshold in half-intervals, positive when met, at most <see cref="Enough"/>.</summary>
    internal static double Margin(GateRule rule, Measurement measured)
    {
        if (!measured.IsMeasured)
            return 0;
        var (value, _, _) = Judge.Judged(rule.Metric.Better, measured);
        var half = Math.Max((measured.Upper - measured.Lower) / 2, 1e-3);
        var margin = Enough;
        if (rule.Min is { } min)
            margin = Math.Min(margin, (value - min) / half);
        if (rule.Max is { } max)
            margin = Math.Min(margin, (max - value) / half);
        return margin;
    }

    // A classifier that says the same of every row withstands every attack and is fair to all groups; it is no repair.
    private bool GivesUpClass(Evaluation evaluation)
    {
        var (before, now) = (Count(_source), Count(evaluation));
        return before
            .Index()
            .Any(c => c.Item >= CommonClass * _source.Data.Count && now[c.Index] < LeastOfClass * c.Item);

        static int[] Count(Evaluation e)
        {
            var counts = new int[e.Data.ClassNames.Length];
            foreach (var predicted in e.Predictions)
                counts[predicted]++;
            return counts;
        }
    }

    private static double Accuracy(Evaluation evaluation) =>
        evaluation.Predictions.Where((p, i) => p == evaluation.Data.LabelValues[i]).Count()
        / (double)evaluation.Data.Count;
}
