using System.Collections.Immutable;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>What a repair by the policy changes as little as possible.</summary>
public enum Anchor
{
    /// <summary>The model's own predictions: the divergence from them (Kullback and Leibler 1951).</summary>
    Predictions,

    /// <summary>The loss on the labels.</summary>
    Labels,
}

/// <summary>
/// The policy as the objective, in the frame of <see cref="ModelTransform"/>: change the model as little as possible
/// such that every gate holds. Constrained optimization with one multiplier a gate (proxy-Lagrangian, Cotter et al.,
/// JMLR 2019): the weights descend surrogates that have gradients, the multipliers follow the gates as they are counted,
/// on rows that the weights are not tuned on.
/// </summary>
public sealed record PolicyTuning
{
    // Multipliers rise by at most this factor a step of theirs, so that no single count on few rows decides.
    private const double LargestMultiplier = 100;
    private const int MultiplierSteps = 40;
    private const int FewestStepsBetween = 25;
    private const int FewestRowsToSpare = 2000;
    private const int ManyRows = 512;

    /// <summary>Gates to hold, with the thresholds to reach.</summary>
    public required ImmutableArray<GateRule> Gates { get; init; }

    /// <summary>What is changed as little as possible.</summary>
    public Anchor Anchor { get; init; } = Anchor.Predictions;

    /// <summary>Part of the rows that the multipliers are counted on.</summary>
    public double MultiplierShare { get; init; } = 0.2;

    /// <summary>Most rows that the multipliers are counted on.</summary>
    public int MultiplierRows { get; init; } = 2048;

    /// <summary>How fast multipliers follow; of a gate's violation in units of its threshold's tolerance.</summary>
    public double MultiplierRate { get; init; } = 1;

    /// <summary>Multipliers at the start.</summary>
    public double FirstMultiplier { get; init; } = 1;

    /// <summary>Temperature of soft predictions at the start and at the end, in logits.</summary>
    public (double From, double To) Temperature { get; init; } = (1, 0.25);

    /// <summary>Beside the name: what distinguishes this setting from others.</summary>
    public string Variant { get; init; } = "";

    /// <summary>Which weights may change.</summary>
    public SliceRule Slice { get; init; } = Slices.Everything;

    /// <summary>Whether these are the last layer's, and no gate reads inputs.</summary>
    internal bool OfLastLayer { get; init; }

    /// <summary>How to tune.</summary>
    public TuningSchedule Schedule { get; init; } =
        new()
        {
            Steps = 400,
            BatchSize = 1024,
            LearningRate = 1e-3,
            WarmUp = 0.05,
            Decay = true,
            Checkpoints = 8,
        };

    /// <summary>The recipe for a model.</summary>
    /// <param name="context">Model and rows; surrogates that a recipe makes live as long as it.</param>
    public TransformRecipe Recipe(RepairContext context) =>
        new(
            $"policy {Variant}".TrimEnd(),
            OnnxClassifier.LogitsTap,
            c => Rows(c),
            (c, inputs) => Targets(context, c, inputs),
            Slice,
            Schedule
        )
        {
            OfLastLayer = OfLastLayer,
            Notes = ImmutableSortedDictionary<string, string>
                .Empty.Add("gates", string.Join(", ", Gates.Select(g => g.Metric.Name).Distinct()))
                .Add("anchor", Anchor == Anchor.Labels ? "label loss" : "divergence from the source's predictions"),
        };

    // The rows are shuffled by the frame's own generator; the last part is the multipliers'.
    private TuningInputs Rows(TransformContext context)
    {
        var order = randperm(context.Data.Count, generator: context.Random);
        // Of few rows none can be spared: the multipliers then count the rows that the weights see.
        var held = context.Data.Count < FewestRowsToSpare ? 0 : Held(context.Data.Count);
        var kept = order.narrow(0, 0, context.Data.Count - held);
        return new(context.Data.Inputs.index_select(0, kept))
        {
            Labels = context.Data.Labels.index_select(0, kept),
            Positions = kept,
            Held = held == 0 ? order : order.narrow(0, kept.shape[0], held),
            Description = "rows of the repair split",
        };
    }

