using System.Collections.Immutable;
using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Torch;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// A deep network whose batch normalizations an export folded into its convolutions, with normalizations behind them
/// again: the same function on rows as they are, but one that can be tuned as it was trained. What was tuned is folded
/// back.
/// </summary>
internal sealed class NormalizedTwin
{
    // Rows whose moments the normalizations begin with.
    private const int MomentRows = 512;
    private const float Epsilon = 1e-5f;
    private const string Prefix = "posttraingate.norm/";

    private readonly ImmutableArray<Layer> _layers;

    private NormalizedTwin(ImmutableArray<Layer> layers) => _layers = layers;

    /// <summary>For a model; null where it is not deep, is normalized already, or cannot be folded back.</summary>
    public static NormalizedTwin? Of(OnnxClassifier model)
    {
        if (!Depth.IsDeep(model) || model.IsLowered || model.IsRowByRow)
            return null;
        var steps = model.Rebuilt.Model.Graph.Steps;
        if (steps.Any(s => s.Node.OpType.EndsWith("Normalization", StringComparison.Ordinal)))
            return null;
        ImmutableArray<Layer> layers =
        [
            .. model
                .Layers.SkipLast(1)
                .Where(l =>
                    l is { Operator: "Conv", Bias: { } bias }
                    && model.IsSingle(l.Weight)
                    && model.IsSingle(bias)
                    && steps.Count(s => s.Node.Input.Contains(l.Weight)) == 1
                    && steps.Count(s => s.Node.Input.Contains(bias)) == 1
                ),
        ];
        return layers.IsEmpty ? null : new(layers);
    }

    /// <summary>Tunes the twin in place of the model.</summary>
    /// <param name="run">What to tune.</param>
    /// <param name="tune">Tunes a twin.</param>
    /// <returns>What came of it, folded; null where the file cannot have a twin.</returns>
    public RepairCandidate? Tune(TransformRun run, Func<TransformRun, RepairCandidate> tune)
    {
        using var source = Unfold(run.Source, run.Data.Inputs);
        if (source is null)
            return null;
        using var start = run.Start is { } from ? Unfold(from, run.Data.Inputs) : null;
        var instead = run with { Source = source, Start = start };
        return StandIn.Tune(run, instead, twin => Fold(twin, run.Source), tune);
    }

    /// <summary>The twin; null where the file cannot have one.</summary>
    /// <param name="model">A model of the same graph.</param>
    /// <param name="rows">Rows as they are.</param>
    internal OnnxClassifier? Unfold(OnnxClassifier model, Tensor rows)
    {
        var moments = Moments(model, rows.narrow(0, 0, Math.Min(MomentRows, rows.size(0))));
        try
        {
            var twin = model.Extended((proto, _, _) => Normalize(proto, moments));
            if (twin is not null)
                Resize(twin);
            return twin;
        }
        catch (GateException)
        {
            return null; // it computes something else, however little
        }
        finally
        {
            foreach (var (mean, deviation) in moments)
            {
                mean.Dispose();
                deviation.Dispose();
            }
        }
    }

