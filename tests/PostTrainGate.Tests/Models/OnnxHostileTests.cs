using CsCheck;
using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Files that are broken or mean harm: one clear error each, in short time and little memory.</summary>
[Collection(nameof(Alone))]
public sealed partial class OnnxHostileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_that_is_not_there_empty_or_something_else()
    {
        Assert.Contains(
            "cannot be read",
            Load("nowhere.onnx", DiagnosticCodes.ModelUnreadable),
            StringComparison.Ordinal
        );
        Assert.Contains("it is empty", Refuse([], DiagnosticCodes.ModelUnreadable), StringComparison.Ordinal);
        Refuse("version: 1\nmodel: credit.onnx\n"u8.ToArray(), DiagnosticCodes.ModelUnreadable);
        Refuse([0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0], DiagnosticCodes.ModelUnreadable);
        Refuse(new byte[1000], DiagnosticCodes.ModelUnreadable);
        Directory.CreateDirectory(_folder.Path("folder.onnx"));
        Load("folder.onnx", DiagnosticCodes.ModelUnreadable);
    }

    [Fact]
    public void A_file_that_is_cut_off_anywhere()
    {
        var whole = Model().ToByteArray();
        for (var length = 1; length < whole.Length; length += 7)
        {
            File.WriteAllBytes(_folder.Path("cut.onnx"), whole[..length]);
            Assert.Throws<GateException>(() => OnnxClassifier.Load(_folder.Path("cut.onnx")).Dispose());
        }
    }

    [Fact]
    public void Any_changed_bytes_load_or_are_an_error()
    {
        var whole = Model().ToByteArray();
        Gen.Select(Gen.Int[0, whole.Length - 1].Array[1, 4], Gen.Byte.Array[4])
            .Sample(
                (at, values) =>
                {
                    var bytes = (byte[])whole.Clone();
                    for (var i = 0; i < at.Length; i++)
                        bytes[at[i]] = values[i];
                    File.WriteAllBytes(_folder.Path("changed.onnx"), bytes);
                    try
                    {
                        OnnxClassifier.Load(_folder.Path("changed.onnx")).Dispose();
                    }
                    catch (GateException) { }
                },
                iter: 400,
                threads: 1
            );
    }

    [Theory]
    [InlineData(new[] { 1L << 40 }, "too large")]
    [InlineData(new[] { 1L << 31, 1L << 31, 1L << 31 }, "too large")]
    [InlineData(new[] { 3L, -4 }, "shape [3, -4]")]
    [InlineData(new[] { 1_000_000L }, "not 4000000")]
    [InlineData(new[] { 1L, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 12 }, "dimensions")]
    public void Weights_of_an_impossible_shape(long[] dims, string why)
    {
        var model = Model();
        model.Graph.Initializer[0].Dims.Clear();
        model.Graph.Initializer[0].Dims.AddRange(dims);
        var message = Refuse(model, DiagnosticCodes.ModelUnreadable);
        Assert.Contains("gemm1.weight", message, StringComparison.Ordinal);
        Assert.Contains(why, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_of_a_type_or_place_that_is_not_supported()
    {
        Assert.Contains(
            "String",
            Refuse(Model(m => m.Graph.Initializer[0].DataType = 8), DiagnosticCodes.ModelUnreadable),
            StringComparison.Ordinal
        );
        Refuse(Model(m => m.Graph.Initializer[0].DataType = 1000), DiagnosticCodes.ModelUnreadable);
        Refuse(
            Model(m => m.Graph.Initializer[0].Segment = new() { Begin = 0, End = 1 }),
            DiagnosticCodes.ModelUnreadable
        );
        Refuse(Model(m => m.Graph.SparseInitializer.Add(new SparseTensorProto())), DiagnosticCodes.ModelUnreadable);
    }

    [Fact]
    public void A_graph_that_does_not_hold_together()
    {
        Assert.Contains(
            "'late'",
            Refuse(Model(m => m.Graph.Node[0].Input[0] = "late"), DiagnosticCodes.ModelUnreadable),
            StringComparison.Ordinal
        );
        // A cycle.
        Refuse(Model(m => m.Graph.Node[0].Input[0] = m.Graph.Node[^1].Output[0]), DiagnosticCodes.ModelUnreadable);
        Assert.Contains(
            "twice",
            Refuse(Model(m => m.Graph.Node.Add(m.Graph.Node[0])), DiagnosticCodes.ModelUnreadable),
            StringComparison.Ordinal
        );
        Refuse(Model(m => m.Graph.Node[0].Output.Clear()), DiagnosticCodes.ModelUnreadable);
        Refuse(Model(m => m.Graph.Node.Clear()), DiagnosticCodes.ModelUnreadable);
        Refuse(Model(m => m.Graph.Node[0].Input.Clear()), DiagnosticCodes.ModelOperator);
        Refuse(Model(m => m.Graph.Node[0].Output[0] = "input"), DiagnosticCodes.ModelUnreadable);
        Refuse(Model(m => m.Graph = null), DiagnosticCodes.ModelUnreadable);
        Refuse(Model(m => m.OpsetImport[0].Version = 3), DiagnosticCodes.ModelUnreadable);
        Refuse(Model(m => m.OpsetImport[0].Version = 999), DiagnosticCodes.ModelUnreadable); // ONNX Runtime's word
    }

    [Fact]
    public void Inputs_and_outputs_that_are_not_a_classifiers()
    {
        Refuse(
            Model(m => m.Graph.Input.Add(new ValueInfoProto(m.Graph.Input[0]) { Name = "second" })),
            DiagnosticCodes.ModelShape
        );
        Refuse(Model(m => m.Graph.Input.Clear()), DiagnosticCodes.ModelShape);
        Refuse(Model(m => m.Graph.Input[0].Type.TensorType.ElemType = 7), DiagnosticCodes.ModelShape);
        Refuse(Model(m => m.Graph.Input[0].Type.TensorType.Shape = null), DiagnosticCodes.ModelShape);
        Refuse(
            Model(m => m.Graph.Input[0].Type.TensorType.Shape.Dim[1].DimValue = 1L << 50),
            DiagnosticCodes.ModelShape
        );
        // Not what the weight takes.
        Refuse(Model(m => m.Graph.Input[0].Type.TensorType.Shape.Dim[1].DimValue = 5), DiagnosticCodes.ModelShape);
        Refuse(Model(m => m.Graph.Output.Clear()), DiagnosticCodes.ModelShape);
        Refuse(Model(m => m.Graph.Output[0].Name = "nowhere"), DiagnosticCodes.ModelUnreadable);
        OnnxWriter image = new([2, 4, 4]);
        Assert.Contains(
            "[3, 3, 4, 4]",
            Refuse(image.Conv(randn(3, 2, 3, 3), randn(3), padding: 1).Build(), DiagnosticCodes.ModelShape),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void An_operator_without_a_rebuild_is_named_with_what_would_work()
    {
        OnnxWriter writer = new([4]);
        writer.Gemm(randn(3, 4), randn(3)).Then("MaxUnpool");
        var message = Refuse(writer.Build(), DiagnosticCodes.ModelOperator);
        Assert.Contains("node 'maxunpool1' (MaxUnpool)", message, StringComparison.Ordinal);
        Assert.Contains("Models/README.md lists them", message, StringComparison.Ordinal);
        Assert.Contains(
            "(com.example.Gemm)",
            Refuse(Model(m => m.Graph.Node[0].Domain = "com.example"), DiagnosticCodes.ModelOperator),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("Relu", "slope", 1f)]
    [InlineData("BatchNormalization", "training_mode", 1L)]
    [InlineData("MaxPool", "auto_pad", "SOMEHOW")]
    [InlineData("AveragePool", "dilations", new long[] { 2, 2 })]
    [InlineData("MaxPool", "strides", new long[] { 0, 1 })]
    [InlineData("MaxPool", "pads", new long[] { 0, -1, 0, 0 })]
    [InlineData("Softmax", "axis", "last")]
    public void An_attribute_without_a_rebuild_is_named(string op, string attribute, object value)
    {
        OnnxWriter writer = new([2, 4, 4], opset: 19);
        string[] more =
            op == "BatchNormalization"
                ? [.. Enumerable.Range(0, 4).Select(i => writer.Initializer($"p{i}", ones(2)))]
                : [];
        (string, object)[] kernel = op.EndsWith("Pool", StringComparison.Ordinal)
            ? [("kernel_shape", new long[] { 2, 2 })]
            : [];
        writer.Node(op, [writer.Last, .. more], [.. kernel, (attribute, value)]);
        var message = Refuse(writer.Flatten().Build(), DiagnosticCodes.ModelOperator);
        Assert.Contains(op, message, StringComparison.Ordinal);
        Assert.Contains(attribute == "training_mode" ? "training mode" : attribute, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_disagree_with_the_file_are_found_at_the_first_node()
    {
        using var scope = NewDisposeScope();
        OnnxFile file = new("model.onnx", Model());
        var compiled = OnnxCompiler.Compile(file, OnnxSignature.Read(file));
        compiled.State[compiled.Parameters["gemm2.bias"]][0].add_(0.01f);
        using var normalization = InputNormalization.FromPolicy(new(), file, [4]);
        var error = Assert.Throws<GateException>(() => OnnxAgreement.Check(file, compiled, new(), normalization));
        Assert.Equal(DiagnosticCodes.ModelDisagrees, error.Diagnostics[0].Code);
        Assert.Contains("'gemm2' (Gemm), by up to 0.01", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Neither_a_pass_nor_a_refused_file_leaves_tensors_behind()
    {
        OnnxFile.Write(_folder.Path("model.onnx"), Model());
        OnnxClassifier.Load(_folder.Path("model.onnx")).Dispose();
        using var x = rand(3, 4);
        var before = Alone.LiveTensors();
        using (var model = OnnxClassifier.Load(_folder.Path("model.onnx"), new() { Mean = [0.1], Std = [2] }))
        using (var clone = model.Clone())
        {
            var loaded = Tensor.TotalCount;
            foreach (var value in clone.Values(x, "relu1_output", "", "input"))
                value.Dispose();
            Assert.Equal(loaded, Tensor.TotalCount);
        }

        Assert.Equal(before, Tensor.TotalCount);
        Refuse(Model(m => m.Graph.Node[^1].Attribute[0].I = 0), DiagnosticCodes.ModelShape);
        Refuse(Model(m => m.Graph.Node[^1].OpType = "Det"), DiagnosticCodes.ModelOperator);
        Assert.Equal(before, Tensor.TotalCount);
    }

    private static ModelProto Model(Action<ModelProto>? change = null)
    {
        using var scope = NewDisposeScope();
        OnnxWriter writer = new([4]);
        var model = writer
            .Gemm(arange(12, dtype: float32).reshape(3, 4) / 10, ones(3))
            .Relu()
            .Gemm(eye(2, 3), zeros(2))
            .Softmax()
            .Build();
        change?.Invoke(model);
        return model;
    }

    private string Refuse(ModelProto model, string code) => Refuse(model.ToByteArray(), code);

    private string Refuse(byte[] bytes, string code)
    {
        File.WriteAllBytes(_folder.Path("refused.onnx"), bytes);
        return Load("refused.onnx", code);
    }

    private string Load(string file, string code)
    {
        var error = Assert.Throws<GateException>(() => OnnxClassifier.Load(_folder.Path(file)));
        Assert.Equal(code, Assert.Single(error.Diagnostics).Code);
        return error.Message;
    }
}
