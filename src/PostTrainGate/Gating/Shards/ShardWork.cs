using PostTrainGate.Evaluations;

namespace PostTrainGate.Gating;

/// <summary>One machine's share of a measurement, and where it is written.</summary>
/// <param name="Number">Which of the shards, from 1.</param>
/// <param name="Of">How many there are.</param>
/// <param name="File">The part to write.</param>
internal sealed record ShardOrder(int Number, int Of, string File)
{
    /// <summary>As the command line takes it.</summary>
    public string Text => $"{Number}/{Of}";
}

/// <summary>
/// The blocks of one shard: all blocks of all gates are dealt out in turn, so that shares weigh alike.
/// </summary>
internal sealed class ShardWork(ShardOrder order) : BlockWork
{
    private readonly SortedDictionary<string, byte[]> _found = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override bool IsPartial => true;

    /// <summary>How many blocks there are in all.</summary>
    public int Total { get; private set; }

    /// <summary>What was found on the blocks of this shard, by name.</summary>
    public IReadOnlyDictionary<string, byte[]> Found => _found;

    /// <inheritdoc/>
    public override BlockOutcome? Find(string name, int values, Func<BlockOutcome> find)
    {
        if (Total++ % order.Of != order.Number - 1)
            return null;
        var outcome = find();
        _found.Add(name, outcome.Write());
        return outcome;
    }
}
