using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>Counts the bytes that the values of a pass hold; one that views another counts as its own.</summary>
/// <param name="limit">Most bytes that may be alive at once.</param>
internal sealed class PassMeter(long limit)
{
    private long _alive,
        _most,
        _all;

    /// <summary>Takes a value in.</summary>
    /// <returns>Whether all that are alive are still within the limit.</returns>
    public bool Add(Tensor value)
    {
        var bytes = Bytes(value);
        (_alive, _all) = (_alive + bytes, _all + bytes);
        _most = Math.Max(_most, _alive);
        return _alive <= limit;
    }

    /// <summary>Lets go of a value.</summary>
    public void Free(Tensor value) => _alive -= Bytes(value);

    /// <summary>What a row of a pass over so many took.</summary>
    public PassFootprint PerRow(long rows) => new(_most / rows, _all / rows);

    private static long Bytes(Tensor value) => value.numel() * value.element_size();
}

/// <summary>Memory that the values of one row need in a pass.</summary>
/// <param name="Alive">Bytes alive at once where each value is freed after its last use.</param>
/// <param name="All">Bytes of all values, which a pass that records gradients keeps to its end.</param>
internal readonly record struct PassFootprint(long Alive, long All)
{
    /// <summary>About what the caches of one core hold; the same everywhere, so that batches are.</summary>
    public const long CacheBytes = 12 << 20;

    // Larger passes are no faster, and the same everywhere gives the same figures everywhere.
    private const long MostBytes = 1 << 28;

    /// <summary>
    /// Bytes that a pass may take: a quarter of what the engine, the machine or its container has, or less.
    /// </summary>
    /// <param name="limit">Of the engine; null: what the machine or its container has.</param>
    public static long BytesWithin(long? limit = null) =>
        Math.Min(MostBytes, (limit ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes) / 4);

    /// <summary>Rows of a pass that fit in so many bytes, at least one.</summary>
    public long Rows(long bytes, bool gradients) => Math.Max(1, bytes / Math.Max(1, gradients ? All : Alive));
}
