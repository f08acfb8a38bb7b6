using PostTrainGate.Data;

namespace PostTrainGate.Repairs;

/// <summary>What the published baselines share.</summary>
internal static class Baselines
{
    /// <summary>Steps of a baseline that trains the whole model.</summary>
    public static readonly TuningSchedule FineTuning = new()
    {
        Steps = 1000,
        BatchSize = 128,
        LearningRate = 3e-4,
        Checkpoints = 5,
    };

    /// <summary>Steps of one that trains it from fresh weights.</summary>
    public static readonly TuningSchedule FromScratch = FineTuning with
    {
        Steps = 4000,
        LearningRate = 1e-3,
        WarmUp = 0.05,
        Decay = true,
    };

    /// <summary>No targets beside the labels.</summary>
    public static TuningTargets LabelsOnly(TransformContext context, TuningInputs inputs) =>
        new((tapped, _) => tapped.sum().mul(0), "labels");

    /// <summary>All rows with their labels.</summary>
    public static TuningInputs Rows(TransformContext context) =>
        new(context.Data.Inputs) { Labels = context.Data.Labels, Description = "rows of the repair split" };

    /// <summary>The groups whose gates failed, each once.</summary>
    public static IEnumerable<GroupColumn> FailedGroups(this RepairContext context) =>
        context.ByGroup().Select(g => g.Group!).Distinct().Select(name => context.RepairSet.Groups[name]);
}
