using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Inputs as the bytes that images are stored in, a quarter of their size as numbers: a pass takes its rows as numbers
/// when it needs them.
/// </summary>
/// <param name="bytes">[n, input shape], uint8; owned.</param>
/// <param name="scale">Factor on each value.</param>
internal sealed class StoredInputs(Tensor bytes, double scale) : IDisposable
{
    private readonly Tensor _bytes = bytes.DetachFromDisposeScope();

    /// <summary>[n, input shape].</summary>
    public long[] Shape => _bytes.shape;

    /// <summary>Some rows in a row: [count, input shape], float32.</summary>
    public Tensor Values(long start, long count)
    {
        using var scope = NewDisposeScope();
        return _bytes.narrow(0, start, count).to(ScalarType.Float32).mul_(Scalars.Get(scale)).MoveToOuterDisposeScope();
    }

    /// <summary>The chosen rows, in bytes.</summary>
    /// <param name="rows">[m], int64.</param>
    public StoredInputs Take(Tensor rows) => new(_bytes.index_select(0, rows), scale);

    /// <summary>The chosen rows of an array.</summary>
    /// <param name="array">[n, input shape], uint8.</param>
    /// <param name="rows">The rows that are wanted.</param>
    /// <param name="scale">Factor on each value.</param>
    public static StoredInputs Of(Tensor array, int[] rows, double scale)
    {
        using var scope = NewDisposeScope();
        return new(array.index_select(0, tensor(rows.Select(r => (long)r).ToArray())), scale);
    }

    /// <inheritdoc/>
    public void Dispose() => _bytes.Dispose();
}
