using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

// The best candidates, and which of them is chosen.
internal sealed partial class Tournament
{
    // Candidates that are measured under the policy's own attacks before one is chosen.
    private const int Finalists = 3;

    // The same where that takes no attack: what leads by few rows leads by chance.
    private const int CrossFittedFinalists = 8;

    // A candidate, its place among those tried, and the part of the way from the source.
    private sealed record Finalist(RepairCandidate Candidate, int Number, Making Making, double Share);

    /// <summary>Judges the best candidates once more, where the rows to choose by are few; null: they are many.</summary>
    public CrossFitting? CrossFitting { get; set; }

    /// <summary>
    /// The best candidate that improves on the source, by cross-fitting or by each gate's own attack; the caller
    /// disposes its model.
    /// </summary>
    public RepairCandidate? Choose()
    {
        // Where models of fewer rows are no better, the one of all of them may be.
        if ((CrossFitted() ?? Confirmed()) is not { } chosen)
            return null;
        _best.RemoveAll(f => f.Number == chosen.Number);
        _tried[chosen.Number] = _tried[chosen.Number] with { Chosen = true };
        return chosen.Candidate;
    }

    private Finalist? CrossFitted() =>
        CrossFitting is not { } judge
            ? null
            : Best(
                _best.Select(f =>
                    f with
                    {
                        Candidate = f.Candidate with
                        {
                            Score = judge.Score(f.Candidate.Model, f.Making.Plan, f.Making.Steps, f.Share),
                            Details = f.Candidate.Details.SetItem("chosen_by", judge.Description),
                        },
                    }
                ),
                judge.Source
            );

    private Finalist? Confirmed()
    {
        var confirmed = new List<Finalist>();
        foreach (var finalist in _best)
        {
            var score = selection.Confirm(finalist.Candidate.Model);
            confirmed.Add(finalist with { Candidate = finalist.Candidate with { Score = score } });
            // A strong attack takes longer than all that ranked the candidates: those after the first that passes are
            // no better by their ranks.
            if (score is { Admissible: true, Suffices: true, Harm: 0 })
                break;
        }

        return Best(confirmed, selection.Source);
    }

    private static Finalist? Best(IEnumerable<Finalist> finalists, SelectionScore source) =>
        finalists
            .Where(f => f.Candidate.Score.Admissible && f.Candidate.Score.CompareTo(source) > 0)
            .OrderByDescending(f => f.Candidate.Score)
            .FirstOrDefault();
}
