using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

/// <summary>
/// The second control that a repair is held against: the source trained further on the same rows, by their labels
/// alone. What that mends as well needed more training, not the repair.
/// </summary>
internal static class CleanControl
{
    // Of the policy's effort, and the least part of its own steps that is worth a figure.
    private const double PartOfEffort = 0.05,
        LeastShare = 0.1;

    /// <summary>The model trained further; null where there is no time for it. The caller disposes it.</summary>
    public static RepairCandidate? Train(RepairContext context)
    {
        var tuning = new PolicyTuning
        {
            Gates = [],
            Anchor = Anchor.Labels,
            Slice = Slices.EverythingTrained,
            Variant = "clean control",
        };
        tuning = tuning with { Schedule = tuning.Schedule with { BatchSize = 128, Checkpoints = 0 } };
        var plan = RecipePlan.Fixed(tuning.Recipe(context), context);
        var share = Math.Min(1, PartOfEffort * context.Seconds / plan.Seconds);
        return share < LeastShare || DateTime.UtcNow >= context.Deadline.ToUniversalTime()
            ? null
            : plan.Run(context, share);
    }
}
