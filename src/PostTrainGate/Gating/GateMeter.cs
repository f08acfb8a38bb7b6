using System.Collections.Immutable;
using System.Diagnostics;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;

namespace PostTrainGate.Gating;

/// <summary>Measures every gate of a policy for one model after the other, on the same rows.</summary>
/// <param name="policy">Its gates are measured.</param>
/// <param name="data">The rows; not owned.</param>
/// <param name="split">Name of the split, part of every seed.</param>
/// <param name="cancel">Stops between batches.</param>
internal sealed class GateMeter(GatePolicy policy, EvaluationSet data, string split, CancellationToken cancel)
{
    private static readonly GateRule AccuracyRule = new() { Metric = new Accuracy() };

    /// <summary>The rows.</summary>
    public EvaluationSet Data => data;

    /// <summary>The gates.</summary>
    public ImmutableArray<GateRule> Rules => policy.Gates;

    /// <summary>
    /// The model before the repair, on the same rows; null while that model itself is measured. Not owned.
    /// </summary>
    public Evaluation? Reference { get; init; }

    /// <summary>
    /// The base branch's model on the same rows; the evaluation itself where that model is unchanged, null when there
    /// is none. Not owned.
    /// </summary>
    public Evaluation? Base { get; init; }

    /// <summary>How far metrics that attack have to go; null: all rows, at once.</summary>
    public AttackPlan? Plan { get; init; }

    /// <summary>Where the costly work on blocks of rows is done.</summary>
    public BlockWork Work { get; init; } = BlockWork.Here;

    /// <summary>Seconds that each gate took when <see cref="Measure(Evaluation, string, IProgress{RunProgress}, Action{IReadOnlyList{Measurement}})"/> was
    /// last called.</summary>
    public ImmutableArray<double> Seconds { get; private set; } = [];

    /// <summary>Whether a reader will see the figures.</summary>
    public bool Explain { get; init; } = true;

    /// <summary>
    /// One measurement a gate. What a gate draws depends on the gate and the rows, never on the model's part in the
    /// run: a repaired model that takes the original's place gets the same figures again.
    /// </summary>
    /// <param name="evaluation">The model on <see cref="Data"/>.</param>
    /// <param name="subject">Whose measurement this is, for the progress.</param>
    /// <param name="progress">Told which gate is measured, and the share done.</param>
    /// <param name="soFar">Told after each gate what was measured.</param>
    public ImmutableArray<Measurement> Measure(
        Evaluation evaluation,
        string subject = "",
        IProgress<RunProgress>? progress = null,
        Action<IReadOnlyList<Measurement>>? soFar = null
    )
    {
        var results = ImmutableArray.CreateBuilder<Measurement>(Rules.Length);
        var seconds = ImmutableArray.CreateBuilder<double>(Rules.Length);
        for (var i = 0; i < Rules.Length; i++)
        {
            cancel.ThrowIfCancellationRequested();
            var (rule, number) = (Rules[i], i);
            var stage = subject.Length == 0 ? GateText.Title(rule) : $"{subject}: {GateText.Title(rule)}";
            progress?.Report(new(stage, number / (double)Rules.Length));
            var inner = progress is null
                ? null
                : new Relay<double>(p => progress.Report(new(stage, (number + p) / Rules.Length)));
            var began = Stopwatch.GetTimestamp();
            var context = new MetricContext(
                Rows(evaluation, i),
                rule,
                policy.GateConfidence,
                Seeds.Derive(policy.Seed, $"{split}:measure", i),
                Reference is { } reference ? Rows(reference, i) : null,
                inner,
                cancel
            )
            {
                RowSeed = Seeds.Derive(policy.Seed, $"{split}:rows"),
                Plan = Plan,
                Work = Work.In($"{(ReferenceEquals(evaluation, Base) ? "base" : "model")} gate {i + 1}"),
                Explain = Explain,
            };
            results.Add(Measure(rule.Metric, context, evaluation));
            seconds.Add(Math.Round(Stopwatch.GetElapsedTime(began).TotalSeconds, 3));
            soFar?.Invoke(results);
        }

        Seconds = seconds.MoveToImmutable();
        return results.MoveToImmutable();
    }

