using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>Rows by level of a group and by label.</summary>
internal sealed class GroupCells
{
    private readonly int[][] _rows; // by level, then label; only cells that have rows
    private readonly (int Level, int Label)[] _keys;

    /// <summary>Counts them; rows without a value of the group are in no cell.</summary>
    public GroupCells(EvaluationSet data, GroupColumn group)
    {
        var cells = Enumerable
            .Range(0, data.Count)
            .Where(i => GroupColumn.CountedLevel(group, i) >= 0)
            .GroupBy(i => (GroupColumn.CountedLevel(group, i), data.LabelValues[i]))
            .OrderBy(c => c.Key)
            .ToArray();
        (_rows, _keys) = ([.. cells.Select(c => c.ToArray())], [.. cells.Select(c => c.Key)]);
        Data = data;
    }

    private EvaluationSet Data { get; }

    /// <summary>
    /// [n], int64: as many rows as there are, each cell equally often; those of small cells come several times.
    /// </summary>
    public Tensor Balanced(Generator random)
    {
        using var scope = NewDisposeScope();
        var each = Math.Max(1, Data.Count / Math.Max(1, _rows.Length));
        var chosen = new List<long>(each * _rows.Length);
        foreach (var cell in _rows)
        {
            var order = randperm(cell.Length, generator: random).data<long>().ToArray();
            for (var i = 0; i < each; i++)
                chosen.Add(cell[order[i % cell.Length]]);
        }

        return tensor(chosen.ToArray()).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Weights by which group and label become independent: P(level) P(label) / P(level, label) (Kamiran and Calders
    /// 2012); 1 for rows in no cell.
    /// </summary>
    public float[] Weights()
    {
        var weights = Enumerable.Repeat(1f, Data.Count).ToArray();
        double all = _rows.Sum(r => r.Length);
        for (var c = 0; c < _rows.Length; c++)
        {
            var (level, label) = _keys[c];
            var ofLevel = Sum(k => k.Level == level);
            var ofLabel = Sum(k => k.Label == label);
            foreach (var row in _rows[c])
                weights[row] = (float)(ofLevel * ofLabel / (all * _rows[c].Length));
        }

        return weights;

        double Sum(Func<(int Level, int Label), bool> where) =>
            _keys.Index().Where(k => where(k.Item)).Sum(k => (double)_rows[k.Index].Length);
    }
}
