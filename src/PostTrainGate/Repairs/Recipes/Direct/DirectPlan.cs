using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>A repair that computes its weights by itself, outside the frame of <see cref="ModelTransform"/>.</summary>
/// <param name="Name">For reports, and for the seed of its random numbers.</param>
/// <param name="Cost">What it takes in full, in the seconds of <see cref="TuningCost"/>.</param>
/// <param name="Make">The repaired model.</param>
internal sealed record DirectPlan(string Name, double Cost, Func<DirectRun, DirectResult> Make) : RepairPlan(Name)
{
    private const int SomeRows = 512; // of a pass

    /// <inheritdoc/>
    public override double Seconds => Cost;

    /// <inheritdoc/>
    public override RepairCandidate Run(RepairContext context, double share)
    {
        using var scope = NewDisposeScope();
        using var threads = new ThreadScope(
            context.Source,
            TuningCost.Measure(context.Source, context.RepairSet.Inputs).Multiplications * SomeRows
        );
        using var random = new Generator((ulong)Seeds.Derive(context.Seed, Name));
        context.Progress?.Report(new(Name, 0));
        var (model, details) = Make(new(context, random, share));
        using (no_grad())
            model.RoundToFile();
        if (Interpolation.IsPossible(context.Source, model))
            details = details.SetItem("weights_changed", WeightChange.Between(context.Source, model).ToString());
        return new(model, Name, context.Selection.Score(model), details);
    }
}

/// <summary>Surroundings of one run of a <see cref="DirectPlan"/>.</summary>
/// <param name="Context">Model, rows, selection and time.</param>
/// <param name="Random">The only source of randomness.</param>
/// <param name="Share">Part of its steps to take, in (0, 1].</param>
internal sealed record DirectRun(RepairContext Context, Generator Random, double Share)
{
    /// <summary>So many of the steps of the whole, at least one.</summary>
    public int Steps(int all) => Math.Max(1, (int)Math.Ceiling(all * Share));

    /// <summary>Whether the time is up; throws when the run is canceled.</summary>
    public bool IsLate
    {
        get
        {
            Context.Cancel.ThrowIfCancellationRequested();
            return DateTime.UtcNow >= Context.Deadline.ToUniversalTime();
        }
    }
}

/// <summary>What a <see cref="DirectPlan"/> made.</summary>
/// <param name="Model">A model of its own; the caller disposes it.</param>
/// <param name="Details">What the report says about it.</param>
internal sealed record DirectResult(OnnxClassifier Model, ImmutableSortedDictionary<string, string> Details)
{
    /// <summary>A result with these details.</summary>
    public DirectResult(OnnxClassifier model, params IEnumerable<(string Key, string Value)> details)
        : this(model, details.ToImmutableSortedDictionary(d => d.Key, d => d.Value)) { }
}