    /// <summary>
    /// Readings with their verdicts; what would pass by an attack's word must stand the trust checks, and what fails
    /// names their signs.
    /// </summary>
    /// <param name="evaluation">The model on <see cref="Data"/>.</param>
    /// <param name="measured">What was measured of it.</param>
    /// <param name="baseline">What was measured of the base; null: there is none.</param>
    /// <param name="progress">Told which attack is checked, which takes as long as some chunks of it.</param>
    public ImmutableArray<MeasuredValue> Read(
        Evaluation evaluation,
        ImmutableArray<Measurement> measured,
        ImmutableArray<Measurement>? baseline,
        IProgress<RunProgress>? progress = null
    )
    {
        return [.. measured.Select(One)];

        MeasuredValue One(Measurement m, int gate)
        {
            if (m.IsMeasured && Rules[gate].Metric.RestsOnAttack)
                progress?.Report(new($"Checking that the attack works: {GateText.Title(Rules[gate])}"));
            return Trusted(evaluation, gate, Read(evaluation, gate, m, baseline?[gate]));
        }
    }

    /// <summary>
    /// The base's readings: judged like the model's, but for what may be lost, as it is what others are compared with.
    /// </summary>
    public ImmutableArray<MeasuredValue> ReadBase(Evaluation evaluation, ImmutableArray<Measurement> measured) =>
        [.. measured.Select((m, i) => Trusted(evaluation, i, Read(m, Judge.Decide(Rules[i] with { Drop = null }, m))))];

    private MeasuredValue Read(Evaluation evaluation, int gate, Measurement measured, Measurement? baseline)
    {
        var loss =
            Base is not null && Rules[gate].Drop is not null && measured.IsMeasured && baseline is { IsMeasured: true }
                ? Loss(gate, evaluation, Base, policy.GateConfidence)
                : null;
        var reading = Read(measured, Judge.Decide(Rules[gate], measured, baseline, loss));
        return loss is not { IsMeasured: true } l || ReferenceEquals(Base, evaluation)
            ? reading
            : reading with
            {
                Notes =
                [
                    .. reading.Notes,
                    $"It is worse than the base by {Numbers.Measured(l.Value)} "
                        + $"[{Numbers.Measured(l.Lower)}, {Numbers.Measured(l.Upper)}] on the same rows.",
                ],
            };
    }

    /// <summary>
    /// How much better one model is than another before it, on the same rows; null where the metric cannot tell. The
    /// policy's confidence is that of the lower end alone: whether there is a gain at all has one side.
    /// </summary>
    public Measurement? Gain(int gate, Evaluation before, Evaluation after) =>
        Loss(gate, before, after, Math.Max(0.01, 2 * policy.Confidence - 1));

    private Measurement? Loss(int gate, Evaluation evaluation, Evaluation other, double confidence) =>
        Rules[gate].Metric is IPairedMetric paired
            ? paired.Loss(
                new(
                    Rows(evaluation, gate),
                    Rules[gate],
                    confidence,
                    Seeds.Derive(policy.Seed, $"{split}:loss", gate),
                    Cancel: cancel
                ),
                Rows(other, gate)
            )
            : null;

    private MeasuredValue Trusted(Evaluation evaluation, int gate, MeasuredValue reading)
    {
        if (reading.Value is null || !Rules[gate].Metric.RestsOnAttack)
            return reading;
        var seed = Seeds.Derive(policy.Seed, $"{split}:trust", gate);
        using var checks = new TrustChecks(Rows(evaluation, gate), Rules[gate], seed, cancel);
        if (reading.Verdict == Verdict.Pass)
            return
                checks.Doubt(Reference is { } reference ? Rows(reference, gate) : null, reading.Attacked) is { } doubt
                ? reading with
                {
                    Verdict = Verdict.Fail,
                    Reason = $"not trusted: {doubt}",
                }
                : reading;
        return checks.Sign() is { } sign
            ? reading with
            {
                Notes = [.. reading.Notes, $"A pass would not be trusted: {sign}."],
            }
            : reading;
    }

