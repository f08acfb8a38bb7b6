using System.Globalization;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Moves the threshold for everybody: a shift of each class's logit, in the bias of the last layer, by a search on the
/// repair rows. What a better operating point alone would do for the gates.
/// </summary>
internal sealed class BiasShift : IRepair
{
    private const double Widest = 4; // of the first grid, in standard deviations of the logit differences
    private const int Points = 17;
    private const int Rounds = 4;

    /// <inheritdoc/>
    public string Name => "bias_shift";

    /// <inheritdoc/>
    public string Summary => "Shifts the logits of the classes for all rows alike, by a search without gradients.";

    /// <inheritdoc/>
    public string? WhyNot(RepairContext context)
    {
        if (!context.Failed.Any(RowObjective.IsDecided))
            return "no gate on predicted classes failed";
        LogitHead.Find(context.Source, context.RepairSet.Inputs, out var whyNot);
        return whyNot;
    }

    /// <inheritdoc/>
    public IEnumerable<RepairPlan> Plan(RepairContext context)
    {
        var cost = TuningCost.Measure(context.Source, context.RepairSet.Inputs).Seconds(1, 1, context.RepairSet.Count);
        foreach (var aim in new[] { 0.7, 0.3 })
            yield return new DirectPlan(
                string.Create(CultureInfo.InvariantCulture, $"bias_shift, aim {aim:G2}"),
                cost,
                run => Make(run, aim)
            );
    }

    private static DirectResult Make(DirectRun run, double aim)
    {
        var (source, data) = (run.Context.Source, run.Context.RepairSet);
        using var _ = no_grad();
        var logits = run.Context.SourceLogits();
        var shift = Search(run, logits, new(run.Context, data, logits, aim));
        var model = source.Clone();
        LogitHead.Find(source, data.Inputs, out var __)!.Shift(model, tensor(shift).to(ScalarType.Float32));
        return new(
            model,
            ("layer", $"{source.Layers[^1].Index} ({source.Layers[^1].Name})"),
            ("shift", string.Join(", ", shift.Select(s => s.ToString("G3", CultureInfo.InvariantCulture))))
        );
    }

    /// <summary>Coordinate by coordinate, over a grid that gets finer round by round.</summary>
    private static double[] Search(DirectRun run, Tensor logits, RowObjective objective)
    {
        var classes = (int)logits.shape[1];
        var shift = new double[classes];
        // Of two classes the difference counts: only the favorable one moves.
        int[] moving = classes == 2 ? [run.Context.RepairSet.Favorable] : [.. Enumerable.Range(0, classes)];
        var width = Widest * Math.Max(1e-3, logits.sub(logits.mean([1], keepdim: true)).std().item<float>());
        var best = objective.Of(logits);
        for (var round = 0; round < Rounds; round++, width /= Points / 4.0)
        {
            foreach (var c in moving)
            {
                var middle = shift[c];
                foreach (var step in DirectSearch.Steps(width, Points))
                {
                    if (run.IsLate)
                        return shift;
                    using var scope = NewDisposeScope();
                    var tried = (double[])shift.Clone();
                    tried[c] = middle + step;
                    var cost = objective.Of(logits.add(tensor(tried).to(ScalarType.Float32)));
                    if (cost < best)
                        (best, shift) = (cost, tried);
                }
            }
        }

        return shift;
    }
}

/// <summary>What searches without gradients share.</summary>
internal static class DirectSearch
{
    /// <summary>Steps to either side, the shortest first, so that of equals the smallest change wins.</summary>
    public static IEnumerable<double> Steps(double width, int points) =>
        Enumerable
            .Range(1, points / 2)
            .SelectMany(i => new[] { 1, -1 }.Select(sign => sign * width * i / Math.Max(1, points / 2)));
}
