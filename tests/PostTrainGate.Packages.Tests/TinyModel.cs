using System.Runtime.InteropServices;
using Google.Protobuf;
using PostTrainGate.Models.Onnx;

namespace PostTrainGate.Packages.Tests;

/// <summary>A classifier of two inputs and two classes that looks at the first input only: logits = x W + b, one
/// Gemm.</summary>
internal static class TinyModel
{
    public static void Write(string path, bool right)
    {
        var s = right ? 10f : -10f;
        var graph = new GraphProto { Name = "tiny" };
        graph.Initializer.Add(Tensor("W", [2, 2], [-s, s, 0, 0]));
        graph.Initializer.Add(Tensor("b", [2], [s / 2, -s / 2]));
        graph.Node.Add(
            new NodeProto
            {
                OpType = "Gemm",
                Name = "head",
                Input = { "x", "W", "b" },
                Output = { "logits" },
            }
        );
        graph.Input.Add(Value("x"));
        graph.Output.Add(Value("logits"));
        var model = new ModelProto
        {
            IrVersion = 8,
            ProducerName = "test",
            Graph = graph,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        File.WriteAllBytes(path, model.ToByteArray());
    }

    private static TensorProto Tensor(string name, long[] shape, float[] values) =>
        new()
        {
            Name = name,
            DataType = (int)TensorProto.Types.DataType.Float,
            Dims = { shape },
            RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())),
        };

    private static ValueInfoProto Value(string name)
    {
        var shape = new TensorShapeProto();
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimParam = "batch" });
        shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = 2 });
        return new()
        {
            Name = name,
            Type = new()
            {
                TensorType = new() { ElemType = (int)TensorProto.Types.DataType.Float, Shape = shape },
            },
        };
    }
}
