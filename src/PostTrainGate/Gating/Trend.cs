using System.Collections.Immutable;
using PostTrainGate.Metrics;
using PostTrainGate.Statistics;

namespace PostTrainGate.Gating;

/// <summary>What one run gave for a gate.</summary>
/// <param name="Time">When the run started.</param>
/// <param name="Value">The estimate; null where nothing was measured.</param>
/// <param name="Lower">Lower end of its interval.</param>
/// <param name="Upper">Upper end of its interval.</param>
/// <param name="Verdict">What the threshold of that day said to it.</param>
/// <param name="Threshold">That threshold, in words.</param>
internal sealed record TrendPoint(
    DateTimeOffset Time,
    double? Value,
    double? Lower,
    double? Upper,
    Verdict Verdict,
    string Threshold
)
{
    /// <summary>Commit that the run was for; null where it is not known.</summary>
    public string? Commit { get; init; }

    /// <summary>SHA-256 of the model; null where predictions were gated.</summary>
    public string? Model { get; init; }
}

/// <summary>A gate over several runs.</summary>
/// <param name="Points">The runs, the latest last.</param>
/// <param name="Better">Which values of the gate are better.</param>
/// <param name="Shift">Where the level of the values shifted last, as an index of a point; null: nowhere.</param>
internal sealed record Trend(ImmutableArray<TrendPoint> Points, Better Better, LevelShift? Shift);
