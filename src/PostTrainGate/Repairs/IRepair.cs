using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;

namespace PostTrainGate.Repairs;

/// <summary>Makes a better classifier out of one, by post-training. Stateless; never touches its source.</summary>
public interface IRepair : INamed
{
    /// <summary>
    /// Whether it can address any of the failed gates with what there is; otherwise why not, in one line.
    /// </summary>
    string? WhyNot(RepairContext context);

    /// <summary>
    /// Candidates, each scored on the selection split by <see cref="RepairContext.Selection"/>; the caller disposes
    /// them. A method may yield several (attributes, learning rates), and stops in time.
    /// </summary>
    IEnumerable<RepairCandidate> Repair(RepairContext context);
}

/// <summary>All that a repair may look at. There is no test split in it.</summary>
/// <param name="Source">The model to repair; not to be changed.</param>
/// <param name="RepairSet">Rows it may learn from.</param>
/// <param name="Selection">Judges candidates on the selection split.</param>
/// <param name="Seed">Seed of everything random in it.</param>
/// <param name="TimeLimit">Time that the policy gives all repairs together.</param>
/// <param name="Failed">Gates that the source fails, at least one.</param>
/// <param name="Snapshots">Models of the training history, ascending; empty when none were kept.</param>
/// <param name="Deadline">When to stop.</param>
/// <param name="Progress">Told what is going on and the share done.</param>
/// <param name="Cancel">Stops the repair.</param>
public sealed record RepairContext(
    OnnxClassifier Source,
    EvaluationSet RepairSet,
    ISelection Selection,
    int Seed,
    TimeSpan TimeLimit,
    ImmutableArray<GateRule> Failed,
    ImmutableArray<OnnxClassifier> Snapshots,
    DateTime Deadline,
    IProgress<RunProgress>? Progress = null,
    CancellationToken Cancel = default
);

/// <summary>
/// Scores models on the selection split. A model below the policy's accuracy floor, or that no longer predicts a
/// common class, is not admissible.
/// </summary>
public interface ISelection
{
    /// <summary>The score of a model. Scores of one run compare: the greater one is better.</summary>
    SelectionScore Score(OnnxClassifier model);
}

/// <summary>A model's standing on the selection split.</summary>
/// <param name="Admissible">Whether it keeps the accuracy that the policy demands.</param>
/// <param name="Objective">How well it meets the gates; comparable between models of one run, higher is better.</param>
/// <param name="Accuracy">Clean accuracy on the selection split.</param>
public readonly record struct SelectionScore(bool Admissible, double Objective, double Accuracy)
    : IComparable<SelectionScore>
{
    /// <summary>Admissible ones first, then by objective, then by accuracy.</summary>
    public int CompareTo(SelectionScore other) =>
        (Admissible, Objective, Accuracy).CompareTo((other.Admissible, other.Objective, other.Accuracy));
}

/// <summary>One result of a repair.</summary>
/// <param name="Model">The new model.</param>
/// <param name="Method">Name of the repair and variant.</param>
/// <param name="Score">On the selection split.</param>
/// <param name="Details">What the report says about it: layer, weights changed, steps, substitutes.</param>
public sealed record RepairCandidate(
    OnnxClassifier Model,
    string Method,
    SelectionScore Score,
    ImmutableSortedDictionary<string, string> Details
);
