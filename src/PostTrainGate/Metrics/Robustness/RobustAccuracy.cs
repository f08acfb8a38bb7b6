using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// Share of rows that are classified correctly and on which the attack, run on the measured model itself, finds
/// nothing. A wrong prediction without any attack counts as a failure. It bounds the true robust accuracy from above: a
/// stronger attack may find more.
/// </summary>
public sealed class RobustAccuracy : IDifferentiableMetric, IBlockMetric
{
    /// <inheritdoc/>
    public string Name => "robust_accuracy";

    /// <inheritdoc/>
    public string Summary =>
        "Share of rows that stay correctly classified under an attack within epsilon on the measured model; "
        + "Wilson interval.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => AttackKeys.WithinEpsilon;

    /// <inheritdoc/>
    public bool ChangesInputs => true;

    /// <inheritdoc/>
    public bool RestsOnAttack => true;

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot) =>
        (
            whyNot = Judge.WhyNoTarget(context.Rule)
                ?? AttackFit.WhyNot(context.Rule.Attack, context.Source, context.Data)
        )
            is null
            ? new AttackSurrogate(context)
            : null;

    /// <inheritdoc/>
    /// <remarks>
    /// Under a plan the rows are attacked in a seeded order until the verdict is certain: with the gate's confidence
    /// all rows would give the same one. A gate that compares with a base by <c>drop</c> measures all rows of both
    /// models.
    /// </remarks>
    public Measurement Measure(MetricContext context)
    {
        if (AttackFit.WhyNot(context.Rule.Attack, context.Evaluation) is { } reason)
            return Measurement.NotMeasured(reason);
        var (data, rule, plan) = (context.Evaluation.Data, context.Rule, context.Plan);
        var rows = context.Chosen(data);
        var stops = plan is { Full: false } && rule.Drop is null && (rule.Min ?? rule.Max) is not null;
        var cached = plan?.Cache is { } cache ? new CachedAttack(context.Evaluation.Model, cache) : null;
        List<int> attacked = [];
        HashSet<int> robust = [];
        var brokenByKept = 0;
        // Rows of a verdict are shown, not those that only choose among repairs.
        using var fragile = plan is null
            ? null
            : new FragileRows(context.Evaluation, new(rule.Attack!, context.Seed) { Cancel = context.Cancel });
        foreach (var (number, chunk) in (plan is null ? [rows] : AttackPlan.Chunks(rows, context.RowSeed)).Index())
        {
            var run = new AttackRun(
                rule.Attack!,
                plan is null ? context.Seed : Seeds.Derive(context.Seed, "chunk", number)
            )
            {
                Progress = context.Progress is not { } all
                    ? null
                    : new Relay<double>(p => all.Report((attacked.Count + p * chunk.Length) / rows.Length)),
                Cancel = context.Cancel,
                KeepExamples = fragile is not null,
            };
            var outcome = context.Work.Find($"chunk {number}", chunk.Length, () =>
            {
                using var set = data.Take(chunk);
                var (found, broken) = cached is null
                    ? (AttackHarness.Run(context.Evaluation.Model, set, run), 0)
                    : cached.Run(set, run);
                using (found)
                    return new(
                        found.Robust,
                        found.Examples is { } examples ? fragile?.Find(set.Inputs, set.Labels, chunk, examples) : null
                    )
                    {
                        BrokenByKept = broken,
                    };
            });
            attacked.AddRange(chunk);
            if (outcome is null)
                continue;
            fragile?.Add(outcome.Fragile);
            brokenByKept += outcome.BrokenByKept;
            var holds = outcome.Answers;
            robust.UnionWith(chunk.Where((_, i) => holds[i]));
            if (stops && EarlyVerdict.IsCertain(rule, Possible(), rows.Length, context.Confidence))
                break;
        }

        context.Progress?.Report(1);
        if (context.Work.IsPartial)
            return Measurement.LeftToMerge;
        return new Measurement(
            ConfidenceSequence.Measure(robust.Count, attacked.Count, rows.Length, context.Confidence)
        )
        {
            Breakdowns =
            [
                Breakdown.ByClass("robust accuracy by class", data, attacked, robust.Contains, context.Confidence),
            ],
            Notes = AttackFit.LeavesForm(rule.Attack!, data) is { } note ? [note] : [],
            Fragile = fragile?.Inputs() ?? [],
            Attacked = plan is null ? null : new(attacked.Count, rows.Length, brokenByKept),
        };

        (int, int) Possible() =>
            ConfidenceSequence.Possible(robust.Count, attacked.Count, rows.Length, context.Confidence);
    }
}
