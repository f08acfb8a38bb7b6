using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>A network by hand, which asks for its weights by name.</summary>
internal delegate Tensor HandNetwork(Func<string, Tensor> weights, Tensor inputs, bool training);

/// <summary>What loops of training by hand share.</summary>
internal static class HandTraining
{
    /// <summary>Rows of whole batches without an end: all in a random order, then in another one.</summary>
    public static IEnumerable<long[]> Batches(int rows, int size)
    {
        var order = Enumerable.Range(0, rows).Select(i => (long)i).ToArray();
        for (Random random = new(1); ; )
        {
            random.Shuffle(order);
            foreach (var batch in order.Chunk(size).Where(b => b.Length == size))
                yield return batch;
        }
    }

    /// <summary>Gives a model what was trained.</summary>
    public static void Give(IReadOnlyDictionary<string, Tensor> weights, OnnxClassifier model)
    {
        using var _ = no_grad();
        foreach (var (name, value) in model.Parameters)
            value.copy_(weights[name]);
    }
}
