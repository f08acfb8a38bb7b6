using System.Collections.Immutable;
using System.Globalization;

namespace PostTrainGate.Gating;

/// <summary>What the repair did.</summary>
public sealed record RepairSummary
{
    /// <summary>Whether a repaired model is proposed.</summary>
    public required bool Proposed { get; init; }

    /// <summary>Why it is or is not, in one sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>Method of the chosen candidate; null when there was none.</summary>
    public string? Method { get; init; }

    /// <summary>Path of the written model, relative to the policy; null when none is proposed.</summary>
    public string? Output { get; init; }

    /// <summary>SHA-256 of the written model.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Clean accuracy on the test split before the repair.</summary>
    public MeasuredValue? AccuracyBefore { get; init; }

    /// <summary>Clean accuracy on the test split after the repair.</summary>
    public MeasuredValue? AccuracyAfter { get; init; }

    /// <summary>Clean accuracy on the test split of the null control, the mean of its draws.</summary>
    public double? NullAccuracy { get; init; }

    /// <summary>Share of test rows whose prediction changed.</summary>
    public double? Churn { get; init; }

    /// <summary>Test rows that the source predicts wrongly and the repaired model rightly.</summary>
    public int? Corrected { get; init; }

    /// <summary>Test rows that the source predicts rightly and the repaired model wrongly.</summary>
    public int? Broken { get; init; }

    /// <summary>What the repair does to measures that the policy does not gate.</summary>
    public ImmutableArray<HarmReport> Harm { get; init; } = [];

    /// <summary>Whether the time limit came before the effort was spent, so that another run may try more.</summary>
    public bool StoppedEarly { get; init; }

    /// <summary>The time limit that the policy sets, in seconds.</summary>
    public double? TimeLimit { get; init; }

    /// <summary>Further facts: layer, weights changed, steps, substitutes.</summary>
    public ImmutableSortedDictionary<string, string> Details { get; init; } =
        ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The model before the repair on the selection split, which candidates are held against.</summary>
    public SourceStanding? Source { get; init; }

    /// <summary>
    /// The clean control on the selection split; null where it was not trained or loses more than the policy allows.
    /// </summary>
    public SourceStanding? CleanControl { get; init; }

    /// <summary>Every candidate, best first on the selection split.</summary>
    public ImmutableArray<CandidateSummary> Candidates { get; init; } = [];
}

/// <summary>A model that is no candidate on the selection split.</summary>
/// <param name="Gap">What is missing until every gate passes with a margin, as for candidates.</param>
/// <param name="Accuracy">Clean accuracy.</param>
public sealed record SourceStanding(double Gap, double Accuracy);

/// <summary>One candidate on the selection split.</summary>
/// <param name="Method">Method and variant.</param>
/// <param name="Admissible">Whether it keeps the accuracy that the policy demands.</param>
/// <param name="Gap">
/// What is missing until every gate passes with a margin, 1 for what the source lacks of one; null for one that was not
/// tried.
/// </param>
/// <param name="Accuracy">Clean accuracy on the selection split; null for one that was not tried.</param>
/// <param name="Chosen">Whether it is the one measured on the test split.</param>
/// <param name="Note">Why it was not tried, or what it substituted.</param>
public sealed record CandidateSummary(
    string Method,
    bool Admissible,
    double? Gap,
    double? Accuracy,
    bool Chosen,
    string? Note = null
)
{
    /// <summary>For people: the method, and how far of its way where that is not all.</summary>
    public string Title =>
        Share < 1 ? string.Create(CultureInfo.InvariantCulture, $"{Method}, {Share:P0} of the way") : Method;

    /// <summary>Part of the way from the source to what the method found, in (0, 1].</summary>
    public double Share { get; init; } = 1;

    /// <summary>
    /// By how much it worsens what the policy does not gate, summed; null for one that was not tried.
    /// </summary>
    public double? Harm { get; init; }

    /// <summary>Whether it likely worsens one of them so much that it would not be proposed.</summary>
    public bool Blocked { get; init; }

    /// <summary>Share of rows whose prediction changes; null for one that was not tried.</summary>
    public double? Churn { get; init; }
}
