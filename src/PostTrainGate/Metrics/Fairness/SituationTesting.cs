using System.Collections.Immutable;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Situation testing by nearest neighbors (Luong et al. 2011): a row of the unprivileged group that is denied the
/// favorable outcome is tested against its nearest privileged and its nearest unprivileged neighbors by all other
/// columns; when those are favored more often than these by at least the gap, it counts.
/// </summary>
public sealed class SituationTesting : IMetric
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
    public Measurement Measure(MetricContext context)
    {
        var (data, rule, predictions) = (context.Evaluation.Data, context.Rule, context.Evaluation.Predictions);
        var (count, gap) = (rule.Get(GateKeys.Neighbors), rule.Get(Gap));
        if (rule.Group is not { } name || !data.Groups.TryGetValue(name, out var group))
            return Measurement.NotMeasured($"the data has no group '{rule.Group}'");
        if (group.Privileged is not { } privileged)
            return Measurement.NotMeasured($"group '{name}' has no privileged level to compare with");
        bool Favored(int row) => predictions[row] == data.Favorable;
        int[] better = [.. Rows(l => l == privileged)],
            worse = [.. Rows(l => l >= 0 && l != privileged)],
            tested = [.. worse.Where(r => !Favored(r))];
        if (tested.Length == 0)
            return Measurement.NotMeasured(
                "every unprivileged row is predicted favorable, so there is nothing to test"
            );
        if (Math.Min(better.Length, worse.Length - 1) is var least && least < count)
            return Measurement.NotMeasured(
                $"one side of group '{name}' has only {least} neighbors, fewer than {count}"
            );

        using var scope = NewDisposeScope();
        var inputs = GroupBlocks.TryFind(data, group, out _) is { } blocks ? blocks.Without() : data.Inputs;
        Tensor Take(int[] rows) => inputs.index_select(0, tensor(rows.Select(r => (long)r).ToArray()));
        var queries = Take(tested);
        var above = Neighbors.Nearest(queries, Take(better), count, context.Cancel);
        var beside = Neighbors.Nearest(queries, Take(worse), count + 1, context.Cancel);
        var found = tested
            .Where(
                (row, i) =>
                {
                    var (favored, same) = (
                        Share(above[i].Select(n => better[n])),
                        Share(beside[i].Select(n => worse[n]).Where(r => r != row).Take(count))
                    );
                    return favored - same >= gap - 1e-9;
                }
            )
            .ToArray();
        return new Measurement(Intervals.Proportion(found.Length, tested.Length, context.Confidence))
        {
            Notes =
            [
                .. found
                    .Take(MostNamed)
                    .Select(r =>
                        $"row {data.PlaceOf(r)} of the split ({group.Levels[group.LevelOf[r]]}) "
                        + "is predicted unfavorable, unlike its privileged neighbors"
                    ),
            ],
        };

        IEnumerable<int> Rows(Func<int, bool> of) => Enumerable.Range(0, data.Count).Where(i => of(group.LevelOf[i]));
        double Share(IEnumerable<int> rows) => rows.Average(r => Favored(r) ? 1.0 : 0);
    }
}