    private int Held(int rows) => Math.Min(MultiplierRows, (int)(rows * MultiplierShare));

    private TuningTargets Targets(RepairContext repair, TransformContext context, TuningInputs inputs)
    {
        var terms = new List<Term>();
        foreach (var gate in Gates)
        {
            if (Surrogate(repair, gate, context) is { } surrogate)
                terms.Add(new(gate, surrogate) { Multiplier = FirstMultiplier });
        }

        foreach (var term in terms)
            repair.Owned.Add(term.Surrogate);
        var before = context.Source.ActivationsOfAll(inputs.Rows, OnnxClassifier.LogitsTap).log_softmax(1);
        var steps = Math.Max(1, Schedule.StepsOver(inputs.Rows.shape[0]));
        var every =
            Schedule.BatchSize < ManyRows
                ? Math.Max(FewestStepsBetween, steps / MultiplierSteps)
                : Math.Max(1, steps / MultiplierSteps);
        var done = 0;
        return new(
            (logits, batch) =>
            {
                var progress = Math.Min(1, done / (double)steps);
                if (done++ % every == 0)
                    Follow(terms, context, batch.Model, inputs.Held!, progress);
                var rows = new SurrogateBatch(
                    batch.Model,
                    inputs.Positions!.index_select(0, batch.Index),
                    batch.Clean,
                    batch.Labels!,
                    logits
                )
                {
                    Temperature = Temperature.From * Math.Pow(Temperature.To / Temperature.From, progress),
                    Progress = progress,
                };
                var loss = Anchored(logits, before, batch);
                var total = 1.0;
                foreach (var term in terms.Where(t => t.Multiplier > 0))
                {
                    using Scalar weight = term.Multiplier;
                    loss = loss.add(term.Surrogate.Loss(rows), weight);
                    total += term.Multiplier;
                }

                // A step's length does not grow with the multipliers.
                using Scalar scale = 1 / total;
                return loss.mul(scale);
            },
            $"every gate's surrogate, {terms.Count} of {Gates.Length}"
        );
    }

    private static ISurrogate? Surrogate(RepairContext repair, GateRule gate, TransformContext context) =>
        gate.Metric is IDifferentiableMetric metric
            ? metric.Surrogate(new(context.Source, context.Data, gate, repair.Seed), out _)
            : null;

    private Tensor Anchored(Tensor logits, Tensor before, TuningBatch batch)
    {
        if (Anchor == Anchor.Labels)
            return nn.functional.cross_entropy(logits, batch.Labels!);
        using var scope = NewDisposeScope();
        var was = before.index_select(0, batch.Index);
        return was.exp().mul(was.sub(logits.log_softmax(1))).sum(1).mean().MoveToOuterDisposeScope();
    }

    // Multiplicative in what is violated, so that a gate that holds lets go and one that fails takes over.
    private void Follow(List<Term> terms, TransformContext context, OnnxClassifier model, Tensor held, double progress)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var inputs = context.Data.Inputs.index_select(0, held);
        var rows = new SurrogateBatch(
            model,
            held,
            inputs,
            context.Data.Labels.index_select(0, held),
            model.Logits(inputs)
        )
        {
            Progress = progress,
        };
        foreach (var term in terms)
        {
            var violation = term.Surrogate.Violation(rows);
            if (double.IsNaN(violation))
                continue;
            term.First ??= Math.Max(Math.Abs(violation), 0.01);
            var change = Math.Clamp(violation / term.First.Value, -1, 1);
            term.Multiplier = Math.Clamp(
                term.Multiplier * Math.Exp(MultiplierRate * 0.25 * change),
                FirstMultiplier * 1e-3,
                LargestMultiplier
            );
        }
    }

    private sealed record Term(GateRule Gate, ISurrogate Surrogate)
    {
        public double Multiplier { get; set; }

        // What the source violates, which violations are measured in.
        public double? First { get; set; }
    }
}
