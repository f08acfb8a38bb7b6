using System.Collections.Immutable;
using PostTrainGate.Models;
using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

/// <summary>
/// Spends the policy's effort on the plans that promise most: all get a small share, the better ones a larger one
/// (successive halving, Jamieson and Talwalkar 2016). Every candidate is also tried at shorter steps from the source.
/// Effort is counted, never timed, so that the same policy tries the same on every machine; the deadline only stops it.
/// </summary>
internal sealed partial class Tournament(Selection selection) : IDisposable
{
    // Of each round's plans the next one keeps the best part, and goes on with each from where it ended.
    private const int KeepOneOf = 4;

    // Of the effort, for the rounds before the last: on too little they would favor what changes little, and not what
    // gets there. Under attack nothing gets there but what is trained for long, in one setting.
    private const double SearchPart = 0.5,
        SearchPartUnderAttack = 0.3;

    // Bytes of weights that wait between two rounds; where they are more, plans begin anew.
    private const long MostWaiting = 1 << 30;

    // Scores between two models, where each is dear.
    private const int Halvings = 3;

    // Part of the effort for courses that gain accuracy back, one after the other.
    private const double SettlingPart = 0.36;

    /// <summary>Parts of the way from the source at which every candidate is tried too.</summary>
    internal static readonly ImmutableArray<double> Shares = [0.9, 0.75, 0.6, 0.45, 0.3, 0.15];

    private sealed record Entry(
        RepairPlan Plan,
        SelectionScore Score = default,
        OnnxClassifier? End = null,
        double Steps = 0
    );

    // How a candidate was made: the part of a plan's steps.
    private readonly record struct Making(RepairPlan Plan, double Steps);

    private readonly List<CandidateSummary> _tried = [];
    private readonly List<Finalist> _best = [];

    /// <summary>What an earlier run made; null: nothing is kept.</summary>
    public KeptRepair? Kept { get; init; }

    /// <summary>Every candidate, in the order they were tried.</summary>
    public IReadOnlyList<CandidateSummary> Tried => _tried;

    /// <summary>Whether the deadline came before the effort was spent.</summary>
    public bool StoppedEarly { get; private set; }

    /// <summary>Runs the plans.</summary>
    public void Run(IReadOnlyList<RepairPlan> plans, RepairContext context)
    {
        var rounds = Rounds(plans.Count);
        var weights = context.Source.Parameters.Values.Sum(p => p.numel() * p.element_size());
        var waits = plans.Count * weights <= MostWaiting;
        Entry[] left = [.. plans.Select(p => new Entry(p))];
        List<OnnxClassifier> waiting = [];
        try
        {
            for (var round = 0; round < rounds && left.Length > 0; round++)
            {
                var each = Allotment([.. left.Select(e => e.Plan)], context.Seconds * Part(round, rounds));
                var standing = new List<Entry>();
                foreach (var entry in left)
                {
                    context.Cancel.ThrowIfCancellationRequested();
                    if (DateTime.UtcNow >= context.Deadline.ToUniversalTime())
                    {
                        StoppedEarly = true;
                        return;
                    }

                    var plan = entry.Plan;
                    if (round == rounds - 1 && !selection.IsCheap && plan.Pressing is not null)
                    {
                        Press(plan, entry.End ?? context.Source, context, waiting);
                        continue;
                    }

                    var share = Math.Min(1, each / plan.Seconds);
                    var candidate = Make(plan, context, share, entry.End);
                    var end = waits && share < 1 ? candidate.Model.Clone() : null;
                    if (end is not null)
                        waiting.Add(end);
                    var steps = entry.End is null ? share : Math.Min(1, entry.Steps + share);
                    var score = Consider(candidate, context.Source, new(plan, steps));
                    if (end is not null && round < rounds - 1)
                        score = Prospect(score, selection.Promise(end, rounds - round));
                    if (share < 1)
                        standing.Add(new(plan, score, end, steps));
                }

                // Good enough is the smallest change that passes; more effort is for what does not.
                if (_best is [{ Candidate.Score: { Suffices: true, Harm: 0 } }, ..] && !context.Thorough)
                    return;
                left = [.. standing.OrderByDescending(e => e.Score).Take((standing.Count + KeepOneOf - 1) / KeepOneOf)];
            }
        }
        finally
        {
            waiting.ForEach(model => model.Dispose());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var finalist in _best)
            finalist.Candidate.Model.Dispose();
    }

    /// <summary>Takes down a plan that cannot be tried.</summary>
    public void LeaveOut(string method, string reason) => _tried.Add(new(method, false, null, null, false, reason));

    private static int Rounds(int plans) => plans <= 1 ? 1 : 1 + (int)Math.Ceiling(Math.Log(plans, KeepOneOf));

    // No short course under attack ends with all gates passed: how much is missing, of all of them and of accuracy,
    // tells more than how many pass, which is one where nothing was learned and no accuracy lost.
    private SelectionScore Prospect(SelectionScore score, SelectionScore promise)
    {
        if (selection.IsCheap)
            return score.CompareTo(promise) < 0 ? promise : score;
        return (promise.Gap < score.Gap ? promise : score) with { Passed = 0, Blocked = false };
    }

