using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using static PostTrainGate.Models.Onnx.AttributeProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

public partial class OnnxSubgraphTests
{
    // Twice(x) = Scaled(Scaled(x)) with slopes of its own; Scaled(x) = LeakyRelu(x w + 0.5).
    private static ModelProto WithFunctions()
    {
        OnnxWriter writer = new([4]);
        var (w1, w2) = (writer.Initializer("w1", randn(4, 4)), writer.Initializer("w2", randn(4, 3)));
        var first = writer.Node("Scaled", ["input", w1], ("slope", 0.3f));
        writer.Node("Outer", [first, w2]);
        var model = writer.Build("logits", -1, 3);
        foreach (var node in model.Graph.Node)
            node.Domain = "local";
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        var half = Node("Constant", [], "half");
        half.Attribute.Add(
            new AttributeProto
            {
                Name = "value",
                Type = AttributeType.Tensor,
                T = new()
                {
                    DataType = 1,
                    Dims = { 1 },
                    FloatData = { 0.5f },
                },
            }
        );
        var leaky = Node("LeakyRelu", ["sum"], "y");
        leaky.Attribute.Add(
            new AttributeProto
            {
                Name = "alpha",
                Type = AttributeType.Float,
                RefAttrName = "slope",
            }
        );
        model.Functions.Add(
            Function(
                "Scaled",
                [Node("MatMul", ["x", "w"], "sum0"), half, Node("Add", ["sum0", "half"], "sum"), leaky],
                "slope"
            )
        );
        model.Functions.Add(Function("Outer", [Call("Scaled", ["x", "w"], "y")]));
        return model;
    }

    private static FunctionProto Function(string name, NodeProto[] body, params string[] attributes) =>
        new()
        {
            Name = name,
            Domain = "local",
            Input = { "x", "w" },
            Output = { "y" },
            Attribute = { attributes },
            Node = { body },
            OpsetImport =
            {
                new OperatorSetIdProto { Version = 13 },
                new OperatorSetIdProto { Domain = "local", Version = 1 },
            },
        };

    private static NodeProto Call(string function, string[] inputs, string output)
    {
        var node = Node(function, inputs, output);
        node.Domain = "local";
        node.Attribute.Add(
            new AttributeProto
            {
                Name = "slope",
                Type = AttributeType.Float,
                F = 0.1f,
            }
        );
        return node;
    }

    private static NodeProto Node(string op, string[] inputs, string output) =>
        new()
        {
            OpType = op,
            Input = { inputs },
            Output = { output },
        };

    // Inputs of a loop's body: its trip, whether it goes on, and what it carries.
    private static GraphProto Graph(string[] inputs, string[] outputs, params NodeProto[] nodes)
    {
        ValueInfoProto[] described = [.. inputs.Select(name => new ValueInfoProto { Name = name })];
        for (var i = 0; i < inputs.Length; i++)
        {
            described[i].Type = new()
            {
                TensorType = new()
                {
                    ElemType =
                        i == 0 ? 7
                        : i == 1 ? 9
                        : 1,
                },
            };
            if (i < 2)
                described[i].Type.TensorType.Shape = new();
        }

        return new()
        {
            Name = "inner",
            Input = { described },
            Output = { outputs.Select(o => new ValueInfoProto { Name = o }) },
            Node = { nodes },
        };
    }
}
