using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>
/// The fixtures' models on their real data, against the frameworks that made them and ONNX Runtime.
/// </summary>
public class OnnxFixtureTests
{
    public static TheoryData<string> Files() =>
        [
            "fmnist/cnn.onnx",
            "fmnist/cnn_opset11.onnx",
            "fmnist/cnn_opset9.onnx",
            "fmnist/lenet5.onnx",
            "fairness/adult_mlp.onnx",
            "fairness/bank_mlp.onnx",
            "fairness/compas_mlp.onnx",
            "fairness/german_mlp.onnx",
        ];

    [Theory]
    [MemberData(nameof(Files))]
    public void Outputs_on_real_data_are_those_of_ONNX_Runtime(string file)
    {
        using var scope = NewDisposeScope();
        var path = Fixture(file);
        using var model = OnnxClassifier.Load(path);
        var rows = Rows(file, 512);
        var logits = model.LogitsOfAll(rows);
        var ours = model.Head == OutputHead.Softmax ? logits.softmax(1) : logits;
        Close(Ort.Run(path, rows), ours, 1e-4);
    }

    [Theory]
    [InlineData("cnn", "cnn", 10000)]
    [InlineData("cnn_opset11", "cnn", 1000)]
    [InlineData("cnn_opset9", "cnn", 1000)]
    [InlineData("lenet5", "lenet5", 10000)]
    public void Logits_and_predictions_of_test_images_are_those_of_PyTorch(string file, string reference, int count)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path($"fmnist/{file}.onnx"));
        Assert.Equal(OutputHead.Logits, model.Head);
        Assert.Equal([1, 28, 28], model.InputShape);
        var expected = NpzFile.Read(Fixtures.Path($"fmnist/{reference}_reference.npz"));
        var logits = model.LogitsOfAll(Rows("fmnist", count));
        Close(expected["logits256"], logits[..256], 1e-4);
        Assert.Equal(0, logits.argmax(1).ne(expected["pred10000"][..count]).sum().item<long>());
    }

    [Theory]
    [InlineData("adult")]
    [InlineData("bank")]
    [InlineData("compas")]
    [InlineData("german")]
    public void Probabilities_of_all_test_rows_are_those_of_the_source_models(string data)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Elsewhere($"fairness/{data}_mlp.onnx"));
        Assert.Equal((OutputHead.Softmax, 2), (model.Head, model.Classes));
        var expected = NpzFile.Read(Fixtures.Elsewhere($"fairness/{data}_pred.npz"));
        var logits = model.LogitsOfAll(Rows($"fairness/{data}_mlp.onnx", int.MaxValue), 1000);
        Close(expected["prob_test"], logits.softmax(1), 1e-4);
        Assert.Equal(0, logits.argmax(1).ne(expected["pred_test"]).sum().item<long>());
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void An_unchanged_model_is_saved_byte_for_byte(string file)
    {
        using var folder = new TemporaryFolder();
        using var model = OnnxClassifier.Load(Fixture(file));
        model.Save(folder.Path("saved.onnx"));
        Assert.Equal(File.ReadAllBytes(Fixture(file)), File.ReadAllBytes(folder.Path("saved.onnx")));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_changed_clone_is_saved_with_its_weights_and_nothing_else_changes(string file)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = OnnxClassifier.Load(Fixture(file));
        var before = model.Logits(Rows(file, 64));
        using var clone = model.Clone();
        foreach (var layer in clone.Layers)
            clone.Parameters[layer.Weight].mul_(0.9f);
        clone.Save(
            folder.Path("deep/changed.onnx"),
            new(ImmutableSortedDictionary<string, string>.Empty.Add("method", "test"))
        );

        var logits = clone.Logits(Rows(file, 64));
        Assert.False(allclose(before, logits));
        Assert.True(Same(before, model.Logits(Rows(file, 64))));
        using var again = OnnxClassifier.Load(folder.Path("deep/changed.onnx"));
        Assert.True(Same(logits, again.Logits(Rows(file, 64))));
        Close(
            Ort.Run(folder.Path("deep/changed.onnx"), Rows(file, 64)),
            again.Head == OutputHead.Softmax ? logits.softmax(1) : logits,
            1e-4
        );

        var (source, changed) = (Parse(Fixture(file)), Parse(folder.Path("deep/changed.onnx")));
        var note = Assert.Single(changed.MetadataProps, p =>
            p.Key.StartsWith("posttraingate.", StringComparison.Ordinal)
        );
        Assert.Equal(("posttraingate.method", "test"), (note.Key, note.Value));
        changed.MetadataProps.Remove(note);
        foreach (var (a, b) in source.Graph.Initializer.Zip(changed.Graph.Initializer))
        {
            if (clone.Layers.Any(l => l.Weight == a.Name))
                Assert.NotEqual(a.RawData, b.RawData);
            else
                Assert.Equal(a.RawData, b.RawData);
            b.RawData = a.RawData;
        }

        Assert.Equal(source, changed);
        Assert.Equal(["changed.onnx"], Directory.GetFileSystemEntries(folder.Path("deep")).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("fmnist/cnn.onnx", "Conv 16 1, Conv 32 1, Gemm 128 49, Gemm 10 1")]
    [InlineData("fmnist/lenet5.onnx", "Conv 6 1, Conv 16 1, Gemm 120 25, Gemm 84 1, Gemm 10 1")]
    [InlineData("fairness/adult_mlp.onnx", "Gemm 64 1, Gemm 32 1, Gemm 16 1, Gemm 8 1, Gemm 4 1, Gemm 2 1")]
    public void Layers_are_found_and_tapped_after_their_activation(string file, string expected)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixture(file));
        Assert.Equal(
            expected,
            string.Join(", ", model.Layers.Select(l => $"{l.Operator} {l.Units} {l.InputsPerUnit}"))
        );
        var rows = Rows(file, 16);
        foreach (var layer in model.Layers)
        {
            var value = model.Activations(rows, layer.Output);
            Assert.Equal([16, layer.Units], value.shape[..2]);
            if (layer != model.Layers[^1])
                Assert.True(value.min().item<float>() >= 0, "after the ReLU");
            else
                Assert.True(Same(value, model.Logits(rows)));
            Assert.Equal(layer.Units, model.Parameters[layer.Weight].shape[layer.UnitAxis]);
            Assert.Equal([layer.Units], model.Parameters[layer.Bias!].shape);
        }
    }

    // Test rows in the units of the model's input.
    private static Tensor Rows(string file, int count)
    {
        if (file.StartsWith("fmnist", StringComparison.Ordinal))
        {
            var images = IdxFile.Read(
                Fixtures.Debian("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz", "dataset-fashion-mnist")
            );
            return images[..count].unsqueeze(1).to(float32) / 255;
        }

        var arrays = NpzFile.Read(Fixtures.Elsewhere(file.Replace("_mlp.onnx", ".npz", StringComparison.Ordinal)));
        var x = arrays["x_test"];
        return FairnessArrays.Scaled(arrays, x[..(int)Math.Min(count, x.shape[0])]);
    }

    private static string Fixture(string file) =>
        file.StartsWith("fairness/", StringComparison.Ordinal) ? Fixtures.Elsewhere(file) : Fixtures.Path(file);

    private static ModelProto Parse(string path) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));

    private static bool Same(Tensor a, Tensor b) => a.eq(b).all().item<bool>();

    private static void Close(Tensor expected, Tensor actual, double tolerance)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(
            allclose(actual, expected, rtol: tolerance, atol: tolerance),
            $"differs by {(actual - expected).abs().max().item<float>():G3}"
        );
    }
}
