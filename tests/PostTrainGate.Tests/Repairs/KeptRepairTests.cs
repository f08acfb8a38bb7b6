using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>A repair that goes on from what an interrupted run finished.</summary>
public sealed class KeptRepairTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RepairToy _toy = new(RepairToy.Attacked);
    private readonly GatePolicy _policy = new()
    {
        File = "posttraingate.yml",
        Folder = "",
        Data = new() { Source = new("", "", default) },
        Gates = [RepairToy.Attacked],
        Repair = new() { MaxAccuracyDrop = 1, Methods = [Catalog.Default.Get<IRepair>("adversarial")] },
    };

    public void Dispose()
    {
        _toy.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    public void An_interrupted_repair_goes_on_and_ends_as_one_that_was_not(int after)
    {
        var whole = Search(new(), cache: null);
        var first = new Counter { StopAfter = after };
        Assert.Throws<OperationCanceledException>(() => Search(first, "cache"));
        Assert.Equal(after, first.Runs);

        var second = new Counter();
        var resumed = Search(second, "cache");
        Assert.Equal(whole.Runs - after, second.Runs);
        Assert.Equal(whole.Tried, resumed.Tried);
        Assert.Equal(whole.Chosen, resumed.Chosen);

        var third = new Counter();
        Assert.Equal(whole.Tried, Search(third, "cache").Tried);
        Assert.Equal(0, third.Runs);
    }

    [Fact]
    public void Steps_are_those_of_the_same_policy_model_and_rows_only()
    {
        using var fewer = _toy.Data.Take([.. Enumerable.Range(0, _toy.Data.Count - 1)]);
        using var relabeled = new EvaluationSet(
            _toy.Data.Inputs.clone(),
            1 - _toy.Data.Labels,
            _toy.Data.ClassNames,
            _toy.Data.Groups,
            _toy.Data.Layout,
            _toy.Data.Favorable
        );
        using var regrouped = new EvaluationSet(
            _toy.Data.Inputs.clone(),
            _toy.Data.Labels.clone(),
            _toy.Data.ClassNames,
            _toy.Data.Groups.ToImmutableDictionary(g => g.Key, g => g.Value with { Privileged = 0 }),
            _toy.Data.Layout,
            _toy.Data.Favorable
        );
        using var changed = _toy.Source.Clone();
        using (no_grad())
            changed.Parameters.Values.First().add_(1);
        var gate = RepairToy.Attacked;
        KeptRepair[] others =
        [
            Kept(_policy with { Seed = 2 }),
            Kept(_policy with { Confidence = 0.9 }),
            Kept(_policy with { Gates = [gate with { Min = 0.98 }] }),
            Kept(_policy with { Gates = [gate with { Samples = 49 }] }),
            Kept(_policy with { Repair = _policy.Repair! with { MaxAccuracyDrop = 0.5 } }),
            Kept(_policy with { Repair = _policy.Repair! with { Methods = [] } }),
            Kept(_policy with { Repair = _policy.Repair! with { Accept = [HarmKind.GroupAccuracy] } }),
            new(Cache("cache"), _policy, changed, Splits(_toy.Data)) { Least = TimeSpan.Zero },
            Kept(_policy, fewer),
            Kept(_policy, relabeled),
            Kept(_policy, regrouped),
        ];
        var runs = 0;
        SelectionScore Score() => new(true, ++runs, 1);
        Assert.Equal(1, Kept(_policy).Score(_toy.Source, "ranked", Score).Gap);
        Assert.Equal(1, Kept(_policy).Score(_toy.Source, "ranked", Score).Gap);
        Assert.Equal(2, Kept(_policy).Score(_toy.Source, "confirmed", Score).Gap);
        foreach (var (i, other) in others.Index())
            Assert.Equal(3 + i, other.Score(_toy.Source, "ranked", Score).Gap);
    }

    [Fact]
    public void What_was_cut_short_is_not_kept()
    {
        var plan = new Watched(_toy.Plan("adversarial", "adversarial"), new());
        var late = _toy.Context with { Deadline = DateTime.UtcNow };
        Kept(_policy).Candidate(plan, late, 1, null).Model.Dispose();
        Kept(_policy).Candidate(plan, _toy.Context, 1, null).Model.Dispose();
        Assert.Equal(2, plan.Counter.Runs);
        Kept(_policy).Candidate(plan, _toy.Context, 1, null).Model.Dispose();
        Assert.Equal(2, plan.Counter.Runs);
    }

    [Fact]
    public void What_another_user_wrote_is_not_believed()
    {
        Kept(_policy).Score(_toy.Source, "ranked", () => new(true, 1, 1));
        File.Delete(_folder.Path("key"));
        Assert.Equal(2, Kept(_policy).Score(_toy.Source, "ranked", () => new(true, 2, 1)).Gap);
    }

    private (int Runs, CandidateSummary[] Tried, byte[] Chosen) Search(Counter counter, string? cache)
    {
        var kept = cache is null ? null : Kept(_policy);
        using var selection = new Selection(_toy.Source, _toy.Data, _policy, _policy.Gates, _toy.Data.Count, default)
        {
            Kept = kept,
        };
        using var tournament = new Tournament(selection) { Kept = kept };
        var context = _toy.Context with { Selection = selection, Thorough = true };
        tournament.Run(
            [.. Catalog.Default.Get<IRepair>("adversarial").Plan(context).Select(p => Watched.Of(p, counter))],
            context
        );
        using var chosen = tournament.Choose()!.Model;
        byte[] weights = [.. chosen.Parameters.OrderBy(p => p.Key).SelectMany(p => p.Value.bytes.ToArray())];
        return (counter.Runs, [.. tournament.Tried], weights);
    }

    private KeptRepair Kept(GatePolicy policy, EvaluationSet? rows = null) =>
        new(Cache("cache"), policy, _toy.Source, Splits(rows ?? _toy.Data)) { Least = TimeSpan.Zero };

    private RunCache Cache(string name) => new(_folder.Path(name), _folder.Path("key"));

    private static DataSplits Splits(EvaluationSet rows) => new(rows, rows, rows);

    private sealed class Counter
    {
        public int StopAfter { get; init; } = int.MaxValue;

        public int Runs { get; set; }
    }

    // Counts what is really run, and stops.
    private sealed record Watched(RepairPlan Plan, Counter Counter) : RepairPlan(Plan.Name)
    {
        public override double Seconds => Plan.Seconds;

        public override RepairCandidate Run(RepairContext context, double share) =>
            Count(() => Plan.Run(context, share));

        internal override RepairCandidate GoOn(RepairContext context, double share, OnnxClassifier from) =>
            Count(() => Plan.GoOn(context, share, from));

        public static Watched Of(RepairPlan plan, Counter counter) =>
            new(plan, counter)
            {
                Settling = plan.Settling is { } settling ? Of(settling, counter) : null,
                Pressing = plan.Pressing is { } pressing ? Of(pressing, counter) : null,
            };

        private RepairCandidate Count(Func<RepairCandidate> run)
        {
            if (Counter.Runs == Counter.StopAfter)
                throw new OperationCanceledException();
            Counter.Runs++;
            return run();
        }
    }
}
