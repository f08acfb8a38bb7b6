namespace PostTrainGate.Repairs;

/// <summary>
/// A model's standing on the selection split. The smallest change that passes is best: first the gates, then harm to
/// what the policy does not list, then accuracy, then churn.
/// </summary>
/// <param name="Admissible">Whether it keeps the accuracy that the policy demands, and every common class.</param>
/// <param name="Gap">
/// What is missing until every gate passes with its margin, summed over the gates; 1 is what the source lacks of one.
/// </param>
/// <param name="Accuracy">Clean accuracy on the selection split.</param>
public readonly record struct SelectionScore(bool Admissible, double Gap, double Accuracy) : IComparable<SelectionScore>
{
    /// <summary>Differences of less than this share of what the source lacks count as chance, if not less.</summary>
    internal const double Coarsest = 0.1;

    private const double HarmStep = 0.01;

    // A hundredth of a point of accuracy is one row of 10,000.
    private const double AccuracyStep = 0.001;

    /// <summary>
    /// Differences of the gap that are chance on this selection split, in its units; the same for all scores of one.
    /// </summary>
    internal double Resolution { get; init; } = Coarsest;

    /// <summary>Whether it costs more accuracy than the policy allows, or may on other rows.</summary>
    public bool IsDear { get; init; }

    /// <summary>Gates that pass with a margin.</summary>
    public int Passed { get; init; }

    /// <summary>
    /// By how much it worsens measures that the policy does not list, beyond chance, summed; 0: by nothing.
    /// </summary>
    public double Harm { get; init; }

    /// <summary>Whether it likely worsens one of them so much that it would not be proposed.</summary>
    public bool Blocked { get; init; }

    /// <summary>Share of rows whose prediction differs from the source's.</summary>
    public double Churn { get; init; }

    /// <summary>Whether nothing is missing.</summary>
    public bool Suffices => Admissible && !Blocked && Gap == 0;

    /// <summary>The better one is greater.</summary>
    public int CompareTo(SelectionScore other)
    {
        var step = Math.Max(Resolution, other.Resolution) is > 0 and var known ? known : Coarsest;
        var first = (Admissible, !Blocked, Passed, -Steps(Gap, step), -Steps(Harm, HarmStep));
        var order = first.CompareTo(
            (other.Admissible, !other.Blocked, other.Passed, -Steps(other.Gap, step), -Steps(other.Harm, HarmStep))
        );
        return order != 0
            ? order
            : (Steps(Accuracy, AccuracyStep), -Churn, -Gap).CompareTo(
                (Steps(other.Accuracy, AccuracyStep), -other.Churn, -other.Gap)
            );
    }

    private static double Steps(double value, double step) => Math.Round(value / step);
}
