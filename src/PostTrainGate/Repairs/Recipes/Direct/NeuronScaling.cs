using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Neurons are dropped, damped or amplified for good, which ones simulated annealing finds (NeuFair, Dasu et al., ISSTA
/// 2024, which drops them at inference). The multipliers are folded into the weights that read the neurons.
/// </summary>
internal sealed class NeuronScaling : IRepair
{
    private const int Steps = 1500;
    private const int MostRows = 2048;
    private static readonly double[] Factors = [0, 0.5, 1, 1.5];

    // Of what the source costs: an increase that is accepted often at the start, and never at the end.
    private const double Hot = 0.02,
        Cold = 1e-4;

    /// <inheritdoc/>
    public string Name => "neuron_scaling";

    /// <inheritdoc/>
    public string Summary =>
        "Drops, damps or amplifies neurons by simulated annealing (after NeuFair, Dasu et al., ISSTA 2024).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context) =>
        !context.ByGroup().Any(RowObjective.IsCounted) ? "no gate with a group failed"
        : Synapses.Units(context.Source).IsEmpty ? "no hidden unit is read by the next layer alone"
        : null;

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        var rows = Math.Min(MostRows, context.RepairSet.Count);
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs).Seconds(Steps, 1, rows);
        yield return new DirectPlan("neuron_scaling", cost, Make);
    }

    private static DirectResult Make(DirectRun run)
    {
        using var _ = no_grad();
        var source = run.Context.Source;
        var units = Synapses.Units(source);
        using var data = Sample(run, MostRows);
        var logits = source.LogitsOfAll(data.Inputs, MostRows);
        var objective = new RowObjective(run.Context, data, logits, 0.7);
        var random = new Random(Seeds.Derive(run.Context.Seed, "neuron_scaling"));
        using var model = source.Clone();
        var factors = Enumerable.Repeat(1.0, units.Length).ToArray();
        var start = objective.Of(logits);
        var (now, best, least) = (start, (double[])factors.Clone(), start);
        var steps = run.Steps(Steps);
        for (var step = 0; step < steps && !run.IsLate; step++)
        {
            using var scope = NewDisposeScope();
            var unit = random.Next(units.Length);
            var (before, after) = (factors[unit], Factors[random.Next(Factors.Length)]);
            if (before == after)
                continue;
            Synapses.Scale(model, source, units[unit], after);
            var cost = objective.Of(model.LogitsOfAll(data.Inputs, MostRows));
            var heat = start * Hot * Math.Pow(Cold / Hot, step / (double)steps);
            if (cost <= now || random.NextDouble() < Math.Exp((now - cost) / Math.Max(1e-12, heat)))
            {
                (factors[unit], now) = (after, cost);
                if (cost < least)
                    (least, best) = (cost, (double[])factors.Clone());
            }
            else
            {
                Synapses.Scale(model, source, units[unit], before);
            }

            run.Context.Progress?.Report(new("neuron_scaling", step / (double)steps));
        }

        return Folded(source, [.. units.Zip(best).Where(u => u.Second != 1)]);
    }

    /// <summary>The source with multipliers of some units.</summary>
    internal static DirectResult Folded(OnnxClassifier source, IReadOnlyList<(HiddenUnit Unit, double Factor)> scaled)
    {
        var model = source.Clone();
        foreach (var (unit, factor) in scaled)
            Synapses.Scale(model, source, unit, factor);
        var text = string.Join(
            ' ',
            scaled.Take(20).Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Unit} x{s.Factor:0.##}"))
        );
        return new(model, ("neurons", scaled.Count > 20 ? $"{text} and {scaled.Count - 20} more" : text));
    }

    /// <summary>At most so many rows of the repair split, a random choice.</summary>
    internal static EvaluationSet Sample(DirectRun run, int most)
    {
        using var order = randperm(run.Context.RepairSet.Count, generator: run.Random);
        return run.Context.RepairSet.Take([.. order.data<long>().Take(most).Select(i => (int)i)]);
    }
}
