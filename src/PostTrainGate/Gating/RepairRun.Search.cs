using System.Collections.Immutable;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;

namespace PostTrainGate.Gating;

// The candidates, which of them is best on the selection split, and what it is held against.
internal sealed partial class RepairRun
{
    private void Search(Tournament tournament, Selection selection, ImmutableArray<GateRule> failed)
    {
        using var history = new Snapshots(_repair.Snapshots, source);
        using var complete = splits.Repair.Complete(); // augmented rows cannot be made of values that are missing
        var owned = new List<IDisposable>();
        var context = new RepairContext(
            source,
            complete ?? splits.Repair,
            selection,
            policy.Seed,
            Seconds(_repair.Effort),
            policy.Gates,
            failed,
            history.Models,
            DateTime.UtcNow + _repair.TimeLimit,
            progress,
            cancel
        )
        {
            Owned = owned,
            Accept = _repair.Accept,
            ExtendsGraph = _repair.Graph == GraphUse.Extend,
            Thorough = _repair.Effort == Effort.Thorough,
        };
        try
        {
            var plans = new List<RepairPlan>();
            foreach (var method in _repair.Methods)
            {
                if (method.WhyNot(context) is { } reason)
                    tournament.LeaveOut(method.Name, reason);
                else
                    plans.AddRange(method.Plan(context));
            }

            using var crossFitting = CrossFit(context, selection, failed);
            tournament.CrossFitting = crossFitting;
            tournament.Run(plans, context);
            _best = tournament.Choose();
            _trained = _best is null ? null : CleanControl.Train(context);
        }
        finally
        {
            foreach (var thing in owned)
                thing.Dispose();
        }
    }

    // A model that knows the rows for repair by heart looks as good on them as it likes.
    private CrossFitting? CrossFit(RepairContext context, Selection selection, ImmutableArray<GateRule> failed) =>
        !selection.IsCheap || policy.Data.Splits.Trained is not null
            ? null
            : CrossFitting.Of(context, _repair.Methods, splits.Select, rows =>
                new(source, rows, policy, failed, splits.Test.Count, cancel)
            );

    private static double Seconds(Effort effort) =>
        effort switch
        {
            Effort.Quick => 60,
            Effort.Normal => 300,
            _ => 720,
        };

    /// <summary>Models of the training history that the policy's glob names, ascending by name.</summary>
    private sealed class Snapshots : IDisposable
    {
        public Snapshots(PolicyPath? glob, OnnxClassifier source) =>
            Models = glob is null ? [] : [.. glob.Files.Select(f => source.LoadAlike(f))];

        public ImmutableArray<OnnxClassifier> Models { get; }

        public void Dispose()
        {
            foreach (var model in Models)
                model.Dispose();
        }
    }
}
