using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// CARE, causality-based repair (Sun et al., ICSE 2022), for dense networks: the 13 neurons with the largest effect on
/// how twins differ, and multipliers for them that a particle swarm finds, folded into the weights that read them.
/// </summary>
internal sealed class Care : IRepair
{
    private const int Neurons = 13;
    private const int Values = 16; // of an intervention, over the range that a neuron has
    private const int MostUnits = 512;
    private const int Twins = 100;
    private const int Labeled = 1000;

    // Weight of accuracy against fairness; the paper has 0.1 to 0.9, task by task.
    private static readonly double[] Alphas = [0.8, 0.4];

    /// <inheritdoc/>
    public bool ByDefault => false;

    /// <inheritdoc/>
    public string Name => "care";

    /// <inheritdoc/>
    public string Summary =>
        "Scales the 13 neurons with the largest causal effect on twins (CARE, Sun et al., ICSE 2022).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context)
    {
        if (context.ByGroup().Length == 0)
            return "no gate with a group failed";
        if (!Candidates(context.Source).Any())
            return "the model has no hidden dense layer that another reads";
        return new FmtRepair().WhyNot(context);
    }

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs);
        var seconds =
            cost.Seconds(Math.Min(MostUnits, Candidates(context.Source).Count()) * Values, 2, Twins)
            + cost.Seconds(Swarm.Iterations * Swarm.Particles, 1, Labeled + 2 * Twins);
        foreach (var group in context.FailedGroups())
        {
            if (CounterfactualPairs.For(context.RepairSet, group, out _) is not { } pairs)
                continue;
            foreach (var alpha in Alphas)
                yield return new DirectPlan(
                    string.Create(CultureInfo.InvariantCulture, $"care alpha {alpha:G2} ({group.Name})"),
                    seconds,
                    run => Make(run, pairs, alpha)
                );
            yield return new DirectPlan($"care by the gates ({group.Name})", seconds, run => Make(run, pairs, null));
        }
    }

    private static IEnumerable<HiddenUnit> Candidates(OnnxClassifier model) =>
        Synapses.Units(model).Where(u => u.IsDense && u.Next.Bias is not null);

    private static DirectResult Make(DirectRun run, CounterfactualPairs pairs, double? alpha)
    {
        using var _ = no_grad();
        var source = run.Context.Source;
        var twins = Discriminated(source, pairs.Twins(run.Random));
        var found = Localize(run, source, twins);
        using var labeled = NeuronScaling.Sample(run, Labeled);
        using var model = source.Clone();
        var gates = new RowObjective(run.Context, labeled, source.LogitsOfAll(labeled.Inputs, Labeled), 0.7);
        var best = Swarm.Minimize(found.Length, run, Fitness);
        return NeuronScaling.Folded(source, [.. found.Zip(best, (unit, r) => (unit, 1 + r))]);

        double Fitness(double[] r)
        {
            using var scope = NewDisposeScope();
            foreach (var (unit, change) in found.Zip(r))
                Synapses.Scale(model, source, unit, 1 + change);
            var logits = model.LogitsOfAll(labeled.Inputs, Labeled);
            if (alpha is not { } weight)
                return gates.Of(logits);
            var wrong = logits.argmax(1).ne(labeled.Labels).to_type(ScalarType.Float64).mean().item<double>();
            var flips = Best(model, twins.First).ne(Best(model, twins.Second)).to_type(ScalarType.Float64).mean();
            return (1 - weight) * flips.item<double>() + weight * wrong;
        }
    }

    private static Tensor Best(OnnxClassifier model, Tensor rows) => model.LogitsOfAll(rows, 2048).argmax(1);

    // Pairs whose members are told apart, or where there are not enough of them those that differ most.
    private static RowPairs Discriminated(OnnxClassifier model, RowPairs pairs)
    {
        var (a, b) = (model.LogitsOfAll(pairs.First, 2048), model.LogitsOfAll(pairs.Second, 2048));
        var gap = a.softmax(1)
            .sub(b.softmax(1))
            .abs()
            .sum(1)
            .add(a.argmax(1).ne(b.argmax(1)).to(ScalarType.Float32).mul(4));
        var chosen = gap.topk((int)Math.Min(Twins, gap.shape[0])).indexes;
        return new(pairs.First.index_select(0, chosen), pairs.Second.index_select(0, chosen));
    }

    /// <summary>
    /// The units whose intervention moves the difference of twins most: the mean, over 16 values of the unit's range,
    /// of how far the favorable logit then differs.
    /// </summary>
    internal static ImmutableArray<HiddenUnit> Localize(DirectRun run, OnnxClassifier source, RowPairs twins)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var model = source.Clone();
        var effects = new List<(HiddenUnit Unit, double Effect)>();
        foreach (var layer in Candidates(source).GroupBy(u => u.Layer.Index))
        {
            var values = source.Values(twins.First, layer.First().Layer.Output)[0];
            var (low, high) = (values.amin([0]).data<float>().ToArray(), values.amax([0]).data<float>().ToArray());
            foreach (var unit in layer)
            {
                if (effects.Count >= MostUnits || run.IsLate)
                    break;
                var sum = 0.0;
                for (var i = 0; i < Values; i++)
                    sum += Effect(
                        run,
                        model,
                        source,
                        unit,
                        low[unit.Unit] + (high[unit.Unit] - low[unit.Unit]) * i / (Values - 1.0),
                        twins
                    );
                effects.Add((unit, sum / Values));
            }
        }

        return [.. effects.OrderByDescending(e => e.Effect).Take(Neurons).Select(e => e.Unit)];
    }

    // The unit held at a value is that value in the next layer's bias, and no weight that reads the unit.
    private static double Effect(
        DirectRun run,
        OnnxClassifier model,
        OnnxClassifier source,
        HiddenUnit unit,
        double value,
        RowPairs twins
    )
    {
        using var scope = NewDisposeScope();
        using Scalar held = value;
        var bias = model.Parameters[unit.Next.Bias!];
        Synapses.Scale(model, source, unit, 0);
        bias.add_(Synapses.Of(source, unit).flatten().mul(held).reshape(bias.shape));
        var effect = Margin(twins.First).sub(Margin(twins.Second)).abs().mean().item<float>();
        Synapses.Scale(model, source, unit, 1);
        bias.copy_(source.Parameters[unit.Next.Bias!]);
        return effect;

        Tensor Margin(Tensor rows)
        {
            var logits = model.Logits(rows);
            return logits.select(1, run.Context.RepairSet.Favorable).sub(logits.mean([1]));
        }
    }

    /// <summary>Particle swarm optimization with the settings of the release.</summary>
    private static class Swarm
    {
        public const int Particles = 20;
        public const int Iterations = 100;
        private const double Inertia = 0.8,
            Pull = 0.41,
            LeastGain = 1e-3;
        private const int Patience = 10;

        public static double[] Minimize(int dimensions, DirectRun run, Func<double[], double> cost)
        {
            var random = new Random(Seeds.Derive(run.Context.Seed, "care swarm"));
            var at = Make(() => 0);
            var speed = Make(random.NextDouble);
            var own = at.Select(p => (At: (double[])p.Clone(), Cost: double.PositiveInfinity)).ToArray();
            var best = (At: new double[dimensions], Cost: cost(new double[dimensions]));
            var (idle, iterations) = (0, run.Steps(Iterations));
            for (var i = 0; i < iterations && idle < Patience && !run.IsLate; i++)
            {
                var before = best.Cost;
                for (var p = 0; p < Particles; p++)
                {
                    var value = cost(at[p]);
                    if (value < own[p].Cost)
                        own[p] = ((double[])at[p].Clone(), value);
                    if (value < best.Cost)
                        best = ((double[])at[p].Clone(), value);
                }

                idle = before - best.Cost < LeastGain && i > 0 ? idle + 1 : 0;
                for (var p = 0; p < Particles; p++)
                for (var d = 0; d < dimensions; d++)
                {
                    speed[p][d] =
                        Inertia * speed[p][d]
                        + Pull * random.NextDouble() * (own[p].At[d] - at[p][d])
                        + Pull * random.NextDouble() * (best.At[d] - at[p][d]);
                    at[p][d] = Math.Clamp(at[p][d] + speed[p][d], -1, 1);
                }
            }

            return best.At;

            double[][] Make(Func<double> value) =>
                [
                    .. Enumerable
                        .Range(0, Particles)
                        .Select(_ => Enumerable.Range(0, dimensions).Select(_ => value()).ToArray()),
                ];
        }
    }
}