    /// <summary>A measurement as reports carry it; a verdict that needed a base which is not there says so.</summary>
    public static MeasuredValue Read(Measurement m, Verdict verdict) =>
        m.IsMeasured
            ? new(
                m.Value,
                m.Lower,
                m.Upper,
                m.Count,
                verdict,
                verdict == Verdict.NotMeasured ? "there is no base branch model to compare with" : null
            )
            {
                Breakdowns = m.Breakdowns,
                Notes = m.Notes,
                Fragile = m.Fragile,
                Attacked = m.Attacked,
            }
            : new(null, null, null, m.Count, Verdict.NotMeasured, m.Reason) { Notes = m.Notes };

    /// <summary>
    /// A measurement whose run may end before its attack is checked and the base measured: it has a verdict where that
    /// needs neither.
    /// </summary>
    public static MeasuredValue ReadEarly(GateRule rule, Measurement m)
    {
        var verdict = rule.Drop is null && m.IsMeasured ? Judge.Decide(rule, m) : Verdict.NotMeasured;
        var isUnchecked = verdict == Verdict.Pass && rule.Metric.RestsOnAttack;
        var reading = Read(m, isUnchecked ? Verdict.NotMeasured : verdict);
        return !m.IsMeasured ? reading
            : rule.Drop is not null ? reading with { Reason = "the engine ended before the comparison with the base" }
            : isUnchecked ? reading with { Reason = "the engine ended before the attack was checked" }
            : reading;
    }

    // A value that is missing cannot be changed, and no distance leads to it: what changes inputs or compares them
    // takes whole rows.
    private Evaluation Rows(Evaluation evaluation, int gate) =>
        Rules[gate].Metric.NeedsCompleteRows ? evaluation.OnCompleteRows() : evaluation;

    // Whatever is measured rests on predictions, and of logits that are not numbers none is the largest.
    private static Measurement Measure(IMetric metric, MetricContext context, Evaluation whole)
    {
        var (data, all) = (context.Evaluation.Data, whole.Data);
        if (whole.UndefinedScores is > 0 and var undefined)
            return Measurement.NotMeasured($"the model's scores are not numbers in {undefined} of {all.Count} rows");
        if (context.Work.IsPartial && metric is not IBlockMetric)
            return Measurement.LeftToMerge;
        if (data.Count == 0 && all.Count > 0)
            return Measurement.NotMeasured("every row has missing values, and this metric needs complete rows");
        using var kept = KeptWork.Of(context);
        var measured = Run(metric, kept is null ? context : context with { Work = kept });
        if (data.Count == all.Count)
            return measured;
        return measured with
        {
            Notes =
            [
                $"{all.Count - data.Count} of {all.Count} rows have missing values and are left out",
                .. measured.Notes,
            ],
        };
    }

    // A model that takes the rows as they are may refuse changed ones, such as numbers of words that it does not have.
    private static Measurement Run(IMetric metric, MetricContext context)
    {
        try
        {
            return metric.Measure(context);
        }
        catch (GateException refused)
            when (metric.ChangesInputs
                && refused.Diagnostics[0].Code is DiagnosticCodes.ModelUnreadable or DiagnosticCodes.ModelShape
            )
        {
            return Measurement.NotMeasured("the model cannot run on changed inputs") with { Notes = [refused.Message] };
        }
    }

    /// <summary>Clean accuracy, whether or not a gate asks for it.</summary>
    public Measurement Accuracy(Evaluation evaluation) =>
        Measure(AccuracyRule.Metric, new(evaluation, AccuracyRule, policy.Confidence, policy.Seed), evaluation);
}
