using PostTrainGate.Foundation;

namespace PostTrainGate.Attacks;

/// <summary>
/// How far an attack on the rows of a gate has to go: chunk after chunk in a seeded order, until the verdict is
/// certain.
/// </summary>
internal sealed record AttackPlan
{
    // Small at first, as a clear verdict needs few rows; then half of what there is, up to a batch of the harness.
    private const int FirstChunk = 32,
        LargestChunk = 250;

    /// <summary>Whether every row is attacked, also where the verdict is certain before.</summary>
    public bool Full { get; init; }

    /// <summary>What earlier runs found; null: nothing is kept.</summary>
    public RunCache? Cache { get; init; }

    /// <summary>All rows, shuffled by a seed, in chunks that grow; the same for every model.</summary>
    public static IEnumerable<int[]> Chunks(IEnumerable<int> rows, int seed)
    {
        var order = rows.OrderBy(row => Seeds.Key((ulong)seed, (ulong)row)).ToArray();
        for (var (start, size) = (0, 0); start < order.Length; start += size)
        {
            size = Math.Min(Math.Clamp(start / 2, FirstChunk, LargestChunk), order.Length - start);
            yield return order[start..(start + size)];
        }
    }
}
