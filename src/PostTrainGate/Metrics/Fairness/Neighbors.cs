using PostTrainGate.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Metrics;

/// <summary>
/// Nearest neighbors by Euclidean distance of inputs, exact, by blocks of rows, so that memory is flat in their number.
/// </summary>
internal static class Neighbors
{
    private const int Block = 256;

    /// <summary>The nearest rows of each row, itself included; searched once for a set of rows.</summary>
    /// <param name="data">The rows, all of them complete.</param>
    /// <param name="count">How many; at most as there are rows.</param>
    /// <param name="cancel">Stops between blocks.</param>
    /// <returns>[n][count], nearest first.</returns>
    public static int[][] Among(EvaluationSet data, int count, CancellationToken cancel) =>
        data.Once((typeof(Neighbors), count), () => Nearest(data.Inputs, data.Inputs, count, cancel));

    /// <summary>
    /// The nearest rows of each query, itself included where it is among the rows; of equal distances the earlier row.
    /// </summary>
    /// <param name="queries">[n, ...].</param>
    /// <param name="rows">[m, ...].</param>
    /// <param name="count">How many; at most m.</param>
    /// <param name="cancel">Stops between blocks.</param>
    /// <returns>[n][count], indices into <paramref name="rows"/>, nearest first.</returns>
    public static int[][] Nearest(Tensor queries, Tensor rows, int count, CancellationToken cancel)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (from, to) = (
            queries.reshape(queries.shape[0], -1).to(float64),
            rows.reshape(rows.shape[0], -1).to(float64)
        );
        var (found, total) = (new List<int[]>(), (int)to.shape[0]);
        for (long start = 0; start < from.shape[0]; start += Block)
        {
            cancel.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var block = from.narrow(0, start, Math.Min(Block, from.shape[0] - start));
            // Without the shortcut by a matrix product, which would put noise between rows that are equal.
            var distances = cdist(block, to, 2, compute_mode.donot_use_mm_for_euclid_dist).data<double>().ToArray();
            for (var row = 0; row < block.shape[0]; row++)
                found.Add(Nearest(distances.AsSpan(row * total, total), count));
        }

        return [.. found];
    }

    private static int[] Nearest(ReadOnlySpan<double> distances, int count)
    {
        var nearest = new int[count];
        var filled = 0;
        for (var row = 0; row < distances.Length; row++)
        {
            if (filled == count && !(distances[row] < distances[nearest[^1]]))
                continue;
            var at = filled < count ? filled++ : count - 1;
            for (; at > 0 && distances[row] < distances[nearest[at - 1]]; at--)
                nearest[at] = nearest[at - 1];
            nearest[at] = row;
        }

        return nearest;
    }
}
