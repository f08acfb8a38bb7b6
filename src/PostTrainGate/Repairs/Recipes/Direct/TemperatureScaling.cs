using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Temperature scaling (Guo et al., ICML 2017), folded into the last layer: its weights and bias are divided by one
/// number. No prediction changes, only how sure the model is of it.
/// </summary>
internal sealed class TemperatureScaling : IRepair
{
    private const double Widest = 3; // of the search, in logarithms of the temperature
    private const int Halvings = 40;

    /// <inheritdoc/>
    public string Name => "temperature";

    /// <inheritdoc/>
    public string Summary =>
        "Divides the last layer by one temperature, so that scores mean what they say (Guo et al., ICML 2017).";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context)
    {
        if (!context.Failed.Any(g => g.Rate is { NeedsScores: true } && RowObjective.IsCounted(g)))
            return "no gate on scores failed";
        LogitHead.Find(context.Source, context.RepairSet.Inputs, out var whyNot);
        return whyNot;
    }

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs).Seconds(1, 1, context.RepairSet.Count);
        yield return new DirectPlan("temperature by log loss", cost, run => Make(run, LogLoss));
        yield return new DirectPlan("temperature by the gates", cost, run => Make(run, Gates));
    }

    private static DirectResult Make(DirectRun run, Func<DirectRun, Tensor, double> best)
    {
        using var _ = no_grad();
        var (source, data) = (run.Context.Source, run.Context.RepairSet);
        var temperature = best(run, run.Context.SourceLogits());
        var model = source.Clone();
        LogitHead.Find(source, data.Inputs, out var __)!.Cool(model, temperature);
        return new(model, ("temperature", temperature.ToString("G4", CultureInfo.InvariantCulture)));
    }

    // The loss has one minimum along the logarithm of the temperature: its bracket is narrowed by thirds.
    internal static double LogLoss(DirectRun run, Tensor logits)
    {
        var (low, high) = (-Widest, Widest);
        for (var i = 0; i < Halvings && !run.IsLate; i++)
        {
            var (a, b) = (low + (high - low) / 3, high - (high - low) / 3);
            if (Loss(a) <= Loss(b))
                high = b;
            else
                low = a;
        }

        return Math.Exp((low + high) / 2);

        double Loss(double log)
        {
            using var scope = NewDisposeScope();
            using Scalar divisor = Math.Exp(log);
            return nn
                .functional.cross_entropy(logits.to(float64).div(divisor), run.Context.RepairSet.Labels)
                .item<double>();
        }
    }

    private static double Gates(DirectRun run, Tensor logits)
    {
        var objective = new RowObjective(run.Context, run.Context.RepairSet, logits, 0.7);
        var (best, least) = (0.0, objective.Of(logits));
        foreach (var width in new[] { Widest, Widest / 16 })
        {
            var middle = best;
            foreach (var step in DirectSearch.Steps(width, 33))
            {
                if (run.IsLate)
                    break;
                using var scope = NewDisposeScope();
                using Scalar divisor = Math.Exp(middle + step);
                if (objective.Of(logits.div(divisor)) is var cost && cost < least)
                    (best, least) = (middle + step, cost);
            }
        }

        return Math.Exp(best);
    }
}
