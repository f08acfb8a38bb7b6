using PostTrainGate.Gating;

namespace PostTrainGate.Reporting;

/// <summary>What every report says of a repair's candidates.</summary>
internal static class Candidates
{
    /// <summary>Most candidates that a page lists; the result has all of them.</summary>
    public const int MostShown = 25;

    /// <summary>Why a candidate was not tried or is out of the question; null where there is nothing to say.</summary>
    public static string? Note(CandidateSummary candidate) =>
        candidate.Note ?? (candidate is { Accuracy: not null, Admissible: false } ? "loses too much accuracy" : null);
}
