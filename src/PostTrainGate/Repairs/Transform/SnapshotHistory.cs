using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Dare's search of the training history (spec section 5): of each row of a pool, the snapshot that was surest of its
/// true class, where it was surer than the model to repair.
/// </summary>
/// <param name="Rows">Positions in the pool of the rows that history improves on.</param>
/// <param name="Snapshot">Of each of them the snapshot that does.</param>
public sealed record SnapshotHistory(long[] Rows, int[] Snapshot)
{
    /// <summary>Searches the history.</summary>
    /// <param name="final">The model to repair.</param>
    /// <param name="snapshots">Ascending.</param>
    /// <param name="pool">Rows and labels; not owned.</param>
    /// <param name="strict">
    /// Whether the snapshot must be right also where the final model is (the release asks only where that is wrong).
    /// </param>
    public static SnapshotHistory Search(
        OnnxClassifier final,
        IReadOnlyList<OnnxClassifier> snapshots,
        EvaluationSet pool,
        bool strict
    )
    {
        var (best, right) = TrueClass(final, pool);
        var from = Enumerable.Repeat(-1, pool.Count).ToArray();
        for (var t = 0; t < snapshots.Count; t++)
        {
            var (value, rightThen) = TrueClass(snapshots[t], pool);
            for (var i = 0; i < pool.Count; i++)
            {
                // The earliest snapshot wins ties.
                if (value[i] > best[i] && (rightThen[i] || (right[i] && !strict)))
                    (best[i], from[i]) = (value[i], t);
            }
        }

        long[] rows = [.. Enumerable.Range(0, pool.Count).Where(i => from[i] >= 0).Select(i => (long)i)];
        return new(rows, [.. rows.Select(i => from[i])]);
    }

    // The probability of each row's true class, and whether it is the largest.
    private static (float[] Value, bool[] Right) TrueClass(OnnxClassifier model, EvaluationSet pool)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var probabilities = model.LogitsOfAll(pool.Inputs, 1000).softmax(1);
        var value = probabilities.gather(1, pool.Labels.unsqueeze(1)).squeeze(1);
        var right = probabilities.argmax(1).eq(pool.Labels);
        return (value.data<float>().ToArray(), right.data<bool>().ToArray());
    }

    /// <summary>For reports.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Rows.Length} rows that a snapshot predicts better");
}
