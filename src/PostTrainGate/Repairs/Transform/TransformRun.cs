using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;

namespace PostTrainGate.Repairs;

/// <summary>Surroundings of one run of <see cref="ModelTransform"/>.</summary>
/// <param name="Source">The model to repair; not changed.</param>
/// <param name="Data">Rows to learn from.</param>
/// <param name="Seed">Of everything random.</param>
/// <param name="Selection">Scores the state at every checkpoint; null: the last state is kept.</param>
/// <param name="Deadline">When to stop early, with the best state so far.</param>
/// <param name="Progress">Told the share done.</param>
/// <param name="Cancel">Stops the run.</param>
public sealed record TransformRun(
    OnnxClassifier Source,
    EvaluationSet Data,
    int Seed,
    ISelection? Selection = null,
    DateTime? Deadline = null,
    IProgress<RunProgress>? Progress = null,
    CancellationToken Cancel = default
)
{
    /// <summary>The weights to begin with, of the same graph; null: those of the source.</summary>
    internal OnnxClassifier? Start { get; init; }

    /// <summary>Part of the schedule's steps to take, in (0, 1]; the rates follow the shorter course.</summary>
    public double Share { get; init; } = 1;
}
