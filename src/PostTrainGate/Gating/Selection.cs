using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using PostTrainGate.Statistics;
using static TorchSharp.torch;

namespace PostTrainGate.Gating;

/// <summary>
/// Judges models on the selection split: what each gate still lacks to pass on the test split, what else got worse, and
/// what it cost. All gates count, so that a repair is never judged on one alone.
/// </summary>
internal sealed class Selection : ISelection, IDisposable
{
    /// <summary>Rows that an attack gate uses here; selection is repeated many times.</summary>
    private const int AttackedRows = 500;

    /// <summary>Steps of the attack that ranks candidates in place of a slower one.</summary>
    private const int RankingSteps = 20;

    // The smallest amount that counts as what a gate of the source lacks.
    private const double LeastGap = 0.01;

    // A class that the model predicts for so many rows is given up by one that predicts it for less than this share of
    // them.
    private const double CommonClass = 0.05,
        LeastOfClass = 0.1;

    private readonly GatePolicy _policy;
    private readonly Evaluation _source;
    private readonly FeatureSet? _features;
    private readonly GateMeter _ranking,
        _own;
    private readonly HarmPanel _harm;
    private readonly ImmutableArray<bool> _failed;
    private readonly double _shrink,
        _multiplications,
        _resolution;
    private readonly ImmutableArray<Measurement> _before;
    private readonly ImmutableArray<double> _lacks;
    private readonly CancellationToken _cancel;

    /// <summary>Measures the source.</summary>
    /// <param name="source">The model before the repair.</param>
    /// <param name="set">The selection split.</param>
    /// <param name="policy">Its gates, and the accuracy that a repair may cost.</param>
    /// <param name="failed">Gates that the source fails.</param>
    /// <param name="testRows">Rows of the test split: how precise its figures will be.</param>
    /// <param name="cancel">Stops between gates.</param>
    /// <param name="progress">Told how far the source is measured.</param>
    public Selection(
        OnnxClassifier source,
        EvaluationSet set,
        GatePolicy policy,
        ImmutableArray<GateRule> failed,
        int testRows,
        CancellationToken cancel,
        IProgress<RunProgress>? progress = null
    )
    {
        _policy = policy;
        _features = FeatureSet.Of(source, set);
        _source = Evaluate(source, set);
        _failed = [.. policy.Gates.Select(g => failed.Contains(g))];
        _shrink = Math.Sqrt(set.Count / (double)Math.Max(1, testRows));
        _multiplications = TuningCost.Measure(source, set.Inputs).Multiplications * set.Count;
        _cancel = cancel;
        _own = Meter(set, g => g);
        _ranking = Meter(set, Ranking);
        _harm = new HarmPanel(_source, policy);
        _before = _ranking.Measure(_source, "Scoring the model on the selection split", progress);
        _lacks = [.. Lacking(_before).Select(lack => Math.Max(lack, LeastGap))];
        _resolution = Resolution();
        Source = Weigh(source, _ranking, measured: _before);
    }

    /// <summary>Scores that an earlier run found; null: nothing is kept.</summary>
    public KeptRepair? Kept { get; init; }

    /// <summary>The score of the model before the repair.</summary>
    public SelectionScore Source { get; }

    /// <summary>Whether a score takes no more than some passes over the rows.</summary>
    public bool IsCheap => !_policy.Gates.Any(g => g.Metric.ChangesInputs);

    /// <inheritdoc/>
    public SelectionScore Score(OnnxClassifier model) => Score(model, _ranking);

    /// <summary>The score by logits that several models may have given.</summary>
    /// <param name="model">One of them, which all have the graph of.</param>
    /// <param name="logits">[n, classes].</param>
    public SelectionScore Score(OnnxClassifier model, Tensor logits) => Score(model, _ranking, 1, logits);

    /// <summary>
    /// The score with each gate's own attack, where <see cref="Score(OnnxClassifier)"/> ranks by a faster one.
    /// </summary>
    public SelectionScore Confirm(OnnxClassifier model) =>
        _policy.Gates.All(g => Ranking(g) == g) ? Score(model) : Score(model, _own);

