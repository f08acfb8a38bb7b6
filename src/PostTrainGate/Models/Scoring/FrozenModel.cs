using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// A classifier with the weights that it has now, for very many passes without gradients. Threads may share it.
/// </summary>
/// <param name="model">The classifier, which stays the caller's.</param>
internal class FrozenModel(Classifier model) : IDisposable
{
    /// <summary>As <see cref="Classifier.Logits"/>, but for the last digits.</summary>
    public virtual Tensor Logits(Tensor inputs)
    {
        using var _ = no_grad();
        return model.Logits(inputs);
    }

    /// <inheritdoc/>
    public virtual void Dispose() { }
}

/// <summary>
/// The same in ONNX Runtime, whose passes forward are several times as fast as those of libtorch: it keeps
/// convolutions, activations and pools of a network in the layout that the processor wants.
/// </summary>
internal sealed class FrozenSession : FrozenModel
{
    // What a batch of these holds stays in the processor's caches.
    private const int Rows = 64;

    // To open it takes copies of the weights.
    private const long MostWeights = 1 << 26;

    private readonly OnnxSession _session;
    private readonly InputNormalization _normalization;
    private readonly string _input;
    private readonly OutputHead _head;
    private readonly long _rows;

    private FrozenSession(OnnxClassifier model, OnnxSession session, InputNormalization normalization, string input)
        : base(model) =>
        (_session, _normalization, _input, _head, _rows) = (
            session,
            normalization,
            input,
            model.Head,
            Math.Min(Rows, model.RowsPerPass(gradients: false))
        );

    /// <summary>Opens it.</summary>
    /// <param name="model">The classifier.</param>
    /// <param name="file">The file that it comes from.</param>
    /// <returns>Null where ONNX Runtime would not compute the same.</returns>
    public static FrozenSession? Open(OnnxClassifier model, OnnxFile file)
    {
        var (graph, _, normalization) = model.Rebuilt;
        var signature = graph.Signature;
        var logits = graph.Graph.Values.First(v => graph.Graph.Slot(v) == graph.Logits);
        if (
            file.Lowering is not null
            || signature.Batch > 0
            || signature.RowByRow
            || signature.Type != ScalarType.Float32
            || graph.Tolerance > OnnxAgreement.Tolerance
            || model.Parameters.Values.Sum(p => p.numel()) > MostWeights
            || !graph.Nodes.Any(n => n.Output.Contains(logits))
        )
            return null;
        using var work = NativeWork.Begin($"ONNX Runtime running '{file.Name}'");
        try
        {
            var part = file.Part(graph.Nodes, [signature.Input], [logits]);
            TakeWeights(part.Graph, model.Parameters);
            return new(model, new(file, part, [logits], threads: 1), normalization, signature.Input);
        }
        catch (GateException)
        {
            return null; // it runs whole files only
        }
    }

    /// <inheritdoc/>
    public override Tensor Logits(Tensor inputs)
    {
        using var _ = no_grad();
        return Parts.Of(inputs.size(0), _rows, of =>
        {
            using var scope = NewDisposeScope();
            using var value = OnnxSession.Value(_normalization.Apply(of(inputs)), ScalarType.Float32);
            var output = _session.Run([_input], [value])[0]!;
            return [OnnxHead.ToLogits(output, _head).MoveToOuterDisposeScope()];
        })[0];
    }

    /// <inheritdoc/>
    public override void Dispose() => _session.Dispose();

    // What the part shares with the file is not changed.
    private static void TakeWeights(GraphProto graph, IReadOnlyDictionary<string, Tensor> weights)
    {
        for (var i = 0; i < graph.Initializer.Count; i++)
        {
            if (weights.TryGetValue(graph.Initializer[i].Name, out var value))
                graph.Initializer[i] = With(graph.Initializer[i], value);
        }

        for (var i = 0; i < graph.Node.Count; i++)
        {
            if (graph.Node[i].OpType != "Constant" || !weights.TryGetValue(graph.Node[i].Output[0], out var value))
                continue;
            graph.Node[i] = graph.Node[i].Clone();
            var held = graph.Node[i].Attribute.First(a => a.Name == "value");
            held.T = With(held.T, value);
        }
    }

    private static TensorProto With(TensorProto tensor, Tensor value)
    {
        var own = tensor.Clone();
        OnnxTensors.Write(own, value);
        return own;
    }
}
