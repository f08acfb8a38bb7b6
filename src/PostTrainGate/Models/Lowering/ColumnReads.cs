using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// What the layers that read a model's input, and not another layer's output, take of some columns of a row. A graph may
/// split its input among several such layers, put columns in an order of its own, or drop some.
/// </summary>
internal static class ColumnReads
{
    /// <summary>Finds it by a change of the columns.</summary>
    /// <param name="model">A model.</param>
    /// <param name="rows">[n, input shape]; some rows.</param>
    /// <param name="changed">The same rows with other values in the columns.</param>
    /// <returns>Layers that read a column, with the inputs of each that change.</returns>
    public static IEnumerable<(Layer Layer, bool[] Reads)> Of(OnnxClassifier model, Tensor rows, Tensor changed)
    {
        var (compiled, state, normalization) = model.Rebuilt;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        (Layer Layer, int Slot)[] first = [.. Entries(model.Layers, compiled)];
        var reads = first.Select(f => new bool[model.Parameters[f.Layer.Weight].shape[f.Layer.InputAxis]]).ToArray();
        // One row at a time: a file may fix its batch to one.
        for (var row = 0; row < rows.shape[0]; row++)
        {
            var (before, after) = (Run(rows, row), Run(changed, row));
            foreach (var (i, flags) in reads.Index())
                if (before[i].numel() == flags.Length && after[i].numel() == flags.Length)
                    foreach (var (at, differs) in before[i].ne(after[i]).reshape(-1).data<bool>().Index())
                        flags[at] |= differs;
        }

        return [.. first.Zip(reads, (f, flags) => (f.Layer, flags)).Where(f => f.flags.Contains(true))];

        Tensor[] Run(Tensor some, int row)
        {
            var x = normalization.Apply(model.Device.Take(some.narrow(0, row, 1)));
            return [.. compiled.Graph.Run(state, x, [.. first.Select(f => f.Slot)]).Select(t => t.cpu())];
        }
    }

    // Layers whose data no other layer has touched, and where that data is.
    private static IEnumerable<(Layer Layer, int Slot)> Entries(IReadOnlyList<Layer> layers, CompiledModel model)
    {
        var ofInput = new HashSet<int> { model.Graph.Input };
        var ofWeights = layers
            .SelectMany(l => new[] { l.Weight, l.Bias })
            .OfType<string>()
            .Select(name => model.Parameters[name])
            .ToHashSet();
        foreach (var step in model.Graph.Steps)
        {
            var layer = layers.FirstOrDefault(l => l.Operator == step.Node.OpType && l.Name == NameOf(step));
            var data = step.Inputs.Where(ofInput.Contains).ToArray();
            if (layer is not null && data is [var slot] && !ofWeights.Contains(slot))
                yield return (layer, slot);
            if (data.Length > 0)
                ofInput.Add(step.Output);
            if (step.Inputs.Any(ofWeights.Contains))
                ofWeights.Add(step.Output);
        }
    }

    private static string NameOf(OnnxGraph.Step step) =>
        step.Node.Name.Length > 0 ? step.Node.Name : step.Node.Output[0];
}
