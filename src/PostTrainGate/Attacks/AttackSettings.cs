using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Attacks;

/// <summary>An attack and its budget.</summary>
/// <param name="Attack">The attack.</param>
/// <param name="Norm">Norm of the perturbation.</param>
/// <param name="Epsilon">
/// Its largest size, in the data's units; infinite for attacks that look for the nearest error.
/// </param>
public sealed record AttackSettings(IAttack Attack, Norm Norm, double Epsilon)
{
    /// <summary>Name of the attack.</summary>
    public string Name => Attack.Name;

    /// <summary>Gradient steps; null: the attack's own default.</summary>
    public int? Steps { get; init; }

    /// <summary>Size of a step; null: the attack's own default.</summary>
    public double? StepSize { get; init; }

    /// <summary>Random restarts, at least 1.</summary>
    public int Restarts { get; init; } = 1;

    /// <summary>Whether the first try starts at a random point of the ball; null: the attack's own default.</summary>
    public bool? RandomStart { get; init; }

    /// <summary>Categorical columns that may change, under an attack that keeps the form of a table's rows.</summary>
    public int Categories { get; init; } = 1;

    /// <summary>For titles: <c>PGD Linf epsilon 0.1, 40 steps</c>.</summary>
    internal string Words
    {
        get
        {
            var text = $"{Attack.Title} {Norm}";
            if (double.IsFinite(Epsilon))
                text += $" epsilon {Numbers.Chosen(Epsilon)}";
            if (Steps is { } steps)
                text += steps == 1 ? ", 1 step" : $", {steps} steps";
            if (Attack.KeepsForm && Categories != 1) // as with steps, the default goes without saying
                text += $", {Categories} categories";
            return Restarts > 1 ? $"{text}, {Restarts} restarts" : text;
        }
    }
}
