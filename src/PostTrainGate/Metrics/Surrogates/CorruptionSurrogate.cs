using PostTrainGate.Corruptions;
using PostTrainGate.Foundation;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Cross-entropy on corrupted inputs: each batch meets the next of the gate's corruptions and severities. The figure
/// spreads all of them over the rows, a few to each.
/// </summary>
internal sealed class CorruptionSurrogate : LabelSurrogate
{
    private const int Versions = 4; // of each row, for the figure

    private readonly CorruptionPlan _plan;
    private readonly ColumnStatistics? _columns;
    private readonly (Corruption Corruption, int Severity)[] _pairs;
    private readonly bool _isError;
    private readonly ulong _seed;
    private readonly Generator _random;
    private int _turn;

    public CorruptionSurrogate(SurrogateContext context, CorruptionPlan plan, bool isError)
        : base(context)
    {
        (_plan, _isError, _columns) = (plan, isError, plan.Columns(context.Data));
        _pairs = [.. plan.Corruptions.SelectMany(c => plan.Severities.Select(s => (c, s)))];
        // Neighbors in the order are of different kinds.
        new Random(Seeds.Derive(context.Seed, "surrogate order")).Shuffle(_pairs);
        _seed = (ulong)Seeds.Derive(context.Seed, "surrogate corruptions");
        _random = new(_seed, CPU);
    }

    /// <inheritdoc/>
    public override double Passes => ForwardAndBack + 1;

    /// <inheritdoc/>
    public override void Dispose()
    {
        _random.Dispose();
        _columns?.Mean.Dispose();
        _columns?.Deviation.Dispose();
    }

    /// <inheritdoc/>
    protected override Tensor LogitsOf(SurrogateBatch batch) =>
        batch.Model.Logits(Corrupt(batch.Inputs, _pairs[_turn++ % _pairs.Length], _random));

    /// <inheritdoc/>
    protected override double Figure(SurrogateBatch batch)
    {
        using var random = new Generator(_seed, CPU);
        var (rows, versions, wrong) = ((int)batch.Index.shape[0], Math.Min(Versions, _pairs.Length), 0.0);
        for (var version = 0; version < versions; version++)
        {
            using var step = NewDisposeScope();
            var shift = version * _pairs.Length / versions;
            var parts = Enumerable
                .Range(0, rows)
                .GroupBy(row => (row + shift) % _pairs.Length, row => (long)row)
                .Select(g => (Pair: _pairs[g.Key], Rows: tensor(g.ToArray())))
                .ToArray();
            var inputs = parts.Select(p => Corrupt(batch.Inputs.index_select(0, p.Rows), p.Pair, random));
            var labels = batch.Labels.index_select(0, cat([.. parts.Select(p => p.Rows)], 0));
            wrong += Errs(batch.Model.LogitsOfAll(cat([.. inputs], 0)), labels) / versions;
        }

        return _isError ? wrong : 1 - wrong;
    }

    private Tensor Corrupt(Tensor inputs, (Corruption Corruption, int Severity) pair, Generator random) =>
        _plan.Form.Apply(pair.Corruption, inputs, pair.Severity, random, _columns);
}