    // Of the effort, for a round.
    private double Part(int round, int rounds)
    {
        var search = selection.IsCheap ? SearchPart : SearchPartUnderAttack;
        return rounds == 1 ? 1
            : round == rounds - 1 ? 1 - search
            : search / (rounds - 1);
    }

    // What each plan gets of a round: plans that need less leave the rest to the others.
    private static double Allotment(IReadOnlyCollection<RepairPlan> plans, double seconds)
    {
        var (left, count) = (seconds, plans.Count);
        foreach (var plan in plans.OrderBy(p => p.Seconds))
        {
            if (plan.Seconds > left / count)
                break;
            (left, count) = (left - plan.Seconds, count - 1);
        }

        return count == 0 ? double.PositiveInfinity : left / count;
    }

    private SelectionScore Consider(RepairCandidate candidate, OnnxClassifier source, Making making)
    {
        using var end = candidate.Model.Clone(); // what is kept is disposed when better ones come
        Keep(candidate, making);
        if (!Interpolation.IsPossible(source, end) || WeightChange.Between(source, end).Changed == 0)
            return candidate.Score;
        var best = candidate.Score;
        if (selection.IsCheap)
        {
            foreach (var share in Shares)
                Try(share);
            return best;
        }

        // Under attack each score is dear: the shortest step that passes is found by halves.
        var isShort = candidate.Score is { Admissible: true, Suffices: false }; // and so is half of it
        Halve(share =>
            (isShort && share == 0.5 ? candidate.Score : Try(share)) is { Suffices: true } or { Admissible: false }
        );
        return best;

        SelectionScore Try(double share)
        {
            var score = TryBetween(source, end, share, candidate, making);
            if (score.CompareTo(best) > 0)
                best = score;
            return score;
        }
    }

    private RepairCandidate Make(RepairPlan plan, RepairContext context, double share, OnnxClassifier? from) =>
        Kept?.Candidate(plan, context, share, from) ?? plan.Take(context, share, from);

    private static bool IsEnough(SelectionScore score) => score.Suffices || score.IsDear || !score.Admissible;

    // One long course, and then short ones that gain accuracy back where it cost too much.
    private void Press(RepairPlan plan, OnnxClassifier from, RepairContext context, List<OnnxClassifier> waiting)
    {
        var (score, end) = GoOn(plan.Pressing!, from, context, IsEnough, waiting);
        var most = plan.Settling is { } s ? Math.Round(SettlingPart * context.Seconds / s.Seconds) : 0;
        for (var course = 0; course < most && score.IsDear; course++)
            (score, end) = GoOn(plan.Settling!, end, context, now => !now.IsDear, waiting);
    }

    // A course, and the shortest part of it that goes far enough. Little else is lost where that is: between two models
    // of one valley both accuracy and robustness change evenly.
    private (SelectionScore Score, OnnxClassifier End) GoOn(
        RepairPlan plan,
        OnnxClassifier from,
        RepairContext context,
        Func<SelectionScore, bool> isFarEnough,
        List<OnnxClassifier> waiting
    )
    {
        var candidate = Make(plan, context, 1, from);
        var end = candidate.Model.Clone();
        waiting.Add(end);
        Keep(candidate, new(plan, 1));
        if (isFarEnough(candidate.Score))
            Halve(share => isFarEnough(TryBetween(from, end, share, candidate, new(plan, 1))));
        return (candidate.Score, end);
    }

    // Closes in on the shortest step that goes far enough.
    private static void Halve(Func<double, bool> isFarEnough)
    {
        var (low, high) = (0.0, 1.0);
        for (var i = 0; i < Halvings; i++)
        {
            var middle = (low + high) / 2;
            if (isFarEnough(middle))
                high = middle;
            else
                low = middle;
        }
    }

    private SelectionScore TryBetween(
        OnnxClassifier from,
        OnnxClassifier to,
        double share,
        RepairCandidate candidate,
        Making making
    )
    {
        var model = Interpolation.Between(from, to, share);
        var score = selection.Score(model);
        var details = candidate.Details.SetItem("share_of_the_way", FormattableString.Invariant($"{share}"));
        Keep(candidate with { Model = model, Score = score, Details = details }, making, share);
        return score;
    }

    // The model is in the list of the best, or disposed.
    private void Keep(RepairCandidate candidate, Making making, double share = 1)
    {
        candidate.Details.TryGetValue("substitute", out var note);
        var score = candidate.Score;
        _tried.Add(
            new(candidate.Method, score.Admissible, score.Admissible ? score.Gap : null, score.Accuracy, false, note)
            {
                Share = share,
                Harm = score.Admissible ? score.Harm : null,
                Blocked = score.Blocked,
                Churn = score.Admissible ? score.Churn : null,
            }
        );
        _best.Add(new(candidate, _tried.Count - 1, making, share));
        _best.Sort((a, b) => b.Candidate.Score.CompareTo(a.Candidate.Score));
        if (_best.Count > (CrossFitting is null ? Finalists : CrossFittedFinalists))
        {
            _best[^1].Candidate.Model.Dispose();
            _best.RemoveAt(_best.Count - 1);
        }
    }
}
