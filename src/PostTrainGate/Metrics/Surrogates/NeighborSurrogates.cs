using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>What surrogates need that look at the predictions of other rows than those of the batch.</summary>
/// <param name="context">Model, rows and gate.</param>
/// <param name="count">Rows that each row is compared with, for what a step costs.</param>
internal abstract class NeighborSurrogate(SurrogateContext context, int count) : Surrogate(context)
{
    /// <inheritdoc/>
    public override double Passes => count * ForwardAndBack;

    /// <summary>Logits of the neighbors of each row, each of them computed once.</summary>
    /// <param name="near">[rows][k]: neighbors among all rows.</param>
    /// <param name="logits">From inputs to logits.</param>
    /// <returns>[rows k, classes], row by row.</returns>
    protected Tensor LogitsOf(int[][] near, Func<Tensor, Tensor> logits)
    {
        long[] rows = [.. near.SelectMany(n => n).Distinct().Select(n => (long)n)];
        var place = rows.Index().ToDictionary(r => r.Item, r => (long)r.Index);
        var wanted = tensor(near.SelectMany(n => n).Select(n => place[n]).ToArray());
        return logits(Data.Inputs.index_select(0, tensor(rows))).index_select(0, wanted);
    }
}

/// <summary>Divergence of the predictions of rows and of their nearest neighbors, mean over all pairs.</summary>
internal sealed class ConsistencySurrogate(SurrogateContext context, int count) : NeighborSurrogate(context, count - 1)
{
    // Of each row; rows that lack a value have no neighbors and are none.
    private readonly Lazy<int[][]> _near = new(() =>
    {
        using var complete = context.Data.Complete();
        if (complete is null)
            return Neighbors.Among(context.Data, count, CancellationToken.None);
        var near = new int[context.Data.Count][];
        foreach (var (i, found) in Neighbors.Among(complete, count, CancellationToken.None).Index())
            near[complete.PlaceOf(i)] = [.. found.Select(complete.PlaceOf)];
        return near;
    });

    /// <inheritdoc/>
    protected override Tensor Compute(SurrogateBatch batch)
    {
        var neighbors = LogitsOf(Near(batch), batch.Model.Logits);
        return Divergence(batch.Logits.repeat_interleave(count, 0), neighbors, batch.Temperature);
    }

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        var neighbors = Classes(LogitsOf(Near(batch), x => batch.Model.LogitsOfAll(x)));
        var own = Classes(batch.Logits);
        return neighbors.Index().Average(n => n.Item == own[n.Index / count] ? 1.0 : 0);
    }

    private int[][] Near(SurrogateBatch batch) => [.. Rows(batch).Select(r => _near.Value[r])];
}

/// <summary>
/// By how much the privileged neighbors of an unprivileged row fare better than its unprivileged ones, where they do,
/// times the soft chance that it is denied the favorable outcome; mean over the unprivileged rows of the batch.
/// </summary>
internal sealed class SituationSurrogate(SurrogateContext context, SituationSides sides, int count, double gap)
    : NeighborSurrogate(context, 2 * count)
{
    private readonly Lazy<Dictionary<int, int[]>> _near = new(() =>
        sides
            .Nearest(count, CancellationToken.None)
            .ToDictionary(n => n.Key, n => (int[])[.. n.Value.Above, .. n.Value.Beside])
    );

    /// <inheritdoc/>
    protected override Tensor Compute(SurrogateBatch batch)
    {
        var (places, near) = Tested(batch, _ => true);
        if (places.Length == 0)
            return Nothing(batch);
        var fares = Favored(LogitsOf(near, batch.Model.Logits)).reshape(places.Length, 2, count).mean([2]);
        var denied = Favored(batch.Logits.index_select(0, tensor(places))).neg().Plus(1);
        return (denied * (fares.select(1, 0) - fares.select(1, 1)).relu()).mean();

        Tensor Favored(Tensor logits) =>
            logits.div(Scalars.Get(batch.Temperature)).softmax(1).select(1, Data.Favorable);
    }

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        var own = Classes(batch.Logits);
        var (places, near) = Tested(batch, place => own[place] != Data.Favorable);
        if (places.Length == 0)
            return double.NaN;
        var classes = Classes(LogitsOf(near, x => batch.Model.LogitsOfAll(x)));
        return classes
            .Chunk(2 * count)
            .Average(c => SituationTesting.Counts(Share(c[..count]), Share(c[count..]), gap) ? 1.0 : 0);

        double Share(int[] of) => of.Average(c => c == Data.Favorable ? 1.0 : 0);
    }

    // Unprivileged rows of the batch with their neighbors, the privileged ones first.
    private (long[] Places, int[][] Near) Tested(SurrogateBatch batch, Func<int, bool> holds)
    {
        var rows = Rows(batch);
        int[] places = [.. Enumerable.Range(0, rows.Length).Where(i => _near.Value.ContainsKey(rows[i]) && holds(i))];
        return ([.. places.Select(i => (long)i)], [.. places.Select(i => _near.Value[rows[i]])]);
    }
}
