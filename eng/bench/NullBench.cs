using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Reading;
using PostTrainGate.Repairs;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// How often a repair that is none is proposed: random weight noise of several sizes, and tuning on shuffled labels, as
/// the only methods of the credit sample, over seeds that also draw the splits. <c>null [--runs 1000]</c>.
/// </summary>
internal static class NullBench
{
    public static int Run(string[] args)
    {
        var runs = Options.Count(args, "--runs") ?? 1000;
        var folder = Path.Combine(Options.Text(args, "--sample") ?? "samples/credit", "posttraingate.yml");
        var (read, _) = PolicyReader.Read(folder);
        var (failed, chosen, proposed, repaired) = (0, 0, 0, 0);
        for (var seed = 1; seed <= runs; seed++)
        {
            var policy = read! with
            {
                Seed = seed,
                Repair = read.Repair! with { Methods = [new Noise()], Snapshots = null },
            };
            GateResult result;
            try
            {
                result = Gate.Run(policy, new() { Write = false });
            }
            catch (GateException)
            {
                continue; // a split without a category that the model knows
            }

            if (result.Repair is not { } repair)
                continue;
            failed++;
            chosen += repair.Method is null ? 0 : 1;
            proposed += repair.Proposed ? 1 : 0;
            repaired += repair.Proposed && result.Gates.All(g => g.Repaired!.Verdict == Verdict.Pass) ? 1 : 0;
            if (seed % 50 == 0)
                Console.WriteLine($"{seed}: {failed} failed, {chosen} chosen, {proposed} proposed, {repaired} pass");
        }

        Console.WriteLine(
            $"{failed} of {runs} seeds fail a gate; a null repair was chosen in {chosen}, proposed in {proposed} "
                + $"({(double)proposed / Math.Max(1, failed):P1}), passed every gate in {repaired}"
        );
        return 0;
    }

    private sealed class Noise : IRepair
    {
        public string Name => "null";

        public string Summary => "Random noise, and tuning on shuffled labels.";

        public string? WhyNot(RepairContext context) => null;

        public IEnumerable<RepairPlan> Plan(RepairContext context)
        {
            foreach (var size in new[] { 0.01, 0.03, 0.1, 0.2 })
            {
                for (var draw = 0; draw < 3; draw++)
                    yield return new Draw(size, draw);
            }

            var recipe = new TransformRecipe(
                "shuffled labels",
                OnnxClassifier.LogitsTap,
                c => new TuningInputs(c.Data.Inputs)
                {
                    Labels = c.Data.Labels.index_select(0, randperm(c.Data.Count, generator: c.Random)),
                },
                (_, _) => new TuningTargets((tapped, _) => tapped.sum().mul(0), "none"),
                Slices.Everything,
                new TuningSchedule { Steps = 100, LearningRate = 1e-3 }
            )
            {
                LabelWeight = 1,
                TargetWeight = 0,
            };
            yield return RecipePlan.Fixed(recipe, context);
        }
    }

    private sealed record Draw(double Size, int Number) : RepairPlan($"noise {Size} {Number}")
    {
        public override double Seconds => 0.1;

        public override RepairCandidate Run(RepairContext context, double share)
        {
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            using var random = new Generator((ulong)Seeds.Derive(context.Seed, Name));
            var model = context.Source.Clone();
            foreach (var weight in model.Parameters.Values.Where(is_floating_point))
            {
                var noise = randn(weight.shape, generator: random);
                weight.add_(noise.mul(weight.norm().div(noise.norm()).mul(Size)));
            }

            return new(model, Name, context.Selection.Score(model), ImmutableSortedDictionary<string, string>.Empty);
        }
    }
}
