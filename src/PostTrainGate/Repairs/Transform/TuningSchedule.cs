namespace PostTrainGate.Repairs;

/// <summary>When the weights outside the slice are put back.</summary>
public enum Projection
{
    /// <summary>Their gradient is removed at every step, so they never move.</summary>
    Step,

    /// <summary>They move freely and are reset after each pass over the rows, as the release of FMT does.</summary>
    Epoch,
}

/// <summary>How to tune.</summary>
public sealed record TuningSchedule
{
    /// <summary>Shuffled passes over the rows; ignored when <see cref="Steps"/> is given.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Number of optimizer steps; null: what <see cref="Epochs"/> comes to.</summary>
    public int? Steps { get; init; }

    /// <summary>Rows a step.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Draw each batch with replacement instead of passing over the shuffled rows.</summary>
    public bool WithReplacement { get; init; }

    /// <summary>Largest learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Share of the steps over which the rate rises from 0.</summary>
    public double WarmUp { get; init; }

    /// <summary>Whether the rate falls linearly to 0 after the warm-up; else it stays.</summary>
    public bool Decay { get; init; }

    /// <summary>The optimizer; fresh for every run.</summary>
    public Func<Optimizer> Optimizer { get; init; } = () => new Adam();

    /// <summary>Added to the gradient, times the weights.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Start the optimizer anew at every step, as the release of Dare does.</summary>
    public bool FreshOptimizer { get; init; }

    /// <summary>When the weights outside the slice are put back.</summary>
    public Projection Projection { get; init; } = Projection.Step;

    /// <summary>How often the state is scored, evenly spaced, the end included; 0: never, the end is kept.</summary>
    public int Checkpoints { get; init; } = 5;

    /// <summary>Number of steps over that many rows.</summary>
    public int StepsOver(long rows) => Steps ?? Epochs * StepsPerEpoch(rows);

    /// <summary>Steps of one pass; the last batch may be smaller.</summary>
    public int StepsPerEpoch(long rows) => (int)((rows + BatchSize - 1) / BatchSize);

    /// <summary>Learning rate of a step.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="steps">Number of steps.</param>
    public double RateAt(double step, double steps)
    {
        var warm = WarmUp * steps;
        if (step + 1 < warm)
            return LearningRate * (step + 1) / warm;
        return Decay ? LearningRate * (steps - step) / Math.Max(1, steps - warm) : LearningRate;
    }
}
