using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using static TorchSharp.torch;

namespace PostTrainGate.Gating;

/// <summary>
/// Judges a plan on the rows for repair as well, where few rows are there to choose by: a second model is made in the
/// same way with the two splits swapped, so that each row is predicted by a model that did not learn from it
/// (cross-fitting, Chernozhukov et al. 2018).
/// </summary>
internal sealed class CrossFitting : IDisposable
{
    // With so many rows the choice is certain enough.
    private const int ManyRows = 2000;

    // Fewer rows make a repair of their own, and no second sample of it.
    private const double LeastPart = 0.4;

    private readonly RepairContext _swapped;
    private readonly EvaluationSet _select,
        _pooled;
    private readonly Selection _judge;

    private CrossFitting(RepairContext swapped, EvaluationSet select, EvaluationSet pooled, Selection judge) =>
        (_swapped, _select, _pooled, _judge) = (swapped, select, pooled, judge);

    /// <summary>The judge; null where it would tell nothing, or not be worth its time.</summary>
    /// <param name="context">Model and rows to learn from.</param>
    /// <param name="methods">What is tried; each has to apply to the rows for selection as well.</param>
    /// <param name="select">The rows for selection.</param>
    /// <param name="judge">Makes what judges models by other rows.</param>
    public static CrossFitting? Of(
        RepairContext context,
        IEnumerable<IRepair> methods,
        EvaluationSet select,
        Func<EvaluationSet, Selection> judge
    )
    {
        var repair = context.RepairSet;
        if (select.Count > ManyRows || select.Count < LeastPart * repair.Count)
            return null;
        var swapped = context with { RepairSet = select, Selection = new Unjudged(), Progress = null, Owned = [] };
        if (methods.Any(m => m.WhyNot(context) is null && m.WhyNot(swapped) is not null))
            return null;
        var pooled = select.And(repair);
        return new(swapped, select, pooled, judge(pooled));
    }

    /// <summary>What it rests on, for reports.</summary>
    public string Description =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"cross-fitting on {_pooled.Count:N0} rows for repair and selection"
        );

    /// <summary>The score of the source on all of the rows.</summary>
    public SelectionScore Source => _judge.Source;

    /// <summary>The score on all of the rows.</summary>
    /// <param name="model">What a plan made of the rows for repair.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="steps">The part of its steps that were taken.</param>
    /// <param name="share">The part of the way from the source.</param>
    public SelectionScore Score(OnnxClassifier model, RepairPlan plan, double steps, double share)
    {
        using var scope = NewDisposeScope();
        using var end = plan.Run(_swapped, steps).Model;
        var other = share < 1 ? Interpolation.Between(_swapped.Source, end, share) : end;
        var rest = _pooled.Inputs.narrow(0, _select.Count, _pooled.Count - _select.Count);
        var logits = cat([model.LogitsOfAll(_select.Inputs), other.LogitsOfAll(rest)]);
        if (share < 1)
            other.Dispose();
        return _judge.Score(model, logits);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var thing in _swapped.Owned)
            thing.Dispose();
        _judge.Dispose();
        _pooled.Dispose();
    }

    // The state at the end counts: choosing by the rows for repair would be choosing by what is judged.
    private sealed class Unjudged : ISelection
    {
        public SelectionScore Score(OnnxClassifier model) => default;
    }
}
