using System.Collections.Immutable;
using MathNet.Numerics.Distributions;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Median distance of the nearest error that a minimal-norm attack finds, over the rows that are classified correctly.
/// It needs no epsilon to be chosen and bounds the true median from above. Its breakdown is the robustness curve.
/// </summary>
public sealed class MedianPerturbation : IDifferentiableMetric, IBlockMetric
{
    /// <inheritdoc/>
    public string Name => "median_perturbation";

    /// <inheritdoc/>
    public string Summary =>
        "Median size of the smallest perturbation that a minimal-norm attack finds, over correctly classified rows, "
        + "in input units; interval from order statistics.";

    /// <inheritdoc/>
    public Better Better => Better.Higher;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => AttackKeys.NearestError;

    /// <inheritdoc/>
    public bool ChangesInputs => true;

    /// <inheritdoc/>
    public bool RestsOnAttack => true;

    /// <inheritdoc/>
    public double Largest => double.PositiveInfinity;

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot) =>
        (
            whyNot = Judge.WhyNoTarget(context.Rule)
                ?? AttackFit.WhyNot(context.Rule.Attack, context.Source, context.Data)
        )
            is null
            ? new DistanceSurrogate(context)
            : null;

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        if (AttackFit.WhyNot(context.Rule.Attack, context.Evaluation) is { } reason)
            return Measurement.NotMeasured(reason);
        var settings = context.Rule.Attack!;
        if (!settings.Attack.Norms.Contains(settings.Norm))
            return Measurement.NotMeasured(
                $"the attack {settings.Name} minimizes {string.Join(" and ", settings.Attack.Norms)} distances, "
                    + $"not {settings.Norm}"
            );
        var chosen = context.Chosen(context.Evaluation.Data);
        using var rows = context.Evaluation.Data.Take(chosen);
        var run = new AttackRun(settings, context.Seed)
        {
            KeepExamples = context.Plan is not null,
            Progress = context.Progress,
            Cancel = context.Cancel,
        };
        using var fragile = new FragileRows(context.Evaluation, run);
        using var found = Distances(context, rows, chosen, run, fragile);
        if (context.Work.IsPartial)
            return Measurement.LeftToMerge;
        double[] sorted = [.. found.Distance.Where((_, row) => found.Correct[row]).Order()];
        if (sorted.Length == 0)
            return Measurement.NotMeasured("the model classifies no row correctly");
        var (lower, upper) = Ranks(sorted.Length, context.Confidence);
        if (!double.IsFinite(sorted[upper]))
        {
            return Measurement.NotMeasured(
                $"the attack found no error for {sorted.Count(d => !double.IsFinite(d))} of {sorted.Length} rows, "
                    + "too many for a median"
            );
        }

        return new(found.Median, sorted[lower], sorted[upper], sorted.Length)
        {
            Breakdowns =
            [
                Curve(found, context.Evaluation.Model.Input, settings.Norm, rows.InputSize, context.Confidence),
            ],
            Fragile = fragile.Inputs(),
        };
    }

    // As the harness does, batch after batch.
    private static AttackDistances Distances(
        MetricContext context,
        EvaluationSet rows,
        int[] places,
        AttackRun run,
        FragileRows fragile
    )
    {
        var model = context.Evaluation.Model;
        var correct = AttackHarness.CleanlyCorrect(model, rows.Inputs, rows.Labels, run);
        var distances = new double[rows.Count];
        var (done, standing) = (0, correct.Count(c => c));
        foreach (var (number, batch) in AttackHarness.DistanceBatches(correct, run).Index())
        {
            var outcome = context.Work.Find($"batch {number}", batch.Length, () => Attack(batch, number));
            if (outcome is null)
                continue;
            fragile.Add(outcome.Fragile);
            foreach (var (row, distance) in batch.Zip(outcome.Values))
                distances[row] = distance;
            context.Progress?.Report((double)(done += batch.Length) / standing);
        }

        return new([.. correct], [.. distances]);

        BlockOutcome Attack(long[] batch, int number)
        {
            using var scope = NewDisposeScope();
            var (found, sizes) = AttackHarness.DistancesOf(model, rows.Inputs, rows.Labels, batch, number, run);
            if (!run.KeepExamples)
                return new(sizes, []);
            var index = tensor(batch);
            int[] among = [.. batch.Select(row => places[row])];
            var (clean, y) = (rows.Inputs.index_select(0, index), rows.Labels.index_select(0, index));
            return new(sizes, fragile.Find(clean, y, among, found));
        }
    }

    /// <summary>
    /// Places of the order statistics between which the median lies: as many rows below it as heads in as many tosses.
    /// </summary>
    internal static (int Lower, int Upper) Ranks(int count, double confidence)
    {
        var below = 0;
        while (Binomial.CDF(0.5, count, below) <= (1 - confidence) / 2)
            below++;
        return (Math.Max(0, below - 1), Math.Min(count - 1, count - below));
    }

    // Robust accuracy over epsilon: of Linf so many 255ths of the range, of the others the size of a change of all
    // values by that.
    private static Breakdown Curve(AttackDistances found, InputPolicy input, Norm norm, long values, double confidence)
    {
        var size = norm switch
        {
            Norm.Linf => 1,
            Norm.L2 => Math.Sqrt(values),
            _ => values,
        };
        var count = found.Distance.Length;
        return new(
            "robust accuracy by epsilon",
            [
                .. new[] { 0.0, 1, 2, 4, 8, 16, 32, 64 }
                    .Select(step => step / 255 * (input.Upper - input.Lower) * size)
                    .Select(e =>
                        BreakdownPart.FromMeasurement(
                            Numbers.Chosen(e),
                            Intervals.Proportion(Math.Round(found.RobustAccuracy(e) * count), count, confidence)
                        )
                    ),
            ]
        )
        {
            IsCurve = true,
        };
    }
}
