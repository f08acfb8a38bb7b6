using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PostTrainGate.Train;

/// <summary>Plain training: Adam on the cross-entropy, stopped by a held-out part of the rows it is given.</summary>
internal static class Trainer
{
    /// <summary>Trains a network and keeps the weights of every epoch.</summary>
    public static ImmutableArray<Epoch> Train(Recipe recipe, EvaluationSet rows, int seed, Action<string> report)
    {
        using var scope = NewDisposeScope();
        var shares = new SplitPolicy(1 - recipe.HeldOut, recipe.HeldOut, 0);
        var (fit, heldOut) = Splitter.Split(rows.LabelValues.AsSpan(), [], shares, seed) switch
        {
            var s => (rows.Take(s[0]), rows.Take(s[1])),
        };
        var network = recipe.Build(rows.Inputs[0].numel(), rows.ClassNames.Length);
        var weights = tensor(rows.ClassNames.Select((_, c) => recipe.Balanced ? Weight(rows, c) : 1).ToArray());
        var adam = optim.Adam(network.parameters(), recipe.LearningRate);
        var history = ImmutableArray.CreateBuilder<Epoch>();
        var best = double.PositiveInfinity;
        for (var (number, since) = (1, 0); number <= recipe.Epochs && since < recipe.Patience; number++, since++)
        {
            foreach (var batch in randperm(fit.Count).split(recipe.BatchSize))
            {
                using var step = NewDisposeScope();
                adam.zero_grad();
                Loss(fit.Inputs[batch], fit.Labels[batch]).backward();
                adam.step();
            }

            using (no_grad())
            {
                var loss = Loss(heldOut.Inputs, heldOut.Labels).item<float>();
                var right = network
                    .forward(heldOut.Inputs)
                    .argmax(1)
                    .eq(heldOut.Labels)
                    .to(float32)
                    .mean()
                    .item<float>();
                report(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"epoch {number, 3}: held-out loss {loss:F4}, accuracy {right:F3}"
                    )
                );
                history.Add(new(number, loss, recipe.Image, [.. network.children().Select(Snapshot)]));
                if (loss < best)
                    (best, since) = (loss, -1);
            }
        }

        return history.ToImmutable();

        Tensor Loss(Tensor inputs, Tensor labels) =>
            nn.functional.cross_entropy(network.forward(inputs), labels, weights);

        static float Weight(EvaluationSet rows, int c) =>
            rows.Count / (float)(rows.ClassNames.Length * rows.LabelValues.Count(l => l == c));

        // Weights as they are now; layers without any as they are.
        static (nn.Module Layer, Tensor? Weight, Tensor? Bias) Snapshot(nn.Module layer) =>
            layer switch
            {
                Linear l => (l, Copy(l.weight), Copy(l.bias!)),
                Conv2d c => (c, Copy(c.weight), Copy(c.bias!)),
                _ => (layer, null, null),
            };

        static Tensor Copy(Tensor parameter) => parameter.detach().clone().DetachFromDisposeScope();
    }
}

/// <summary>The network after an epoch.</summary>
/// <param name="Number">From 1.</param>
/// <param name="HeldOutLoss">Loss on the rows that were held out.</param>
/// <param name="Image">Channels, height and width of an input that is an image.</param>
/// <param name="Layers">Layers in order, with the weights they had.</param>
internal sealed record Epoch(
    int Number,
    double HeldOutLoss,
    long[]? Image,
    ImmutableArray<(nn.Module Layer, Tensor? Weight, Tensor? Bias)> Layers
)
{
    /// <summary>Writes it as ONNX: <c>input</c> [batch, values], <c>logits</c> [batch, classes].</summary>
    public void Save(string path, EvaluationSet rows)
    {
        var writer = new OnnxWriter(rows.Inputs.shape[1..]);
        foreach (var (layer, weight, bias) in Layers)
        {
            _ = layer switch
            {
                Linear _ => writer.Gemm(weight!, bias!),
                Conv2d _ => writer.Conv(weight!, bias!, padding: 1),
                ReLU _ => writer.Relu(),
                MaxPool2d _ => writer.MaxPool(2),
                Flatten _ => writer.Flatten(),
                Unflatten _ => Reshape(writer),
                _ => throw new NotSupportedException(layer.GetName()),
            };
        }

        writer.Save(
            path,
            "logits",
            rows.ClassNames.Length,
            ImmutableSortedDictionary<string, string>
                .Empty.Add("classes", string.Join(", ", rows.ClassNames))
                .Add("epoch", Number.ToString(CultureInfo.InvariantCulture))
        );

        OnnxWriter Reshape(OnnxWriter onnx)
        {
            using var shape = tensor((long[])[-1, .. Image!]);
            onnx.Node("Reshape", [onnx.Last, onnx.Initializer("image_shape", shape)]);
            return onnx;
        }
    }
}
