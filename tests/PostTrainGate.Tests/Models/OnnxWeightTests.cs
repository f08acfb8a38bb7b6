using Google.Protobuf;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using Xunit;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Weights in every type and place that a file may hold them in: read, repaired, and written back in their own
/// type.</summary>
public class OnnxWeightTests
{
    [Theory]
    [InlineData((int)DataType.Float16, true, 1.0 / 128)]
    [InlineData((int)DataType.Float16, false, 1.0 / 128)]
    [InlineData((int)DataType.Bfloat16, false, 1.0 / 16)]
    [InlineData((int)DataType.Double, true, 1e-4)]
    [InlineData((int)DataType.Double, false, 1e-4)]
    public void A_model_of_another_floating_type_is_loaded_repaired_and_saved_in_it(
        int code,
        bool whole,
        double tolerance
    )
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var source = Network(code, whole);
        OnnxFile.Write(folder.Path("model.onnx"), source);
        using var model = OnnxClassifier.Load(folder.Path("model.onnx"));
        Assert.Equal(3, model.Classes);
        Assert.Equal(["w1", "w2"], model.Layers.Select(l => l.Weight));
        var x = rand(16, 6);
        var plain = Plain(source, x);
        Assert.True(allclose(plain, model.Logits(x), rtol: tolerance, atol: tolerance));

        // What a repair does: float32 steps, then rounded to what the file holds.
        model.Parameters["w1"].add_(randn(8, 6) * 0.1);
        model.RoundToFile();
        model.Save(folder.Path("saved.onnx"));
        using var again = OnnxClassifier.Load(folder.Path("saved.onnx"));
        Assert.True(allclose(model.Logits(x), again.Logits(x), rtol: 0, atol: 0));
        Assert.False(allclose(model.Logits(x), plain, rtol: tolerance, atol: tolerance));
        var saved = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.Path("saved.onnx")));
        Assert.NotEqual(source.Graph.Initializer[0].RawData, saved.Graph.Initializer[0].RawData);
        saved.Graph.Initializer[0].RawData = source.Graph.Initializer[0].RawData;
        Assert.Equal(source, saved); // the other weights to the last bit, and the type
    }

    [Fact]
    public void Weights_in_typed_lists_stay_in_typed_lists()
    {
        using var scope = NewDisposeScope();
        foreach (
            var (proto, type) in ((TensorProto, ScalarType)[])
                [
                    (
                        new()
                        {
                            DataType = (int)DataType.Float,
                            Dims = { 2 },
                            FloatData = { 1, 2 },
                        },
                        ScalarType.Float32
                    ),
                    (
                        new()
                        {
                            DataType = (int)DataType.Double,
                            Dims = { 2 },
                            DoubleData = { 1.0 / 3, 2 },
                        },
                        ScalarType.Float64
                    ),
                    (
                        new()
                        {
                            DataType = (int)DataType.Float16,
                            Dims = { 2 },
                            Int32Data = { 0x3C00, 0xC000 },
                        },
                        ScalarType.Float16
                    ),
                ]
        )
        {
            var (before, size) = (OnnxTensors.Read(proto), proto.CalculateSize());
            var value = before.to_type(ScalarType.Float32);
            value[1] = tensor(0.75f);
            OnnxTensors.Write(proto, value);
            Assert.False(proto.HasRawData);
            var after = OnnxTensors.Read(proto);
            Assert.Equal(type, after.dtype);
            Assert.True(after[0].eq(before[0]).item<bool>());
            Assert.Equal(0.75, after[1].to_type(ScalarType.Float64).item<double>());
            Assert.InRange(proto.CalculateSize(), size - 6, size);
        }
    }

    [Fact]
    public void A_shared_weight_that_is_also_an_input_is_one_parameter_and_a_constant_node_holds_another()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        OnnxWriter writer = new([4]);
        var shared = writer.Initializer("shared", randn(4, 4));
        writer.Node("MatMul", [writer.Node("Relu", [writer.Node("MatMul", ["input", shared])]), shared]);
        var last = new TensorProto
        {
            DataType = (int)DataType.Float,
            Dims = { 4, 3 },
            RawData = ByteString.CopyFrom(randn(4, 3).bytes),
        };
        writer.Node("MatMul", [writer.Last, writer.Node("Constant", [], ("value", last))]);
        var source = writer.Build("logits", -1, 3);
        source.Graph.Input.Add(
            new ValueInfoProto
            {
                Name = shared,
                Type = new()
                {
                    TensorType = new() { ElemType = 1, Shape = new() },
                },
            }
        );
        source.Graph.Input[1].Type.TensorType.Shape.Dim.AddRange([new() { DimValue = 4 }, new() { DimValue = 4 }]);
        OnnxFile.Write(folder.Path("model.onnx"), source);

        using var model = OnnxClassifier.Load(folder.Path("model.onnx"));
        var x = rand(5, 4);
        Assert.True(allclose(Plain(source, x), model.Logits(x), rtol: 1e-4, atol: 1e-4));
        Assert.Equal(["constant1_output", "shared"], model.Parameters.Keys.Order(StringComparer.Ordinal));
        foreach (var value in model.Parameters.Values)
            value.mul_(0.5f);
        model.Save(folder.Path("saved.onnx"));
        var saved = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.Path("saved.onnx")));
        // Relu is homogeneous: three halved products.
        Assert.True(allclose(Plain(source, x) / 8, Plain(saved, x), rtol: 1e-5, atol: 1e-6));
    }

    // Two dense layers whose weights are of a type: the whole graph, or only the weights, cast where they are used.
    private static ModelProto Network(int code, bool whole)
    {
        _ = random.manual_seed(1);
        OnnxWriter writer = new([6]);
        string Weight(string name, params long[] shape)
        {
            var stored = writer.Initializer(
                name,
                randn(shape, dtype: ScalarType.Float64).to_type(OnnxTensors.TypeOf(code)!.Value)
            );
            return whole ? stored : writer.Node("Cast", [stored], ("to", 1L));
        }

        var hidden = writer.Node(
            "Relu",
            [writer.Node("Gemm", ["input", Weight("w1", 8, 6), Weight("b1", 8)], ("transB", 1L))]
        );
        writer.Node("Gemm", [hidden, Weight("w2", 3, 8), Weight("b2", 3)], ("transB", 1L));
        var model = writer.Build("logits", -1, 3);
        if (!whole)
            return model;
        model.Graph.Input[0].Type.TensorType.ElemType = code;
        model.Graph.Output[0].Type.TensorType.ElemType = code;
        return model;
    }

    // ONNX Runtime on the file as it is.
    private static Tensor Plain(ModelProto model, Tensor x) => Ort.Run(model.ToByteArray(), x);
}
