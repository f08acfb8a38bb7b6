using System.Collections.Immutable;
using PostTrainGate.Corruptions;
using PostTrainGate.Data;
using PostTrainGate.Models;

namespace PostTrainGate.Metrics;

/// <summary>What a gate corrupts inputs by.</summary>
/// <param name="Form">What the inputs are.</param>
/// <param name="Corruptions">The corruptions; where none are named those that are usual for the inputs.</param>
/// <param name="Severities">The severities; where none are named all.</param>
internal sealed record CorruptionPlan(
    InputForm Form,
    ImmutableArray<Corruption> Corruptions,
    ImmutableArray<int> Severities
)
{
    /// <summary>The plan of a gate.</summary>
    /// <param name="rule">The gate.</param>
    /// <param name="model">The model.</param>
    /// <param name="data">Its rows.</param>
    /// <param name="whyNot">Why inputs cannot be corrupted so; null where they can.</param>
    public static CorruptionPlan? TryFind(GateRule rule, Classifier model, EvaluationSet data, out string? whyNot)
    {
        whyNot = "the inputs are neither a table nor images with one or three channels";
        if (!InputForm.TryFind(model, data, out var form))
            return null;
        var named = rule.Get(CorruptedAccuracy.Corruptions);
        var severities = rule.Get(CorruptedAccuracy.Severities);
        var chosen = named.IsDefaultOrEmpty ? [.. AllCorruptions.All.Where(c => c.Kind == form.Usual)] : named;
        var other = chosen.FirstOrDefault(c => c.Kind == CorruptionKind.Table != form.IsTable);
        whyNot =
            other is null ? null
            : form.IsTable ? $"{other.Name} applies to images, but the inputs are a table"
            : $"{other.Name} applies to tables, but the inputs are images";
        return other is null ? new(form, chosen, severities.IsDefaultOrEmpty ? [1, 2, 3, 4, 5] : severities) : null;
    }

    /// <summary>What corruptions of tables know of the columns; null for images.</summary>
    public ColumnStatistics? Columns(EvaluationSet rows) =>
        Form.IsTable ? ColumnStatistics.Compute(rows.Inputs, rows.Layout) : null;
}
