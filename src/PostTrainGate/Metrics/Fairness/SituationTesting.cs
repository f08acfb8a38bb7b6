using System.Collections.Immutable;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;

namespace PostTrainGate.Metrics;

/// <summary>
/// Situation testing by nearest neighbors (Luong et al. 2011): a row of the unprivileged group that is denied the
/// favorable outcome is tested against its nearest privileged and its nearest unprivileged neighbors by all other
/// columns; when those are favored more often than these by at least the gap, it counts.
/// </summary>
public sealed class SituationTesting : IDifferentiableMetric
{
    internal static readonly Key<double> Gap = new(
        "gap",
        new NumberShape(NumberRange.PartOrAll),
        "Difference in favorable predictions between privileged and unprivileged neighbors from which a row counts."
    )
    {
        Default = "0.2",
    };

    private const int MostNamed = 20;

    /// <inheritdoc/>
    public string Name => "situation_testing";

    /// <inheritdoc/>
    public string Summary =>
        "Share of unprivileged rows with an unfavorable prediction whose nearest privileged neighbors fare "
        + "better than their nearest "
        + "unprivileged neighbors by at least 'gap' (Luong et al. 2011); Wilson interval.";

    /// <inheritdoc/>
    public Better Better => Better.Lower;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => [GateKeys.Group, GateKeys.Neighbors, Gap];

    /// <inheritdoc/>
    public bool NeedsCompleteRows => true;

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot)
    {
        var (rule, count) = (context.Rule, context.Rule.Get(GateKeys.Neighbors));
        var sides = SituationSides.TryFind(context.Data, rule.Group, out whyNot);
        whyNot ??= sides!.TooFew(count) ?? Judge.WhyNoTarget(rule);
        return whyNot is null ? new SituationSurrogate(context, sides!, count, rule.Get(Gap)) : null;
    }

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var (data, rule, predictions) = (context.Evaluation.Data, context.Rule, context.Evaluation.Predictions);
        var (count, gap) = (rule.Get(GateKeys.Neighbors), rule.Get(Gap));
        if (SituationSides.TryFind(data, rule.Group, out var whyNot) is not { } sides)
            return Measurement.NotMeasured(whyNot!);
        bool Favored(int row) => predictions[row] == data.Favorable;
        int[] tested = [.. sides.Worse.Where(r => !Favored(r))];
        if (tested.Length == 0)
            return Measurement.NotMeasured(
                "every unprivileged row is predicted favorable, so there is nothing to test"
            );
        if (sides.TooFew(count) is { } few)
            return Measurement.NotMeasured(few);
        var near = sides.Nearest(count, context.Cancel);
        int[] found = [.. tested.Where(r => Counts(Share(near[r].Above), Share(near[r].Beside), gap))];
        return new Measurement(Intervals.Proportion(found.Length, tested.Length, context.Confidence))
        {
            Notes =
            [
                .. found
                    .Take(MostNamed)
                    .Select(r =>
                        $"{data.PlaceInData(r)} ({sides.Group.Levels[sides.Group.LevelOf[r]]}) "
                        + "is predicted unfavorable, unlike its privileged neighbors"
                    ),
            ],
        };

        double Share(IEnumerable<int> rows) => rows.Average(r => Favored(r) ? 1.0 : 0);
    }

    /// <summary>Whether a row counts whose neighbors are favored so often.</summary>
    internal static bool Counts(double above, double beside, double gap) => above - beside >= gap - 1e-9;
}
