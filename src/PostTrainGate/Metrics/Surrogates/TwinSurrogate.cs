using PostTrainGate.Data;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Divergence of the predictions of rows and of their twins, which differ in the group's columns alone
/// (counterfactual logit pairing, Garg et al. 2019). Each row meets one of its twins, the next one at the next call.
/// The figure tries all of them, as the metric does.
/// </summary>
internal sealed class TwinSurrogate(SurrogateContext context, GroupColumn group, GroupBlocks blocks)
    : Surrogate(context)
{
    // Rows that lend their values, with their level.
    private readonly (int Level, int Row)[] _donors =
    [
        .. Enumerable
            .Range(0, group.Levels.Length)
            .SelectMany(l => blocks.MostFrequent(l, CounterfactualFlips.MostValues).Select(r => (l, r))),
    ];

    private int _turn;

    /// <inheritdoc/>
    protected override Tensor Compute(SurrogateBatch batch)
    {
        var turn = _turn++;
        var met = Rows(batch)
            .Select((row, place) => (Place: (long)place, Level: group.LevelOf[row]))
            .Where(r => r.Level >= 0 && _donors.Any(d => d.Level != r.Level))
            .GroupBy(r => Next(r.Level, turn + r.Place), r => r.Place)
            .Select(g => (Donor: g.Key, Places: tensor(g.ToArray())))
            .ToArray();
        if (met.Length == 0)
            return Nothing(batch);
        var twins = cat([.. met.Select(m => Twins(batch.Inputs, m.Places, m.Donor))], 0);
        var own = batch.Logits.index_select(0, cat([.. met.Select(m => m.Places)], 0));
        return Divergence(own, batch.Model.Logits(twins), batch.Temperature);
    }

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        int[] levels = [.. Rows(batch).Select(r => group.LevelOf[r])];
        var (own, flips) = (Classes(batch.Logits), new bool[levels.Length]);
        foreach (var (level, donor) in _donors)
        {
            using var step = NewDisposeScope();
            int[] others = [.. levels.Index().Where(l => l.Item >= 0 && l.Item != level).Select(l => l.Index)];
            if (others.Length == 0)
                continue;
            var twins = Twins(batch.Inputs, tensor(others.Select(o => (long)o).ToArray()), donor);
            var predicted = Classes(batch.Model.LogitsOfAll(twins));
            for (var i = 0; i < others.Length; i++)
                flips[others[i]] |= predicted[i] != own[others[i]];
        }

        return flips.Count(f => f) / (double)levels.Count(l => l >= 0);
    }

    private Tensor Twins(Tensor inputs, Tensor places, int donor)
    {
        var twins = inputs.index_select(0, places);
        blocks.Write(twins, donor);
        return twins;
    }

    private int Next(int level, long turn)
    {
        var others = _donors.Where(d => d.Level != level).ToArray();
        return others[turn % others.Length].Row;
    }
}
