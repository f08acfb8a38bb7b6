using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>Groups that should be treated alike.</summary>
/// <param name="Group">The group.</param>
/// <param name="Scope">Among which rows.</param>
public sealed record ParityDemand(GroupColumn Group, ComparedRows Scope)
{
    /// <inheritdoc/>
    public override string ToString() =>
        Scope switch
        {
            ComparedRows.All => Group.Name,
            // A part of the recipe's name, which seeds its random numbers; spelled as ever, so they stay the same.
            ComparedRows.Favorable => $"{Group.Name} among favourable",
            _ => $"{Group.Name} within each label",
        };
}

/// <summary>
/// Group parity in the frame of <see cref="ModelTransform"/>: on real rows, each group's mean probability of the
/// favorable class is pulled toward that of the others, and the whole model keeps its label loss. Where FMT makes twins
/// alike, this reaches what other columns say about the group (soft group penalty, as in Kamishima et al. 2012).
/// </summary>
public sealed record GroupParity
{
    /// <summary>Which groups should be treated alike, and among which rows; at least one.</summary>
    public required ImmutableArray<ParityDemand> Demands { get; init; }

    /// <summary>Weight of the squared difference beside the label loss.</summary>
    public double Weight { get; init; } = 10;

    /// <summary>
    /// Whether only the weights that read the group's own columns may change, few enough for small data.
    /// </summary>
    public bool OwnColumnsOnly { get; init; }

    /// <summary>How to tune.</summary>
    public TuningSchedule Schedule { get; init; } =
        new()
        {
            Steps = 400,
            BatchSize = 1024,
            LearningRate = 3e-4,
            Checkpoints = 10,
        };

    private string Variant =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"x{Weight:G3}{(OwnColumnsOnly ? " own-columns" : "")} ({string.Join(", ", Demands)})"
        );

    /// <summary>The recipe for a model.</summary>
    public TransformRecipe Recipe(OnnxClassifier model) =>
        new(
            $"group_parity {Variant}",
            OnnxClassifier.LogitsTap,
            Rows,
            Targets,
            OwnColumnsOnly ? OwnColumns : Slices.Everything,
            Schedule
        )
        {
            Stream = $"group-parity {Variant}", // its name before names had underscores
            LabelWeight = 1,
            TargetWeight = Weight,
            Notes = ImmutableSortedDictionary<string, string>.Empty.Add("group", string.Join(", ", Demands)),
        };

    private static TuningInputs Rows(TransformContext context) =>
        new(context.Data.Inputs) { Labels = context.Data.Labels, Description = "rows of the repair split" };

    private TuningTargets Targets(TransformContext context, TuningInputs inputs)
    {
        var favorable = context.Data.Favorable;
        Tensor[] members = [.. Demands.SelectMany(d => Members(d, context.Data))]; // [m, levels] each
        return new(
            (logits, batch) =>
            {
                using var scope = NewDisposeScope();
                using Scalar none = 0,
                    one = 1,
                    two = 2;
                var score = logits.softmax(1).select(1, favorable).unsqueeze(0); // [1, batch]
                var loss = zeros(1);
                foreach (var all in members)
                {
                    var member = all.index_select(0, batch.Index);
                    var count = member.sum(0, keepdim: true);
                    var present = count.gt(none).to_type(ScalarType.Float32);
                    var mean = score.mm(member).div(count.clamp_min(one)); // [1, levels]
                    var middle = mean.mul(present).sum().div(present.sum().clamp_min(one));
                    // Two groups: the squared difference.
                    loss = loss.add(mean.sub(middle).Squared().mul(present).sum(), two);
                }

                return loss.sum().MoveToOuterDisposeScope();
            },
            "equal mean scores of the groups"
        );
    }

    private static Tensor[] Members(ParityDemand demand, EvaluationSet data)
    {
        var group = demand.Group;
        var sides = group.Privileged is null ? group.Levels.Length : 2;
        var flags = new float[data.Count, sides];
        for (var i = 0; i < data.Count; i++)
        {
            var level = group.LevelOf[i];
            if (level >= 0)
                flags[
                    i,
                    group.Privileged is not { } p ? level
                    : level == p ? 1
                    : 0
                ] = 1;
        }

        var all = from_array(flags);
        return demand.Scope switch
        {
            ComparedRows.All => [all],
            ComparedRows.Favorable => [Of(data.Favorable)],
            _ => [.. Enumerable.Range(0, data.ClassNames.Length).Select(Of)],
        };
        Tensor Of(int label) => all.mul(data.Labels.eq(label).unsqueeze(1));
    }

    private WeightSlice OwnColumns(TransformContext context) => Slices.ColumnsOf(Demands.Select(d => d.Group), context);
}
