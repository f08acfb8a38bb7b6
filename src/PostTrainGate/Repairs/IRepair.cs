using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>Makes a better classifier out of one, by post-training. Stateless; never touches its source.</summary>
public interface IRepair : INamed
{
    /// <summary>
    /// Whether it is tried where a policy names no methods; a published baseline serves comparison only.
    /// </summary>
    bool ByDefault => true;

    /// <summary>
    /// Whether it can address any of the failed gates with what there is; otherwise why not, in one line.
    /// </summary>
    string? WhyNot(RepairContext context);

    /// <summary>
    /// What it can try, best first: methods with their settings. Only asked when <see cref="WhyNot"/> says nothing. What
    /// the plans share, such as a history made in place of snapshots, is made when the first of them runs.
    /// </summary>
    IEnumerable<RepairPlan> Plan(RepairContext context);
}

/// <summary>One way of repairing, with all its settings.</summary>
/// <param name="Name">For reports: the method and its variant.</param>
public abstract record RepairPlan(string Name)
{
    /// <summary>
    /// What running it in full takes, in seconds of the machine that <see cref="TuningCost"/> describes; counted from
    /// the model and the rows, never measured.
    /// </summary>
    public abstract double Seconds { get; }

    /// <summary>Runs it; the caller disposes the candidate's model.</summary>
    /// <param name="context">Model, rows, selection and time.</param>
    /// <param name="share">Part of its steps to take, in (0, 1].</param>
    public abstract RepairCandidate Run(RepairContext context, double share);

    /// <summary>Goes on from where an earlier run with a smaller share ended; otherwise it begins anew.</summary>
    /// <param name="context">Model, rows, selection and time.</param>
    /// <param name="share">Part of its steps to take, in (0, 1].</param>
    /// <param name="from">The earlier run's model; not changed.</param>
    internal virtual RepairCandidate GoOn(RepairContext context, double share, OnnxClassifier from) =>
        Run(context, share);

    /// <summary>Goes on from a model, or begins anew where there is none.</summary>
    internal RepairCandidate Take(RepairContext context, double share, OnnxClassifier? from) =>
        from is null ? Run(context, share) : GoOn(context, share, from);

    /// <summary>
    /// What goes on from where that ended, should it have cost too much accuracy, and gains some back; null: nothing.
    /// </summary>
    internal RepairPlan? Settling { get; init; }

    /// <summary>The long course that takes the place of this in the last round, from where this ended; null: none.</summary>
    internal RepairPlan? Pressing { get; init; }
}

/// <summary>All that a repair may look at. There is no test split in it.</summary>
/// <param name="Source">The model to repair; not to be changed.</param>
/// <param name="RepairSet">Rows it may learn from.</param>
/// <param name="Selection">Judges candidates on the selection split.</param>
/// <param name="Seed">Seed of everything random in it.</param>
/// <param name="Seconds">
/// Effort that the policy gives all repairs together, in seconds of the machine that <see cref="TuningCost"/> describes.
/// </param>
/// <param name="Gates">Every gate of the policy: a repair must not break those that hold.</param>
/// <param name="Failed">Those that the source fails, at least one.</param>
/// <param name="Snapshots">Models of the training history, ascending; empty when none were kept.</param>
/// <param name="Deadline">When to stop.</param>
/// <param name="Progress">Told what is going on and the share done.</param>
/// <param name="Cancel">Stops the repair.</param>
public sealed record RepairContext(
    OnnxClassifier Source,
    EvaluationSet RepairSet,
    ISelection Selection,
    int Seed,
    double Seconds,
    ImmutableArray<GateRule> Gates,
    ImmutableArray<GateRule> Failed,
    ImmutableArray<OnnxClassifier> Snapshots,
    DateTime Deadline,
    IProgress<RunProgress>? Progress = null,
    CancellationToken Cancel = default
)
{
    /// <summary>Whether to go on where a candidate passes already, for one that changes less.</summary>
    public bool Thorough { get; init; }

    /// <summary>Whether a repair may add nodes to the graph.</summary>
    public bool ExtendsGraph { get; init; }

    /// <summary>What the policy lets get worse.</summary>
    public ImmutableArray<HarmKind> Accept { get; init; } = [];

    /// <summary>What plans made along the way and share; disposed with the search.</summary>
    public ICollection<IDisposable> Owned { get; init; } = [];

    /// <summary>What the source's last layer reads for the rows to learn from; null where it is no gain.</summary>
    internal FeatureSet? Features()
    {
        var features = Owned.OfType<FeatureSet>().FirstOrDefault();
        if (features is null && FeatureSet.Of(Source, RepairSet) is { } made)
            Owned.Add(features = made);
        return features;
    }

    /// <summary>The logits of the source for the rows to learn from; the caller disposes them.</summary>
    internal Tensor SourceLogits() => Features()?.LogitsOf(Source) ?? Source.LogitsOfAll(RepairSet.Inputs);
}

/// <summary>
/// Scores models on the selection split. A model below the policy's accuracy floor, or that no longer predicts a
/// common class, is not admissible.
/// </summary>
public interface ISelection
{
    /// <summary>The score of a model. Scores of one run compare: the greater one is better.</summary>
    SelectionScore Score(OnnxClassifier model);
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
)
{
    /// <summary>Whether the deadline made it take fewer steps than its plan has.</summary>
    internal bool IsHurried { get; init; }
}
