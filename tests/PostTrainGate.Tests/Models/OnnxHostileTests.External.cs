using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

public sealed partial class OnnxHostileTests
{
    [Theory]
    [InlineData("/etc/hostname")]
    [InlineData("../outside.bin")]
    [InlineData("link.bin")]
    [InlineData("linked/outside.bin")]
    [InlineData("nowhere.bin")]
    [InlineData("short.bin")]
    [InlineData("")]
    public void External_data_outside_the_folder_or_too_short(string location)
    {
        var model = Model();
        External(model.Graph.Initializer[0], location);
        var inner = Directory.CreateDirectory(_folder.Path("inner")).FullName;
        File.WriteAllBytes(_folder.Path("outside.bin"), new byte[48]);
        File.WriteAllBytes(Path.Combine(inner, "short.bin"), new byte[40]);
        File.CreateSymbolicLink(Path.Combine(inner, "link.bin"), _folder.Path("outside.bin"));
        Directory.CreateSymbolicLink(Path.Combine(inner, "linked"), _folder.Root);
        File.WriteAllBytes(Path.Combine(inner, "model.onnx"), model.ToByteArray());
        Load("inner/model.onnx", DiagnosticCodes.ModelUnreadable);
    }

    [Fact]
    public void External_data_beside_the_model_is_taken_in()
    {
        using var scope = NewDisposeScope();
        var model = Model();
        var expected = Ort.Run(model.ToByteArray(), ones(2, 4));
        File.WriteAllBytes(
            _folder.Path("weights.bin"),
            [.. new byte[16], .. model.Graph.Initializer[0].RawData.ToByteArray(), 1, 2, 3]
        );
        External(model.Graph.Initializer[0], "weights.bin", ("offset", "16"), ("length", "48"));
        File.WriteAllBytes(_folder.Path("model.onnx"), model.ToByteArray());
        using var loaded = OnnxClassifier.Load(_folder.Path("model.onnx"));
        Assert.True(allclose(expected, loaded.Logits(ones(2, 4)).softmax(1)));
        loaded.Save(_folder.Path("alone/model.onnx"));
        Assert.True(allclose(expected, Ort.Run(_folder.Path("alone/model.onnx"), ones(2, 4))));
    }

    [Fact]
    public void Weights_that_are_too_many_for_one_file_stand_beside_it()
    {
        using var scope = NewDisposeScope();
        OnnxFile.Write(
            _folder.Path("model.onnx"),
            new OnnxWriter([300]).Gemm(randn(200, 300), randn(200)).Relu().Gemm(randn(3, 200), randn(3)).Build()
        );
        var x = rand(5, 300);
        var expected = Ort.Run(_folder.Path("model.onnx"), x);
        OnnxFile
            .Read(_folder.Path("model.onnx"))
            .Save(_folder.Path("big/model.onnx"), new Dictionary<string, Tensor>(), null, embedded: 100_000);
        Assert.True(new FileInfo(_folder.Path("big/model.onnx")).Length < 10_000);
        Assert.Equal([_folder.Path("big/model.onnx.data")], OnnxFile.ExternalFiles(_folder.Path("big/model.onnx")));
        Assert.True(allclose(expected, Ort.RunFile(_folder.Path("big/model.onnx"), x))); // ONNX Runtime by itself
        using var loaded = OnnxClassifier.Load(_folder.Path("big/model.onnx"));
        Assert.True(allclose(expected, loaded.Logits(x), rtol: 1e-4, atol: 1e-4));
        loaded.Save(_folder.Path("alone.onnx"));
        Assert.Equal(File.ReadAllBytes(_folder.Path("model.onnx")), File.ReadAllBytes(_folder.Path("alone.onnx")));
    }

    [Fact]
    public void Tensors_that_share_a_small_file_cannot_grow_without_end()
    {
        var model = Model();
        File.WriteAllBytes(_folder.Path("weights.bin"), model.Graph.Initializer[0].RawData.ToByteArray());
        External(model.Graph.Initializer[0], "weights.bin");
        for (var i = 0; i < 100; i++)
            model.Graph.Initializer.Add(new TensorProto(model.Graph.Initializer[0]) { Name = $"again{i}" });
        Assert.Contains(
            "declare 4848 bytes, but its files have 48",
            Refuse(model, DiagnosticCodes.ModelUnreadable),
            StringComparison.Ordinal
        );
    }

    private static void External(
        TensorProto tensor,
        string location,
        params ReadOnlySpan<(string Key, string Value)> more
    )
    {
        tensor.ClearRawData();
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        if (location.Length > 0)
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        foreach (var (key, value) in more)
            tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    private static byte[] Varint(int value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }
}
