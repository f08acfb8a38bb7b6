using PostTrainGate.Data;
using PostTrainGate.Evaluations;

namespace PostTrainGate.Attacks;

/// <summary>Whether an attack suits a model and its inputs.</summary>
internal static class AttackFit
{
    /// <summary>Why an attack cannot be run; null when it can.</summary>
    /// <param name="settings">The gate's attack.</param>
    /// <param name="evaluation">The model and its rows.</param>
    public static string? WhyNot(AttackSettings? settings, Evaluation evaluation)
    {
        if (settings is null)
            return "the gate names no attack";
        if (evaluation.Data.Count == 0)
            return "there are no rows";
        var attack = settings.Attack;
        if (attack.KeepsForm && evaluation.Data.Layout is null)
            return $"the attack {settings.Name} changes columns of a table, which the inputs are not";
        return !evaluation.Model.HasGradients && attack.NeedsGradients
            ? $"the attack {settings.Name} needs gradients, which {evaluation.Model.Name} does not have"
            : null;
    }

    /// <summary>That an attack makes rows which the table could not hold; null where it does not.</summary>
    public static string? LeavesForm(AttackSettings settings, EvaluationSet data)
    {
        if (data.Layout is not { } layout || layout.Columns.All(c => c.Categories.IsEmpty))
            return null;
        return settings.Attack.KeepsForm
            ? null
            : $"The attack {settings.Name} moves every input by itself, so that its rows are such "
                + "as the table cannot hold: parts of categories, changed columns that are immutable. "
                + $"{TableGradient.Instance.Name} and {TableSearch.Instance.Name} keep to its form.";
    }
}
