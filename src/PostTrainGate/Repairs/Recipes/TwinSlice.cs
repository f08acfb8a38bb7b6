using System.Globalization;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// FMT's slice (spec section 6): for every real row and its twin, the fifth of each layer's units that react most is
/// counted; the tenth of the units counted most often, and the connections between them, may change.
/// </summary>
public static class TwinSlice
{
    private const double PerRow = 0.2;
    private const double Overall = 0.1;

    /// <summary>
    /// The slice of the layers up to the tap; layers after it, if any, keep their weights, and their biases as
    /// <paramref name="biases"/> says.
    /// </summary>
    /// <param name="context">Model and tap.</param>
    /// <param name="twins">Real rows and their twins.</param>
    /// <param name="biases">What happens to biases.</param>
    /// <param name="upTo">Index of the last layer with a slice.</param>
    public static WeightSlice Build(TransformContext context, RowPairs twins, BiasMode biases, int upTo)
    {
        Layer[] front = [.. Slices.FrontLayers(context.Source, context.Tap)];
        var sliced = front.Where(l => l.Index <= upTo).ToArray();
        var chosen = Units(context.Source, sliced, twins);
        int[][] units = [.. front.Select(l => l.Index <= upTo ? chosen[l.Index] : [])];
        var text = string.Join(
            " | ",
            chosen.Select(u => string.Join(' ', u.Select(i => i.ToString(CultureInfo.InvariantCulture))))
        );
        return new(
            Slices.Between(context.Source, front, units, biases),
            $"units {(text.Length > 200 ? $"{chosen.Sum(u => u.Length)} in {chosen.Length} layers" : text)}"
        );
    }

    /// <summary>Of each layer the units that react most often, by rank.</summary>
    internal static int[][] Units(OnnxClassifier model, Layer[] layers, RowPairs twins, int batchSize = 2048)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var taps = layers.Select(l => l.Output).ToArray();
        var counts = layers.Select(l => zeros(l.Units, ScalarType.Int64)).ToArray();
        var sums = layers.Select(l => zeros(l.Units, ScalarType.Float64)).ToArray();
        var rows = twins.First.shape[0];
        for (long start = 0; start < rows; start += batchSize)
        {
            using var batch = NewDisposeScope();
            var size = Math.Min(batchSize, rows - start);
            var left = model.Values(twins.First.narrow(0, start, size), taps);
            var right = model.Values(twins.Second.narrow(0, start, size), taps);
            for (var j = 0; j < layers.Length; j++)
            {
                var delta = left[j].sub(right[j]).abs();
                if (delta.dim() > 2)
                    delta = delta.flatten(2).mean([2]); // channels: over space
                var (value, unit) = delta.topk(Math.Max(1, (int)(PerRow * layers[j].Units)), 1);
                var reacts = unit.masked_select(value.gt(0)); // a dead unit reacts to nothing
                counts[j].add_(bincount(reacts, minlength: layers[j].Units));
                sums[j].add_(delta.sum(0));
            }
        }

        return
        [
            .. layers.Select(
                (layer, j) => Rank(counts[j], sums[j], Math.Max(1, (int)Math.Round(Overall * layer.Units)))
            ),
        ];
    }

    // Of equal counts the larger mean reaction comes first, then the lower index.
    private static int[] Rank(Tensor counts, Tensor sums, int take)
    {
        var (count, sum) = (counts.data<long>().ToArray(), sums.data<double>().ToArray());
        return
        [
            .. Enumerable
                .Range(0, count.Length)
                .OrderByDescending(i => count[i])
                .ThenByDescending(i => sum[i])
                .Take(take),
        ];
    }
}
