using System.Collections.Immutable;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

// The candidates, and which of them is best on the selection split.
internal sealed partial class RepairRun
{
    private void Search(Selection selection, ImmutableArray<GateRule> failed)
    {
        var methods = _repair.Methods;
        using var history = new Snapshots(_repair.Snapshots, policy.Input);
        var deadline = DateTime.UtcNow + _repair.TimeLimit;
        using var complete = splits.Repair.Complete(); // augmented rows cannot be made of values that are missing
        var context = new RepairContext(
            source,
            complete ?? splits.Repair,
            selection,
            policy.Seed,
            _repair.TimeLimit,
            failed,
            history.Models,
            deadline,
            progress,
            cancel
        );
        for (var i = 0; i < methods.Length; i++)
        {
            if (methods[i].WhyNot(context) is { } reason)
            {
                _tried.Add(new(methods[i].Name, false, null, null, false, reason));
                continue;
            }

            // What a method leaves of its share, the later ones have.
            var share = DateTime.UtcNow + (deadline - DateTime.UtcNow) / (methods.Length - i);
            foreach (var candidate in methods[i].Repair(context with { Deadline = share }))
                Consider(candidate, selection.Source);
        }
    }

    private void Consider(RepairCandidate candidate, SelectionScore original)
    {
        var better =
            candidate.Score.Admissible
            && candidate.Score.CompareTo(original) > 0
            && (_best is null || candidate.Score.CompareTo(_best.Score) > 0);
        if (better)
        {
            for (var i = 0; i < _tried.Count; i++)
                _tried[i] = _tried[i] with { Chosen = false };
        }

        candidate.Details.TryGetValue("substitute", out var note);
        _tried.Add(
            new(
                candidate.Method,
                candidate.Score.Admissible,
                candidate.Score.Admissible ? candidate.Score.Objective : null,
                candidate.Score.Accuracy,
                better,
                note
            )
        );
        (better ? _best?.Model : candidate.Model)?.Dispose();
        if (better)
            _best = candidate;
    }

    /// <summary>Models of the training history that the policy's glob names, ascending by name.</summary>
    private sealed class Snapshots : IDisposable
    {
        public Snapshots(PolicyPath? glob, InputPolicy input) =>
            Models = glob is null ? [] : [.. glob.Files.Select(f => OnnxClassifier.Load(f, input))];

        public ImmutableArray<OnnxClassifier> Models { get; }

        public void Dispose()
        {
            foreach (var model in Models)
                model.Dispose();
        }
    }
}
