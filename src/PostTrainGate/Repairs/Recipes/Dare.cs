using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>Variants of Dare: the recipe with one rule swapped.</summary>
public enum DareVariant
{
    /// <summary>As published.</summary>
    Full,

    /// <summary>No slice: every weight up to the tapped layer is free (-s).</summary>
    NoSlice,

    /// <summary>No slice, no transformation: true labels for the whole classifier, squared error (-sl).</summary>
    NoSliceNoTransform,

    /// <summary>Tapped at the output (last).</summary>
    Last,
}

/// <summary>
/// Dare, the robustness instance of model transformation (Jiang et al., ASE 2022 and TOSEM 2024): inputs on which an
/// older snapshot of the training was surer of the true class learn that snapshot's inner representation. No attack
/// takes part.
/// </summary>
public sealed record Dare
{
    /// <summary>Snapshots of the training history, ascending, at least one; not owned.</summary>
    public required ImmutableArray<OnnxClassifier> Snapshots { get; init; }

    /// <summary>The recipe, or it with one rule swapped.</summary>
    public DareVariant Variant { get; init; }

    /// <summary>
    /// Share of connections that may change: all but the lowest 5 % is the reading closest to the release.
    /// </summary>
    public double SliceShare { get; init; } = 0.95;

    /// <summary>What happens to biases.</summary>
    public BiasMode Biases { get; init; } = BiasMode.Slice;

    /// <summary>
    /// Whether a snapshot must be right on rows on which the model is right; the release does not ask.
    /// </summary>
    public bool Strict { get; init; } = true;

    /// <summary>Rows of the pool that are looked at, a random choice.</summary>
    public int Pool { get; init; } = 20_000;

    /// <summary>Beside the name: which preset.</summary>
    public string Preset { get; init; } = "";

    /// <summary>How to tune. The default is the longer preset: 1,000 steps with a kept optimizer.</summary>
    public TuningSchedule Schedule { get; init; } =
        new()
        {
            Steps = 1000,
            BatchSize = 128,
            WithReplacement = true,
            LearningRate = 1e-4,
        };

    /// <summary>
    /// The published method: ten steps, each with an optimizer of its own, biases free, the last state kept.
    /// </summary>
    public Dare AsPublished() =>
        this with
        {
            Biases = BiasMode.Free,
            Strict = false,
            Preset = " published",
            Schedule = new()
            {
                Steps = 10,
                BatchSize = 128,
                WithReplacement = true,
                LearningRate = 1e-5,
                FreshOptimizer = true,
                Checkpoints = 0,
            },
        };

    /// <summary>The recipe for a model.</summary>
    public TransformRecipe Recipe(OnnxClassifier model)
    {
        var target = TargetLayer(model);
        var whole = Variant is DareVariant.NoSliceNoTransform or DareVariant.Last;
        SnapshotHistory? history = null;
        return new(
            $"dare{Suffix}{Preset}",
            whole ? OnnxClassifier.LogitsTap : target.Output,
            Inputs,
            Targets,
            Slice,
            Schedule
        )
        {
            Notes = ImmutableSortedDictionary<string, string>.Empty.Add(
                "snapshots",
                Snapshots.Length.ToString(CultureInfo.InvariantCulture)
            ),
        };

        TuningInputs Inputs(TransformContext context)
        {
            var chosen = randperm(context.Data.Count, generator: context.Random)
                .data<long>()
                .Take(Pool)
                .Select(i => (int)i)
                .ToArray();
            using var pool = context.Data.Take(chosen);
            history = SnapshotHistory.Search(context.Source, Snapshots, pool, Strict);
            var rows = tensor(history.Rows);
            return new(pool.Inputs.index_select(0, rows))
            {
                Labels = pool.Labels.index_select(0, rows),
                Description = $"of {chosen.Length} rows that a snapshot predicts better",
            };
        }

        TuningTargets Targets(TransformContext context, TuningInputs inputs) =>
            Variant switch
            {
                DareVariant.NoSliceNoTransform => OneHot(context),
                DareVariant.Last => new(
                    (logits, batch) =>
                        nn.functional.mse_loss(logits.softmax(1), Past(context.Tap, history!, batch).softmax(1)),
                    "class probabilities of the best snapshot"
                ),
                _ => new(
                    (tapped, batch) => nn.functional.mse_loss(tapped, Past(context.Tap, history!, batch)),
                    "activations of the best snapshot"
                ),
            };

        WeightSlice Slice(TransformContext context) =>
            Variant switch
            {
                DareVariant.NoSlice or DareVariant.NoSliceNoTransform => Slices.Front(context),
                DareVariant.Last => ContributionSlice.Build(context with { Tap = target.Output }, SliceShare, Biases),
                _ => ContributionSlice.Build(context, SliceShare, Biases),
            };
    }

    /// <summary>The last convolution; without one the third weighted layer from the end.</summary>
    public static Layer TargetLayer(OnnxClassifier model) =>
        model.Layers.LastOrDefault(l => l.Operator == "Conv") ?? Fmt.TargetLayer(model);

    private static TuningTargets OneHot(TransformContext context) =>
        new(
            (logits, batch) =>
                nn.functional.mse_loss(
                    logits.softmax(1),
                    nn.functional.one_hot(batch.Labels!, context.Source.Classes).to_type(ScalarType.Float32)
                ),
            "true labels"
        );

    // Recomputed for each batch: the activations of a whole pool would not fit into memory for larger models.
    private Tensor Past(string tap, SnapshotHistory history, TuningBatch batch)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var index = batch.Index.data<long>().ToArray();
        Tensor? targets = null;
        foreach (var group in Enumerable.Range(0, index.Length).GroupBy(i => history.Snapshot[index[i]]))
        {
            var places = tensor(group.Select(i => (long)i).ToArray());
            var values = Snapshots[group.Key].Values(batch.Clean.index_select(0, places), tap)[0];
            targets ??= zeros([index.Length, .. values.shape[1..]]);
            targets.index_copy_(0, places, values);
        }

        return targets!.MoveToOuterDisposeScope();
    }

    private string Suffix =>
        Variant switch
        {
            DareVariant.NoSlice => " -s",
            DareVariant.NoSliceNoTransform => " -sl",
            DareVariant.Last => " last",
            _ => "",
        };
}
