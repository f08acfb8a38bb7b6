using PostTrainGate.Data;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;

namespace PostTrainGate.Repairs;

/// <summary>
/// Judges models on the selection split: how far every gate of the policy is met, in units of its own interval, so that gates of
/// different kinds add up and a repair is never judged on one gate alone.
/// </summary>
internal sealed class Selection : ISelection, IDisposable
{
    /// <summary>Beyond this many half-intervals on the right side, a gate has nothing more to give.</summary>
    private const double Enough = 2;

    /// <summary>Rows that an attack gate uses here; selection is repeated many times.</summary>
    private const int AttackedRows = 500;

    private readonly Evaluation _source;
    private readonly GateMeter _meter;
    private readonly double _floor;

    public Selection(OnnxClassifier source, EvaluationSet set, GatePolicy policy, CancellationToken cancel)
    {
        var rules = policy.Gates.Select(g => !g.ChangesInputs ? g : g with { Samples = Math.Min(g.Samples ?? int.MaxValue, AttackedRows) });
        _source = new Evaluation(source, set);
        _meter = new GateMeter(policy with { Gates = [.. rules] }, set, "select", cancel) { Reference = _source };
        _floor = Accuracy(_source) - (policy.Repair?.AccuracyDrop ?? 0);
        Source = Score(source);
    }

    /// <summary>The score of the model before the repair.</summary>
    public SelectionScore Source { get; }

    public SelectionScore Score(OnnxClassifier model)
    {
        using var evaluation = new Evaluation(model, _meter.Data);
        var accuracy = Accuracy(evaluation);
        if (accuracy < _floor) return new(false, 0, accuracy); // attacking a model that is out of the question would be a waste
        var objective = _meter.Measure(evaluation).Select((m, i) => Margin(_meter.Rules[i], _meter.Metrics[i].Better, m)).Sum();
        return new(true, objective, accuracy);
    }

    public void Dispose() => _source.Dispose();

    /// <summary>Distance to the threshold in half-intervals, positive when met, at most <see cref="Enough"/>.</summary>
    internal static double Margin(GateRule rule, Better better, Measurement measured)
    {
        if (!measured.IsMeasured) return 0;
        var (value, _, _) = Judge.Judged(better, measured);
        var half = Math.Max((measured.Upper - measured.Lower) / 2, 1e-3);
        var margin = Enough;
        if (rule.Min is { } min) margin = Math.Min(margin, (value - min) / half);
        if (rule.Max is { } max) margin = Math.Min(margin, (max - value) / half);
        return margin;
    }

    private static double Accuracy(Evaluation evaluation) =>
        evaluation.Predictions.Where((p, i) => p == evaluation.Data.LabelValues[i]).Count() / (double)evaluation.Data.Count;
}
