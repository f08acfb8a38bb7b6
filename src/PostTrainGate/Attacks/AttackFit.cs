using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Models;

namespace PostTrainGate.Attacks;

/// <summary>Whether an attack suits a model and its inputs.</summary>
internal static class AttackFit
{
    /// <summary>Why an attack cannot be run; null when it can.</summary>
    /// <param name="settings">The gate's attack.</param>
    /// <param name="evaluation">The model and its rows.</param>
    public static string? WhyNot(AttackSettings? settings, Evaluation evaluation) =>
        WhyNot(settings, evaluation.Model, evaluation.Data);

    /// <summary>Why an attack cannot be run; null when it can.</summary>
    /// <param name="settings">The gate's attack.</param>
    /// <param name="model">The model.</param>
    /// <param name="data">Its rows.</param>
    public static string? WhyNot(AttackSettings? settings, Classifier model, EvaluationSet data)
    {
        if (settings is null)
            return "the gate has no attack";
        if (data.Count == 0)
            return "the split has no rows";
        var attack = settings.Attack;
        if (attack.KeepsForm && data.Layout is null)
            return $"the attack {settings.Name} applies to tables, but the inputs are not a table";
        return !model.HasGradients && attack.NeedsGradients
            ? $"the attack {settings.Name} needs gradients, which {model.Name} does not provide"
            : null;
    }

    /// <summary>That an attack makes rows which the table could not hold; null where it does not.</summary>
    public static string? LeavesForm(AttackSettings settings, EvaluationSet data)
    {
        if (data.Layout is not { } layout || layout.Columns.All(c => c.Categories.IsEmpty))
            return null;
        return settings.Attack.KeepsForm
            ? null
            : $"The attack {settings.Name} changes every input independently, so its rows may be invalid: "
                + "fractional categories or changed immutable columns. For valid rows, "
                + $"use {TableGradient.Instance.Name} or {TableSearch.Instance.Name}.";
    }
}
