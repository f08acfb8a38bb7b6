using System.Collections.Immutable;
using System.Runtime.InteropServices;
using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// The input columns that say which level of a group a row is in, and those declared to depend on it.
/// </summary>
internal sealed class GroupBlocks
{
    private readonly EvaluationSet _data;
    private readonly GroupColumn _group;

    private GroupBlocks(EvaluationSet data, GroupColumn group, ImmutableArray<FeatureColumn> columns) =>
        (_data, _group, Columns) = (data, group, columns);

    /// <summary>The blocks, in input order.</summary>
    public ImmutableArray<FeatureColumn> Columns { get; }

    /// <summary>The blocks of a group.</summary>
    /// <param name="data">The rows; not owned.</param>
    /// <param name="group">The group.</param>
    /// <param name="whyNot">Why there are none.</param>
    public static GroupBlocks? TryFind(EvaluationSet data, GroupColumn group, out string? whyNot)
    {
        whyNot = data.Layout is null ? "the inputs have no named columns" : null;
        if (data.Layout is not { } layout)
            return null;
        if (!group.SourceColumns.Any(c => layout.Find(c) is not null))
        {
            whyNot =
                $"the model reads no column of group '{group.Name}', "
                + "so its predictions cannot depend on the group directly";
            return null;
        }

        return new(
            data,
            group,
            [.. group.SourceColumns.Concat(group.Dependent).Distinct().Select(layout.Find).OfType<FeatureColumn>()]
        );
    }

    /// <summary>
    /// A row for each combination of values that a level has in the blocks, the most frequent combination first.
    /// </summary>
    public IEnumerable<int> MostFrequent(int level, int most)
    {
        var (width, values) = ((int)_data.Inputs.shape[1], _data.Inputs.data<float>().ToArray());
        return Enumerable
            .Range(0, _data.Count)
            .Where(i => _group.LevelOf[i] == level)
            .GroupBy(i =>
                string.Concat(
                    Columns.Select(c =>
                        Convert.ToHexString(MemoryMarshal.AsBytes(values.AsSpan(i * width + c.Start, c.Width)))
                    )
                )
            )
            .OrderByDescending(g => g.Count())
            .ThenBy(g => g.Key, StringComparer.Ordinal)
            .Take(most)
            .Select(g => g.First());
    }

    /// <summary>Gives rows the blocks of another row.</summary>
    /// <param name="rows">[n, width], written to.</param>
    /// <param name="donor">Row of the data.</param>
    public void Write(Tensor rows, int donor)
    {
        foreach (var column in Columns)
        {
            using var step = NewDisposeScope();
            rows.narrow(1, column.Start, column.Width)
                .copy_(_data.Inputs.narrow(0, donor, 1).narrow(1, column.Start, column.Width));
        }
    }

    /// <summary>
    /// Inputs with the blocks set to 0, so that they have no part in a distance; the caller disposes it.
    /// </summary>
    public Tensor Without()
    {
        using var scope = NewDisposeScope();
        var rows = _data.Inputs.clone();
        foreach (var column in Columns)
            rows.narrow(1, column.Start, column.Width).zero_();
        return rows.MoveToOuterDisposeScope();
    }
}
