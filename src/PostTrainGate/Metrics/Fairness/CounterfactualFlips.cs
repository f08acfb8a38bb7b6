using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Schema;
using PostTrainGate.Statistics;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Share of rows whose prediction changes when nothing but the group does: the columns that it is made of, whole
/// one-hot blocks, and those declared to depend on it take the values of another level (Kusner et al. 2017 in the
/// simple form of Galhotra et al. 2017). Of a level with several values its most frequent ones are tried, and a row
/// flips when any of them changes its prediction.
/// </summary>
public sealed class CounterfactualFlips : IDifferentiableMetric
{
    // Values of a level that a row is given in turn.
    internal const int MostValues = 16;

    // Rows named in the result; the share says how many there are.
    private const int MostNamed = 20;

    /// <inheritdoc/>
    public string Name => "counterfactual_flip_rate";

    /// <inheritdoc/>
    public string Summary =>
        "Share of rows whose prediction changes when the group's columns take another level's values "
        + "(Galhotra et al. 2017). "
        + "The group's 'dependent' columns change too; all others stay the same; Wilson interval.";

    /// <inheritdoc/>
    public Better Better => Better.Lower;

    /// <inheritdoc/>
    public ImmutableArray<Key> Keys => [GateKeys.Group];

    /// <inheritdoc/>
    ISurrogate? IDifferentiableMetric.Surrogate(SurrogateContext context, out string? whyNot)
    {
        var (name, data) = (context.Rule.Group, context.Data);
        GroupColumn? group = null;
        GroupBlocks? blocks = null;
        whyNot = Judge.WhyNoTarget(context.Rule);
        if (whyNot is null && !data.Groups.TryGetValue(name ?? "", out group))
            whyNot = $"the data has no group '{name}'";
        if (group is not null)
            blocks = GroupBlocks.TryFind(data, group, out whyNot);
        return blocks is null ? null : new TwinSurrogate(context, group!, blocks);
    }

    /// <inheritdoc/>
    public Measurement Measure(MetricContext context)
    {
        var data = context.Evaluation.Data;
        if (context.Rule.Group is not { } name || !data.Groups.TryGetValue(name, out var group))
            return Measurement.NotMeasured($"the data has no group '{context.Rule.Group}'");
        if (GroupBlocks.TryFind(data, group, out var whyNot) is not { } blocks)
            return Measurement.NotMeasured(whyNot!);

        using var scope = NewDisposeScope();
        var flips = new (int Level, int Class)?[data.Count];
        var levels = Enumerable.Range(0, group.Levels.Length).ToArray();
        foreach (var level in levels)
        {
            long[] others =
            [
                .. Enumerable
                    .Range(0, data.Count)
                    .Where(i => group.LevelOf[i] >= 0 && group.LevelOf[i] != level)
                    .Select(i => (long)i),
            ];
            if (others.Length == 0)
                continue;
            foreach (var donor in blocks.MostFrequent(level, MostValues))
            {
                context.Cancel.ThrowIfCancellationRequested();
                using var step = NewDisposeScope();
                var changed = data.Inputs.index_select(0, tensor(others));
                blocks.Write(changed, donor);
                var predicted = context.Evaluation.Model.LogitsOfAll(changed).argmax(1).data<long>().ToArray();
                for (var i = 0; i < others.Length; i++)
                {
                    var row = (int)others[i];
                    if (predicted[i] != context.Evaluation.Predictions[row])
                        flips[row] ??= (level, (int)predicted[i]);
                }
            }

            context.Progress?.Report((level + 1.0) / levels.Length);
        }

        var rows = group.LevelOf.Count(l => l >= 0);
        var flipped = flips.Index().Where(f => f.Item is not null).ToArray();
        return new Measurement(Intervals.Proportion(flipped.Length, rows, context.Confidence))
        {
            Notes = [.. flipped.Take(MostNamed).Select(f => Flip(f.Index, f.Item!.Value)), .. More(flipped.Length)],
            Breakdowns =
            [
                new(
                    $"flip rate by {group.Name}",
                    [.. levels.Select(l => BreakdownPart.FromMeasurement(group.Levels[l], OfLevel(l)))]
                ),
            ],
        };

        Measurement? OfLevel(int level) =>
            group.LevelOf.Count(l => l == level) is > 0 and var count
                ? Intervals.Proportion(flipped.Count(f => group.LevelOf[f.Index] == level), count, context.Confidence)
                : null;

        string Flip(int row, (int Level, int Class) flip) =>
            $"{data.PlaceInData(row)}: {group.Levels[group.LevelOf[row]]} → {group.Levels[flip.Level]} changes "
            + "the prediction "
            + $"from {data.ClassNames[context.Evaluation.Predictions[row]]} to {data.ClassNames[flip.Class]}.";
    }

    private static ImmutableArray<string> More(int flipped) =>
        flipped > MostNamed ? [$"So it is with {flipped - MostNamed} more rows."] : [];
}
