using PostTrainGate.Data;
using PostTrainGate.Models.Onnx;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>What a graph in terms of ONNX's own operators was made of.</summary>
/// <param name="Source">The file with the nodes of ai.onnx.ml and the inputs that it has.</param>
/// <param name="Feeds">What fills those inputs from a row.</param>
/// <param name="Layout">Columns of the rows; null where they are no table's.</param>
/// <param name="Weights">Weights that stand in attributes of its nodes.</param>
internal sealed record Lowering(
    OnnxFile Source,
    InputBinding Feeds,
    FeatureLayout? Layout,
    IReadOnlyList<AttributeWeight> Weights
);

/// <summary>Weights that a node keeps in an attribute.</summary>
/// <param name="Tensor">As the lowered graph has them.</param>
/// <param name="Output">Name of an output of the node.</param>
/// <param name="Attribute">Name of the attribute.</param>
/// <param name="IsMirrored">
/// Whether the attribute holds their negatives before them: scikit-learn's converter writes two classes so.
/// </param>
internal sealed record AttributeWeight(TensorProto Tensor, string Output, string Attribute, bool IsMirrored)
{
    /// <summary>Puts other values into the attribute.</summary>
    public void Write(GraphProto graph, Tensor value)
    {
        using var plain = value.detach().contiguous();
        var values = plain.data<float>().ToArray();
        var floats = graph.Node.First(n => n.Output.Contains(Output)).Attribute.First(a => a.Name == Attribute).Floats;
        floats.Clear();
        if (IsMirrored)
            floats.AddRange(values.Select(v => -v));
        floats.AddRange(values);
    }
}
