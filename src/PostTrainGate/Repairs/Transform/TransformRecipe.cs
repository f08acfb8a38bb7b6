using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// What is particular to one way of repairing a model in the frame of <see cref="ModelTransform"/>: which inputs, which
/// targets, which weights, and how to tune. A variant of a method is its recipe with one of them swapped.
/// </summary>
/// <param name="Name">For reports, such as <c>fmt dual (sex)</c>.</param>
/// <param name="Tap">
/// The value whose outputs are tuned, such as <see cref="Layer.Output"/>; <see cref="OnnxClassifier.LogitsTap"/> for
/// the whole model.
/// </param>
/// <param name="Inputs">Which inputs to tune on (augmentation).</param>
/// <param name="Targets">What the tapped outputs should become.</param>
/// <param name="Slice">Which weights may change.</param>
/// <param name="Schedule">Steps, optimizer and what is kept.</param>
public sealed record TransformRecipe(
    string Name,
    string Tap,
    InputRule Inputs,
    TargetRule Targets,
    SliceRule Slice,
    TuningSchedule Schedule
)
{
    /// <summary>Names its random stream, so that a recipe whose name changes keeps its figures.</summary>
    public string Stream { get; init; } = Name;

    /// <summary>Weight of the targets' loss.</summary>
    public double TargetWeight { get; init; } = 1;

    /// <summary>
    /// Weight of the whole model's cross-entropy with the labels of the inputs; 0 leaves the rest of the model out of
    /// the pass.
    /// </summary>
    public double LabelWeight { get; init; }

    /// <summary>
    /// Whether it tunes the last layer alone, by nothing but the logits of the rows as they are: what stands before
    /// that layer is then computed once.
    /// </summary>
    internal bool OfLastLayer { get; init; }

    /// <summary>Whether batch normalizations work as in training, where their parameters may change.</summary>
    internal bool InTraining => Slice == Slices.EverythingTrained;

    /// <summary>What the report should know beyond what the frame tells: the group, the budget, a substitute.</summary>
    public ImmutableSortedDictionary<string, string> Notes { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;
}

/// <summary>All that the rules of a recipe may look at.</summary>
/// <param name="Source">The model to repair; not to be changed.</param>
/// <param name="Data">Rows to learn from.</param>
/// <param name="Tap">The tapped value.</param>
/// <param name="Random">The only source of randomness.</param>
public sealed record TransformContext(OnnxClassifier Source, EvaluationSet Data, string Tap, Generator Random);

/// <summary>Which inputs to tune on. Called once; the frame disposes what it returns.</summary>
public delegate TuningInputs InputRule(TransformContext context);

/// <summary>What the tapped outputs should become. Called once, before any weight changes.</summary>
public delegate TuningTargets TargetRule(TransformContext context, TuningInputs inputs);

/// <summary>Which weights may change. Called once, before any weight changes.</summary>
public delegate WeightSlice SliceRule(TransformContext context);

/// <summary>Rows to tune on.</summary>
/// <param name="Rows">[m, input shape].</param>
public sealed record TuningInputs(Tensor Rows)
{
    /// <summary>
    /// [m, input shape]: beside each row the one whose representation it should take on; null where there is none.
    /// </summary>
    public Tensor? References { get; init; }

    /// <summary>[m], int64: the classes of the rows; null for synthetic rows.</summary>
    public Tensor? Labels { get; init; }

    /// <summary>[m], int64: where the rows stand in the repair split; null where they are not rows of it.</summary>
    public Tensor? Positions { get; init; }

    /// <summary>[h], int64: rows of the repair split to watch the tuning on; null where nothing is watched.</summary>
    public Tensor? Held { get; init; }

    /// <summary>
    /// Changes each batch anew before it is used, such as by an attack on the model as it stands; null: used as it is.
    /// Parts of a batch are changed side by side.
    /// </summary>
    public Augmentation? Augment { get; init; }

    /// <summary>For reports: what the rows are.</summary>
    public string Description { get; init; } = "";
}

/// <summary>Makes the inputs of one step out of clean ones; its result belongs to the step.</summary>
/// <param name="model">The model as it stands; its weights ask for no gradient during the call.</param>
/// <param name="inputs">[batch, input shape].</param>
/// <param name="labels">[batch], int64, where the rows have labels.</param>
/// <param name="step">Number of the step, from 0.</param>
/// <param name="random">The only source of randomness.</param>
public delegate Tensor Augmentation(OnnxClassifier model, Tensor inputs, Tensor? labels, int step, Generator random);

/// <summary>One step's rows.</summary>
/// <param name="Model">The model as it stands.</param>
/// <param name="Index">[batch], int64: positions in <see cref="TuningInputs.Rows"/>.</param>
/// <param name="Clean">[batch, input shape], before augmentation.</param>
/// <param name="Labels">[batch], int64, where the rows have labels.</param>
public sealed record TuningBatch(OnnxClassifier Model, Tensor Index, Tensor Clean, Tensor? Labels)
{
    /// <summary>What <see cref="TuningTargets.OfClean"/> gave for the rows.</summary>
    public Tensor? Target { get; init; }
}

/// <summary>What the tapped outputs should become, as the loss that leads there.</summary>
/// <param name="Loss">From the tapped outputs [batch, ...] of the step's inputs to a scalar.</param>
/// <param name="Description">For reports.</param>
public sealed record TuningTargets(Func<Tensor, TuningBatch, Tensor> Loss, string Description)
{
    /// <summary>
    /// Makes what the loss needs of the clean rows as the model stands, row by row and without gradients; null:
    /// nothing.
    /// </summary>
    public Func<OnnxClassifier, Tensor, Tensor>? OfClean { get; init; }
}

/// <summary>Which values of which parameters may change. Parameters it does not name are left alone.</summary>
/// <param name="Masks">By name a mask of the parameter's shape (bool), or null: all of it.</param>
/// <param name="Description">For reports.</param>
public sealed record WeightSlice(ImmutableSortedDictionary<string, Tensor?> Masks, string Description);
