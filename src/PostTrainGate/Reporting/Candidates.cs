using System.Collections.Immutable;
using PostTrainGate.Gating;
using Figures = (double Lost, double Gap, double Harm, double Churn);

namespace PostTrainGate.Reporting;

/// <summary>What every report says of a repair's candidates.</summary>
internal static class Candidates
{
    /// <summary>Most candidates that a page lists; the result has all of them.</summary>
    public const int MostShown = 25;

    /// <summary>What the figures of candidates are, for readers who meet them first here.</summary>
    public static string Legend(RepairSummary repair)
    {
        var chosen = repair.Details.TryGetValue("chosen_by", out var how)
            ? $". The choice among the best rests on {how}"
            : ", where candidates are chosen";
        return $"Figures of the selection split{chosen}; the test split's are above. Gates lack: what is missing until "
            + "every gate passes with a margin, 0 for nothing. Harm: by how much other measures get worse, summed. "
            + "Changed: share of predictions.";
    }

    /// <summary>Why a candidate was not tried or is out of the question; null where there is nothing to say.</summary>
    public static string? Note(CandidateSummary candidate) =>
        candidate.Note
        ?? (
            candidate is { Accuracy: not null, Admissible: false } ? "loses too much accuracy, or a class"
            : candidate.Blocked ? "likely makes something else worse"
            : null
        );

    /// <summary>
    /// Those that would be options: no other is better in one of accuracy, gates, harm and changed predictions and as
    /// good in all. The most accurate first.
    /// </summary>
    public static ImmutableArray<CandidateSummary> Frontier(RepairSummary repair)
    {
        // The source is an option too: it changes nothing and harms nothing.
        var source = repair.Source is { } s ? (-s.Accuracy, s.Gap, 0, 0) : (Figures?)null;
        var kept = new List<(CandidateSummary Candidate, Figures Figures)>();
        // Sorted like this, nothing is beaten by what comes after it.
        var sorted = repair
            .Candidates.Where(IsOpen)
            .Select(c =>
                (Candidate: c, Figures: (Figures)(-c.Accuracy!.Value, c.Gap!.Value, c.Harm ?? 0, c.Churn ?? 0))
            )
            .OrderByDescending(c => c.Candidate.Chosen)
            .DistinctBy(c => c.Figures)
            .OrderBy(c => c.Figures);
        foreach (var c in sorted)
            if (!kept.Any(k => IsAsGood(k.Figures, c.Figures)) && !(source is { } it && IsAsGood(it, c.Figures)))
                kept.Add(c);
        return [.. kept.Select(k => k.Candidate)];
    }

    /// <summary>
    /// What a reader chooses from: the one chosen and the frontier, the most accurate first. Where not all fit, those
    /// that lead in accuracy and gates stay, then those whose gates lack least.
    /// </summary>
    public static ImmutableArray<CandidateSummary> Options(RepairSummary repair, int most)
    {
        var frontier = Frontier(repair);
        var leading = Leading(frontier).ToHashSet();
        return
        [
            .. repair
                .Candidates.Where(c => c.Chosen)
                .Union(frontier)
                .OrderByDescending(c => c.Chosen)
                .ThenByDescending(leading.Contains)
                .ThenBy(c => c.Gap)
                .Take(most)
                .OrderByDescending(c => c.Accuracy)
                .ThenBy(c => c.Gap),
        ];
    }

    /// <summary>Of a frontier, those that no other beats in accuracy and gates alone.</summary>
    public static ImmutableArray<CandidateSummary> Leading(ImmutableArray<CandidateSummary> frontier)
    {
        var leading = ImmutableArray.CreateBuilder<CandidateSummary>();
        foreach (var c in frontier)
            if (leading.Count == 0 || c.Gap < leading[^1].Gap)
                leading.Add(c);
        return leading.ToImmutable();
    }

    /// <summary>Whether one was scored in full, keeps the accuracy and likely blocks nothing.</summary>
    public static bool IsOpen(CandidateSummary c) =>
        c is { Admissible: true, Blocked: false, Gap: not null, Accuracy: not null };

    /// <summary>What became of those that are not listed, in one sentence; empty where all are.</summary>
    /// <param name="repair">What was tried.</param>
    /// <param name="shown">Those that are listed.</param>
    public static string Others(RepairSummary repair, ImmutableArray<CandidateSummary> shown)
    {
        var listed = shown.ToHashSet();
        var rest = repair.Candidates.Where(c => c.Accuracy is not null && !listed.Contains(c)).ToArray();
        if (rest.Length == 0)
            return "";
        var more = Frontier(repair).Count(c => !listed.Contains(c));
        var lost = rest.Count(c => !c.Admissible);
        var blocked = rest.Count(c => c is { Admissible: true, Blocked: true });
        (int Count, string What)[] kinds =
        [
            (more, "with further trade-offs"),
            (rest.Length - more - lost - blocked, "no better than another in any figure"),
            (blocked, "likely to make something else worse"),
            (lost, "out for the accuracy or the class that they lose"),
        ];
        var parts = kinds.Where(k => k.Count > 0).Select(k => FormattableString.Invariant($"{k.Count:N0} {k.What}"));
        var noun = rest.Length == 1 ? "other candidate was" : "other candidates were";
        return FormattableString.Invariant($"{rest.Length:N0} {noun} tried: {string.Join(", ", parts)}.");
    }

    /// <summary>Why the chosen one is not on the frontier, in one sentence; empty where it is.</summary>
    public static string Remark(RepairSummary repair) =>
        repair.Candidates.FirstOrDefault(c => c.Chosen) is { } chosen && !Frontier(repair).Contains(chosen)
            ? "The choice rests on each gate's own attack, or on cross-fitting where rows are few, and ignores differences "
                + "within chance, so another may look better here."
            : "";

    /// <summary>Methods that were not tried, with the reason.</summary>
    public static ImmutableArray<CandidateSummary> Untried(RepairSummary repair) =>
        [.. repair.Candidates.Where(c => c.Accuracy is null)];

    // Of different figures: at least as good in all of them and so better in one.
    private static bool IsAsGood(Figures a, Figures b) =>
        a.Lost <= b.Lost && a.Gap <= b.Gap && a.Harm <= b.Harm && a.Churn <= b.Churn;
}
