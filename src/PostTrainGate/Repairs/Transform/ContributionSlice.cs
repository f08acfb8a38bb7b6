using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Dare's slice in the manner of NNSlicer (Zhang et al., FSE 2020; spec section 7): from the output backward, the sign
/// of what each connection contributes to the deviation of its unit from that unit's mean, summed over a sample with
/// equally many rows of each class. The connections with the highest sums may change.
/// </summary>
public static class ContributionSlice
{
    private const double LeastInputs = 0.05; // of the last layer's inputs, the share whose contribution is set to 0

    /// <summary>The slice of the layers up to the tap.</summary>
    /// <param name="context">Model, rows and tap.</param>
    /// <param name="share">
    /// Share of each layer's connections that may change; a convolution kernel is one connection.
    /// </param>
    /// <param name="biases">What happens to biases.</param>
    /// <param name="perClass">Rows of each class that are looked at.</param>
    public static WeightSlice Build(TransformContext context, double share, BiasMode biases, int perClass = 50)
    {
        using var scope = NewDisposeScope();
        var model = context.Source;
        var front = Slices.FrontLayers(model, context.Tap);
        var scores = Scores(model, Sample(context, perClass), context.Data.Inputs);
        var masks = ImmutableSortedDictionary.CreateBuilder<string, Tensor?>();
        foreach (var layer in front)
        {
            var (weight, score) = (model.Parameters[layer.Weight], scores[layer.Index]); // score: [units, inputs]
            var take = Math.Max(1, (long)Math.Round(share * score.numel()));
            // Sums of signs are often equal: then the larger weight comes first.
            var size = Connections(weight, layer).abs();
            var ranked = score.add(size.div(size.max().clamp_min(1e-12)), 0.5).flatten();
            var mask = zeros(score.numel(), dtype: ScalarType.Bool);
            mask.index_fill_(0, ranked.topk((int)take, 0).indexes, true);
            var chosen = mask.view(score.shape);
            if (layer.UnitAxis == 1)
                chosen = chosen.t();
            masks[layer.Weight] = chosen
                .view([.. chosen.shape, .. Enumerable.Repeat(1L, (int)(weight.dim() - 2))])
                .expand(weight.shape)
                .clone()
                .MoveToOuterDisposeScope();
            if (layer.Bias is { } bias && biases != BiasMode.Frozen)
            {
                masks[bias] =
                    biases == BiasMode.Free
                        ? null
                        : mask.view(score.shape)
                            .any(1)
                            .reshape(model.Parameters[bias].shape)
                            .clone()
                            .MoveToOuterDisposeScope();
            }
        }

        return new(
            masks.ToImmutable(),
            string.Create(CultureInfo.InvariantCulture, $"top {100 * share:G3} % of connections by contribution")
        );
    }

    // Equally many rows of every class, the first ones of a random order.
    private static Tensor Sample(TransformContext context, int perClass)
    {
        var order = randperm(context.Data.Count, generator: context.Random).data<long>().ToArray();
        var labels = context.Data.LabelValues;
        long[] chosen = [.. order.GroupBy(i => labels[(int)i]).OrderBy(g => g.Key).SelectMany(g => g.Take(perClass))];
        return context.Data.Inputs.index_select(0, tensor(chosen));
    }

    /// <summary>Of each layer the summed sign of every connection: [units, inputs].</summary>
    internal static Tensor[] Scores(OnnxClassifier model, Tensor sample, Tensor baseline)
    {
        var layers = model.Layers;
        var taps = layers.Select(l => l.Output).ToArray();
        var few = baseline.narrow(0, 0, Math.Min(2000, baseline.shape[0]));
        var mean = Reduced(model, few, taps).Select(t => t.mean([0], keepdim: true)).ToArray();
        var delta = Reduced(model, sample, taps).Select((t, i) => t.sub(mean[i])).ToArray(); // [sample, units]
        var inputs = sample.sub(few.mean([0], keepdim: true));
        var scores = new Tensor[layers.Length];
        var contribution = delta[^1]; // of the units of the layer at hand: [sample, units]
        for (var i = layers.Length - 1; i >= 0; i--)
        {
            var layer = layers[i];
            var weight = Connections(model.Parameters[layer.Weight], layer); // [units, inputs]
            var before =
                i > 0 ? delta[i - 1]
                : inputs.dim() > 2 ? inputs.flatten(2).sum(2)
                : inputs;
            var follows = weight.shape[1] == before.shape[1] * Math.Max(1, layer.InputsPerUnit);
            if (!follows)
                // What comes in is not known: the weight's own sign decides.
                before = ones(sample.shape[0], weight.shape[1]);
            else if (layer.InputsPerUnit > 1)
                before = before.repeat_interleave(layer.InputsPerUnit, 1);
            var raw = i == layers.Length - 1;
            var pull = raw ? contribution.mul(delta[i]) : contribution.mul(delta[i]).sign();
            var (w, x) = raw ? (weight, before) : (weight.sign(), before.sign());
            scores[i] = pull.t().mm(x).mul(w);
            var back = pull.mm(w).mul(x); // [sample, inputs]
            if (raw)
            {
                var least = back.kthvalue(Math.Max(1, (long)(LeastInputs * back.shape[1])), 1, keepdim: true).values;
                back = back.masked_fill(back.le(least), 0);
            }

            if (i == 0)
                break;
            contribution = follows ? back.view(back.shape[0], delta[i - 1].shape[1], -1).sum(2) : delta[i - 1];
        }

        return scores;
    }

    // Channels are summed over space.
    private static IEnumerable<Tensor> Reduced(OnnxClassifier model, Tensor rows, string[] taps) =>
        model.Values(rows, taps).Select(t => t.dim() > 2 ? t.flatten(2).sum(2) : t);

    private static Tensor Connections(Tensor weight, Layer layer)
    {
        var flat = weight.dim() > 2 ? weight.flatten(2).sum(2) : weight;
        return layer.UnitAxis == 0 ? flat : flat.t();
    }
}