    /// <summary>
    /// What a plan promises that was not run in full: the score of a model as if it could cost some times the accuracy,
    /// and without a look at harm. A short course loses more of both than a long one. What withstands no attack yet may
    /// withstand one with part of its epsilon: half of the gap is what is missing there.
    /// </summary>
    /// <param name="model">Where the plan ended.</param>
    /// <param name="times">How many times, and the part of epsilon.</param>
    public SelectionScore Promise(OnnxClassifier model, int times) =>
        Score(model, _ranking, times) with
        {
            Blocked = false,
        };

    /// <inheritdoc/>
    public void Dispose()
    {
        _source.Dispose();
        _features?.Dispose();
    }

    private GateMeter Meter(EvaluationSet set, Func<GateRule, GateRule> change)
    {
        var gates = _policy.Gates.Select(g => change(g).OnAtMost(AttackedRows));
        return new(_policy with { Gates = [.. gates] }, set, "select", _cancel)
        {
            Reference = _source,
            Explain = false,
        };
    }

    private Evaluation Evaluate(OnnxClassifier model, EvaluationSet set) =>
        new(model, set, _features is null ? null : _features.LogitsOf);

    private SelectionScore Score(OnnxClassifier model, GateMeter meter, int times = 1, Tensor? logits = null) =>
        IsCheap || Kept is null
            ? Weigh(model, meter, times, logits)
            : Kept.Score(model, $"{(meter == _own ? "confirmed" : "ranked")} {times}", () =>
                Weigh(model, meter, times)
            );

    private SelectionScore Weigh(
        OnnxClassifier model,
        GateMeter meter,
        int times = 1,
        Tensor? logits = null,
        ImmutableArray<Measurement>? measured = null
    )
    {
        using var threads = new ThreadScope(model, _multiplications);
        using var evaluation = logits is null
            ? Evaluate(model, meter.Data)
            : new Evaluation(model, meter.Data, _ => logits);
        var (accuracy, drop, error) = Accuracy(evaluation);
        var once = _policy.Repair?.MaxAccuracyDrop ?? 0;
        // Where steps back to the source are tried at every share, what costs too much gains it back there; under
        // attack a plan has to get there itself, and what it lacks counts.
        var allowed = IsCheap ? times * once : once;
        // A drop that is measured on few rows may be larger on others.
        var safe = Math.Max(allowed - error, allowed / 2);
        // Attacking a model that is out of the question would be a waste.
        if (drop > times * once || GivesUpClass(evaluation) || evaluation.UndefinedScores > 0)
            return new(false, double.PositiveInfinity, accuracy) { IsDear = drop > safe, Resolution = _resolution };
        var (harm, blocks) = _harm.Weigh(evaluation);
        var lacking = Lacking(measured ?? meter.Measure(evaluation)).Add(drop - safe);
        var gap = lacking.Select((lack, i) => Math.Max(0, lack) / Unit(i)).Sum();
        if (times > 1 && _policy.Gates.Any(HasBudget))
            gap = (gap + GapAtPart(evaluation, times)) / 2;
        return new(true, gap, accuracy)
        {
            Passed = lacking.Count(lack => lack <= 0),
            IsDear = drop > safe,
            Harm = harm,
            Blocked = blocks,
            Churn = HarmPanel.Churn(_source, evaluation),
            Resolution = _resolution,
        };

        double Unit(int i) => i < _lacks.Length ? _lacks[i] : Math.Max(Math.Max(allowed, error), LeastGap);
    }

    // The standard error that a share of the rows has at most, of what the source lacks. Where it lacks much, as of
    // robustness, a tenth of that is no chance.
    private double Resolution()
    {
        var most = _before
            .Zip(_lacks)
            .Where((gate, i) => _failed[i] && gate.First is { IsMeasured: true, Count: > 0 })
            .Select(gate => 0.5 / Math.Sqrt(gate.First.Count) / gate.Second)
            .DefaultIfEmpty(SelectionScore.Coarsest)
            .Max();
        return Math.Min(most, SelectionScore.Coarsest);
    }

