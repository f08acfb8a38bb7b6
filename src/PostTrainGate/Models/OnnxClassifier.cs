using System.Collections.Immutable;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>An ONNX file rebuilt as a differentiable graph. Its initializers are the parameters; any value can be tapped.</summary>
public sealed class OnnxClassifier : Classifier
{
    private OnnxClassifier() { }

    /// <summary>Reads, checks and rebuilds a file; one batch must agree with ONNX Runtime.</summary>
    /// <exception cref="GateException">PTG2xxx: unreadable, an operator without a rebuild, disagreement.</exception>
    public static OnnxClassifier Load(string path, InputPolicy? input = null) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override string Name => throw new NotImplementedException();

    /// <inheritdoc/>
    public override ImmutableArray<long> InputShape => throw new NotImplementedException();

    /// <inheritdoc/>
    public override int Classes => throw new NotImplementedException();

    /// <inheritdoc/>
    public override OutputHead Head => throw new NotImplementedException();

    /// <inheritdoc/>
    public override InputPolicy Input => throw new NotImplementedException();

    /// <inheritdoc/>
    public override bool HasGradients => true;

    /// <summary>Weighted layers in forward order.</summary>
    public ImmutableArray<Layer> Layers => throw new NotImplementedException();

    /// <summary>Float initializers by name. Leaves without gradients unless a repair asks for them.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => throw new NotImplementedException();

    /// <inheritdoc/>
    public override Tensor Logits(Tensor inputs) => throw new NotImplementedException();

    /// <summary>The front of the network: the value named <paramref name="tap"/>, such as <see cref="Layer.Output"/>.</summary>
    /// <param name="inputs">[batch, input shape], in the data's units.</param>
    /// <param name="tap">Name of any value of the graph.</param>
    public Tensor Activations(Tensor inputs, string tap) => throw new NotImplementedException();

    /// <summary>Several values of one pass, in the order asked for; <see cref="LogitsTap"/> stands for the logits.</summary>
    public Tensor[] Values(Tensor inputs, params ReadOnlySpan<string> taps) => throw new NotImplementedException();

    /// <summary>Name that stands for the logits in <see cref="Values"/>.</summary>
    public const string LogitsTap = "";

    /// <summary>The same graph with parameters of its own.</summary>
    public OnnxClassifier Clone() => throw new NotImplementedException();

    /// <summary>
    /// Writes the file it was loaded from with these parameters: same graph, names, opset and metadata, provenance added. By rename.
    /// </summary>
    public void Save(string path, Provenance? provenance = null) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override void Dispose() => throw new NotImplementedException();
}
