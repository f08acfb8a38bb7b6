using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>The two sides of a situation test.</summary>
/// <param name="Data">The rows.</param>
/// <param name="Group">The group.</param>
/// <param name="Better">Rows of the privileged level.</param>
/// <param name="Worse">Rows of the other levels.</param>
internal sealed record SituationSides(EvaluationSet Data, GroupColumn Group, int[] Better, int[] Worse)
{
    /// <summary>The sides of a group, of the rows that lack no value.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="name">Name of the group.</param>
    /// <param name="whyNot">Why there are none; null where there are.</param>
    public static SituationSides? TryFind(EvaluationSet data, string? name, out string? whyNot)
    {
        if (name is null || !data.Groups.TryGetValue(name, out var group))
        {
            whyNot = $"the data has no group '{name}'";
            return null;
        }

        if (group.Privileged is not { } privileged)
        {
            whyNot = $"group '{name}' has no privileged level to compare with";
            return null;
        }

        whyNot = null;
        int[] rows = [.. Enumerable.Range(0, data.Count).Except(data.IncompleteRows)];
        return new(
            data,
            group,
            [.. rows.Where(r => group.LevelOf[r] == privileged)],
            [.. rows.Where(r => group.LevelOf[r] is >= 0 and var level && level != privileged)]
        );
    }

    /// <summary>Why there are too few neighbors; null where there are enough.</summary>
    public string? TooFew(int count) =>
        Math.Min(Better.Length, Worse.Length - 1) is var least && least < count
            ? $"one side of group '{Group.Name}' has only {least} neighbors, fewer than {count}"
            : null;

    /// <summary>
    /// The nearest neighbors of each unprivileged row by all columns but the group's; searched once for a set of rows.
    /// </summary>
    /// <param name="count">How many of either side.</param>
    /// <param name="cancel">Stops between blocks.</param>
    /// <returns>By row its privileged neighbors, and its unprivileged ones without itself.</returns>
    public Dictionary<int, (int[] Above, int[] Beside)> Nearest(int count, CancellationToken cancel) =>
        Data.Once((typeof(SituationSides), Group.Name, count), () => Search(count, cancel));

    private Dictionary<int, (int[] Above, int[] Beside)> Search(int count, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        var inputs = GroupBlocks.TryFind(Data, Group, out _) is { } blocks ? blocks.Without() : Data.Inputs;
        var worse = Take(Worse);
        var above = Neighbors.Nearest(worse, Take(Better), count, cancel);
        var beside = Neighbors.Nearest(worse, worse, count + 1, cancel);
        return Worse
            .Index()
            .ToDictionary(
                w => w.Item,
                w =>
                    (
                        (int[])[.. above[w.Index].Select(n => Better[n])],
                        (int[])[.. beside[w.Index].Select(n => Worse[n]).Where(r => r != w.Item).Take(count)]
                    )
            );

        Tensor Take(int[] rows) => inputs.index_select(0, tensor(rows.Select(r => (long)r).ToArray()));
    }
}