    // The gap under attacks with one of some parts of their epsilon.
    private double GapAtPart(Evaluation evaluation, int parts)
    {
        var meter = Meter(evaluation.Data, g => AtPart(Ranking(g), parts));
        return Lacking(meter.Measure(evaluation)).Select((lack, i) => Math.Max(0, lack) / _lacks[i]).Sum();
    }

    /// <summary>What each gate lacks to pass with a margin, in its metric's own unit; 0 or less: nothing.</summary>
    private ImmutableArray<double> Lacking(ImmutableArray<Measurement> measured) =>
        [.. measured.Select((m, i) => Lacking(i, m))];

    private double Lacking(int gate, Measurement measured)
    {
        var rule = _policy.Gates[gate];
        if (!measured.IsMeasured || (rule.Min is null && rule.Max is null))
            return 0;
        var lack = Lacking(rule, measured, Margin);
        // A gate that holds has only not to get worse.
        return _failed[gate] || !_before[gate].IsMeasured ? lack : Math.Min(lack, Worsening(rule, gate, measured));
    }

    // The value will be another on the test split, and its interval has to clear the threshold there: what half an
    // interval here is there, and a standard error of the difference between both.
    private double Margin => _shrink + Math.Sqrt(1 + _shrink * _shrink) / Estimate.Errors(_policy.GateConfidence);

    /// <summary>Distance from the threshold to the value, with a margin in half-intervals.</summary>
    internal static double Lacking(GateRule rule, Measurement measured, double margin)
    {
        var (value, lower, upper) = Judge.Judged(rule.Metric.Better, measured);
        var lack = double.NegativeInfinity;
        if (rule.Min is { } min)
            lack = Math.Max(lack, min - (value - margin * (value - lower)));
        if (rule.Max is { } max)
            lack = Math.Max(lack, value + margin * (upper - value) - max);
        return lack;
    }

    private double Worsening(GateRule rule, int gate, Measurement now)
    {
        var (value, before) = (
            Judge.Judged(rule.Metric.Better, now).Value,
            Judge.Judged(rule.Metric.Better, _before[gate]).Value
        );
        return rule.Max is not null ? value - before : before - value;
    }

    // Candidates under an attack along gradients are told apart by a few steps of PGD, those with a certificate by
    // intervals, which certify less in a hundredth of the time.
    private static GateRule Ranking(GateRule rule)
    {
        if (rule.Metric is CertifiedAccuracy)
            return rule.With(CertifiedAccuracy.Method, BoundMethod.Ibp);
        return
            rule.Attack is not { } attack
            || attack.Attack.KeepsForm
            || !double.IsFinite(attack.Epsilon)
            || !rule.Metric.RestsOnAttack
            || attack.Attack == GradientAttack.Fgsm
            ? rule
            : rule with
            {
                Attack = new(GradientAttack.Pgd, attack.Norm, attack.Epsilon) { Steps = RankingSteps },
            };
    }

    private static bool HasBudget(GateRule rule) => rule.Settings.Names.Contains(AttackKeys.Epsilon.Name);

    private static GateRule AtPart(GateRule rule, int parts) =>
        HasBudget(rule) ? rule.With(AttackKeys.Epsilon, rule.Get(AttackKeys.Epsilon) / parts) : rule;

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

    // Accuracy, what it lost, and the standard error between what is lost here and on the test split (McNemar's).
    private (double Accuracy, double Drop, double Error) Accuracy(Evaluation evaluation)
    {
        var (gained, lost) = HarmPanel.Flips(_source, evaluation);
        double rows = evaluation.Data.Count;
        var drop = (lost - gained) / rows;
        var variance = ((lost + gained) / rows - drop * drop) / rows;
        return (evaluation.Right / rows, drop, Math.Sqrt(Math.Max(0, variance) * (1 + _shrink * _shrink)));
    }
}
