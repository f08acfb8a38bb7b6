using PostTrainGate.Attacks;
using PostTrainGate.Data;

namespace PostTrainGate.Metrics;

/// <summary>
/// Share of rows that are classified correctly and on which the attack, run on the measured model itself, finds nothing. A wrong
/// prediction without any attack counts as a failure. It bounds the true robust accuracy from above: a stronger attack may find more.
/// </summary>
public sealed class RobustAccuracy : IMetric
{
    /// <inheritdoc/>
    public string Name => "robust_accuracy";

    /// <inheritdoc/>
    public string Summary =>
        "Share of rows classified correctly on which an attack on the measured model itself finds no error within epsilon; Wilson's interval.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public MetricNeeds Needs => MetricNeeds.Attack;

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        if (AttackedRows.WhyNot(context, context.Evaluation) is { } reason) return Measurement.NotMeasured(reason);
        using var rows = AttackedRows.Of(context, context.Evaluation.Data);
        using var outcome = AttackHarness.Run(context.Evaluation.Model, rows.Inputs, rows.Labels,
            new(context.Rule.Attack!, context.Seed) { Progress = context.Progress, Cancel = context.Cancel });
        return Intervals.Proportion(outcome.Robust.Count(r => r), outcome.Count, context.Confidence) with
        {
            Breakdowns = [Breakdown.ByClass("robust accuracy by class", rows, row => outcome.Robust[row], context.Confidence)],
        };
    }
}

/// <summary>What metrics that attack have in common: which rows, and whether the attack is possible at all.</summary>
internal static class AttackedRows
{
    /// <summary>Why this gate's attack cannot be run on that model; null when it can.</summary>
    public static string? WhyNot(MetricContext context, Evaluation evaluation)
    {
        if (context.Rule.Attack is not { } settings) return "the gate names no attack";
        if (evaluation.Data.Count == 0) return "there are no rows";
        return !evaluation.Model.HasGradients && Catalog.Attacks.First(a => a.Name == settings.Name).NeedsGradients
            ? $"the attack {settings.Name} needs gradients, which {evaluation.Model.Name} does not have"
            : null;
    }

    /// <summary>The rows to attack: all, or a seeded choice of <c>samples</c> of them; the caller disposes them.</summary>
    public static EvaluationSet Of(MetricContext context, EvaluationSet data)
    {
        var rows = Enumerable.Range(0, data.Count).ToArray();
        if (context.Rule.Samples is not { } samples || samples >= data.Count) return data.Take(rows);
        new Random(context.RowSeed).Shuffle(rows);
        Array.Sort(rows, 0, samples);
        return data.Take(rows.AsSpan(0, samples));
    }
}