    // Behind a normalization the size of a filter has no effect but on how far a step turns it. Folding left it at any
    // size; it begins with 1 for all, as initializations come near to.
    private void Resize(OnnxClassifier twin)
    {
        using var _ = no_grad();
        foreach (var (i, layer) in _layers.Index())
        {
            using var scope = NewDisposeScope();
            var (weight, variance) = (twin.Parameters[layer.Weight], twin.Parameters[Name(i, "variance")]);
            var size = weight.flatten(1).norm(1);
            var factor = where(size.gt(Scalars.Get(0)), size.reciprocal(), ones_like(size));
            weight.mul_(factor.reshape([-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)]));
            twin.Parameters[layer.Bias!].mul_(factor);
            twin.Parameters[Name(i, "mean")].mul_(factor);
            variance.copy_(variance.Plus(Epsilon).mul_(factor.Squared()).sub_(Scalars.Get(Epsilon)));
        }
    }

    /// <summary>The model that a twin is without its normalizations; the caller disposes it.</summary>
    internal OnnxClassifier Fold(OnnxClassifier twin, OnnxClassifier like)
    {
        using var _ = no_grad();
        var model = like.Clone();
        foreach (var (name, value) in model.Parameters)
            value.copy_(twin.Parameters[name]);
        foreach (var (i, layer) in _layers.Index())
        {
            using var scope = NewDisposeScope();
            Tensor Of(string what) => twin.Parameters[Name(i, what)];
            var factor = Of("scale") * Of("variance").add(Epsilon).rsqrt();
            var (weight, bias) = (model.Parameters[layer.Weight], model.Parameters[layer.Bias!]);
            weight.mul_(factor.reshape([-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)]));
            bias.sub_(Of("mean")).mul_(factor).add_(Of("shift"));
        }

        model.RoundToFile();
        return model;
    }

    private static string Name(int layer, string what) => $"{Prefix}{layer}/{what}";

    // Mean and deviation of what each convolution gives, by channel.
    private (Tensor Mean, Tensor Deviation)[] Moments(OnnxClassifier model, Tensor rows)
    {
        using var _ = no_grad();
        var steps = model.Rebuilt.Model.Graph.Steps;
        string[] taps = [.. _layers.Select(l => steps.First(s => s.Node.Input.Contains(l.Weight)).OutputName)];
        var sums = _layers.Select(l => (Sum: Zeros(l), Squares: Zeros(l))).ToArray();
        var (count, most) = (new long[taps.Length], Math.Max(1, model.RowsPerPass(gradients: true)));
        for (var at = 0L; at < rows.size(0); at += most)
        {
            using var scope = NewDisposeScope();
            var values = model.Values(rows.narrow(0, at, Math.Min(most, rows.size(0) - at)), taps);
            foreach (var (i, value) in values.Index())
            {
                var channels = value.transpose(0, 1).flatten(1).to(float64);
                sums[i].Sum.add_(channels.sum(1));
                sums[i].Squares.add_(channels.Squared().sum(1));
                count[i] += channels.size(1);
            }
        }

        return
        [
            .. sums.Select(
                (s, i) =>
                {
                    using var scope = NewDisposeScope();
                    using (s.Sum)
                    using (s.Squares)
                    {
                        var mean = s.Sum / count[i];
                        var deviation = (s.Squares / count[i] - mean.Squared())
                            .clamp_min(Scalars.Get(0))
                            .Plus(Epsilon)
                            .sqrt();
                        return (
                            mean.to(float32).MoveToOuterDisposeScope(),
                            deviation.to(float32).MoveToOuterDisposeScope()
                        );
                    }
                }
            ),
        ];

        static Tensor Zeros(Layer layer) => zeros(layer.Units, dtype: float64);
    }

    // Behind each convolution, so that its value keeps its name: (y - mean) / deviation * deviation + mean.
    private bool Normalize(ModelProto proto, (Tensor Mean, Tensor Deviation)[] moments)
    {
        var graph = proto.Graph;
        foreach (var (i, layer) in _layers.Index())
        {
            var at = graph.Node.ToList().FindIndex(n => n.OpType == "Conv" && n.Input.Contains(layer.Weight));
            if (at < 0)
                return false;
            var conv = graph.Node[at];
            var node = new NodeProto { Name = Name(i, "node"), OpType = "BatchNormalization" };
            node.Output.Add(conv.Output[0]);
            conv.Output[0] = Name(i, "value");
            node.Input.Add(conv.Output[0]);
            node.Attribute.Add(OnnxWriter.Attribute("epsilon", Epsilon));
            var (mean, deviation) = moments[i];
            using var variance = deviation.Squared().sub_(Scalars.Get(Epsilon));
            foreach (
                var (what, value) in new[]
                {
                    ("scale", deviation),
                    ("shift", mean),
                    ("mean", mean),
                    ("variance", variance),
                }
            )
            {
                var initializer = new TensorProto
                {
                    Name = Name(i, what),
                    DataType = (int)DataType.Float,
                    RawData = ByteString.CopyFrom(value.contiguous().bytes),
                };
                initializer.Dims.Add(value.numel());
                graph.Initializer.Add(initializer);
                node.Input.Add(initializer.Name);
            }

            graph.Node.Insert(at + 1, node);
        }

        return true;
    }
}
