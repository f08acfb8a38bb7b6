using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>Variants of FMT: the recipe with one rule swapped.</summary>
public enum FmtVariant
{
    /// <summary>As published.</summary>
    Full,

    /// <summary>No slice: every weight up to the tapped layer is free (-s).</summary>
    NoSlice,

    /// <summary>No slice, no transformation: soft labels for the whole classifier (-sl).</summary>
    NoSliceNoTransform,

    /// <summary>Tapped at the output (last).</summary>
    Last,

    /// <summary>Mutants of uniformly drawn values (rand).</summary>
    Uniform,
}

/// <summary>
/// FMT, the fairness instance of model transformation (Jiang et al., TOSEM 2024): pairs of rows that differ in a
/// protected attribute only; the member the model is less sure of learns the inner representation of the other.
/// </summary>
public sealed record Fmt
{
    /// <summary>The group, with the rows that its pairs are drawn from.</summary>
    public required CounterfactualPairs Pairs { get; init; }

    /// <summary>Name of the group, for reports.</summary>
    public required string Group { get; init; }

    /// <summary>The paper's mutants where they are given; null: drawn.</summary>
    public RowPairs? Mutants { get; init; }

    /// <summary>Tune on both members (the winner is told to stay as it is), or on the loser only.</summary>
    public bool Dual { get; init; }

    /// <summary>The recipe, or it with one rule swapped.</summary>
    public FmtVariant Variant { get; init; }

    /// <summary>What happens to biases.</summary>
    public BiasMode Biases { get; init; } = BiasMode.Free;

    /// <summary>Learning rate, one of 1e-5, 1e-4, 1e-3 in the paper.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Rows a step, one of 16, 32, 64, 128 in the paper.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Passes over the rows.</summary>
    public int Epochs { get; init; } = 50;

    /// <summary>Where the layers outside the slice are put back.</summary>
    public Projection Projection { get; init; } = Projection.Step;

    /// <summary>How often the state is scored; 0: never, the last epoch is kept as published.</summary>
    public int Checkpoints { get; init; } = 5;

    /// <summary>The published method: gradients everywhere, a reset each epoch, the last epoch kept.</summary>
    public Fmt AsPublished() =>
        this with
        {
            Projection = Projection.Epoch,
            Checkpoints = 0,
            Epochs = 50,
            Biases = BiasMode.Free,
        };

    /// <summary>The recipe for a model.</summary>
    public TransformRecipe Recipe(OnnxClassifier model)
    {
        var target = TargetLayer(model);
        var whole = Variant is FmtVariant.NoSliceNoTransform or FmtVariant.Last;
        var name = string.Create(CultureInfo.InvariantCulture, $"fmt {(Dual ? "dual" : "single")}{Suffix} ({Group})");
        return new(
            name,
            whole ? OnnxClassifier.LogitsTap : target.Output,
            Inputs,
            Targets,
            Slice,
            new TuningSchedule
            {
                Epochs = Epochs,
                BatchSize = BatchSize,
                LearningRate = LearningRate,
                Projection = Projection,
                Checkpoints = Checkpoints,
            }
        )
        {
            Notes = ImmutableSortedDictionary<string, string>.Empty.Add("group", Group),
        };

        TuningInputs Inputs(TransformContext context)
        {
            var draw = Variant == FmtVariant.Uniform ? ValueDraw.Uniform : ValueDraw.Marginal;
            return Resolve(context, Mutants ?? Pairs.Mutants(context.Data.Count, draw, context.Random));
        }

        TuningTargets Targets(TransformContext context, TuningInputs inputs) =>
            Variant switch
            {
                FmtVariant.NoSliceNoTransform => ReferenceTargets.SoftLabels(context, inputs),
                FmtVariant.Last => ReferenceTargets.Probabilities(context, inputs),
                _ => ReferenceTargets.Activations(context, inputs),
            };

        WeightSlice Slice(TransformContext context) =>
            Variant is FmtVariant.NoSlice or FmtVariant.NoSliceNoTransform
                ? Slices.Front(context)
                : TwinSlice.Build(context, Pairs.Twins(context.Random), Biases, target.Index);
    }

    /// <summary>The third weighted layer from the end, or the first there is.</summary>
    public static Layer TargetLayer(OnnxClassifier model) => model.Layers[Math.Max(0, model.Layers.Length - 3)];

    /// <summary>
    /// In each pair the member that the model is surer of (largest class probability, of equal ones the second) is the
    /// reference.
    /// </summary>
    private TuningInputs Resolve(TransformContext context, RowPairs pairs)
    {
        var first = Confidence(context.Source, pairs.First);
        var second = Confidence(context.Source, pairs.Second);
        var firstWins = first.gt(second).unsqueeze(1);
        var winner = where(firstWins, pairs.First, pairs.Second);
        var loser = where(firstWins, pairs.Second, pairs.First);
        var wins = firstWins.sum().item<long>();
        var text = string.Create(
            CultureInfo.InvariantCulture,
            $"mutants in {pairs.First.shape[0]} pairs; the first member is better in {wins}"
        );
        return Dual
            ? new(cat([loser, winner], 0)) { References = cat([winner, winner], 0), Description = text }
            : new(loser) { References = winner, Description = text };
    }

    internal static Tensor Confidence(OnnxClassifier model, Tensor rows) =>
        model.ActivationsOfAll(rows, OnnxClassifier.LogitsTap, logits => logits.softmax(1).amax([1]));

    private string Suffix =>
        Variant switch
        {
            FmtVariant.NoSlice => " -s",
            FmtVariant.NoSliceNoTransform => " -sl",
            FmtVariant.Last => " last",
            FmtVariant.Uniform => " rand",
            _ => "",
        };
}
