using PostTrainGate.Models;
using Xunit;

namespace PostTrainGate.Tests.Models;

/// <summary>The models that ship beside the repository, each against ONNX Runtime.</summary>
public class OnnxFixtureTests
{
    public static TheoryData<string, OutputHead, int, int> Files() =>
        new()
        {
            { "fmnist/cnn.onnx", OutputHead.Logits, 10, 4 },
            { "fmnist/cnn_opset11.onnx", OutputHead.Logits, 10, 4 },
            { "fmnist/cnn_opset9.onnx", OutputHead.Logits, 10, 4 },
            { "fmnist/lenet5.onnx", OutputHead.Logits, 10, 5 },
            { "fmnist/cnn_checkpoints/cnn_e01.onnx", OutputHead.Logits, 10, 4 },
            { "fmnist/cnn_checkpoints/cnn_e10.onnx", OutputHead.Logits, 10, 4 },
            { "fairness/adult_mlp.onnx", OutputHead.Softmax, 2, 6 },
            { "fairness/bank_mlp.onnx", OutputHead.Softmax, 2, 6 },
            { "fairness/compas_mlp.onnx", OutputHead.Softmax, 2, 6 },
            { "fairness/german_mlp.onnx", OutputHead.Softmax, 2, 6 },
        };

    [Theory]
    [MemberData(nameof(Files))]
    public void A_fixture_is_rebuilt(string file, OutputHead head, int classes, int layers)
    {
        using var model = OnnxClassifier.Load(Fixtures.Path(file));
        Assert.Equal(head, model.Head);
        Assert.Equal(classes, model.Classes);
        Assert.Equal(layers, model.Layers.Length);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Saving_an_unchanged_model_gives_the_same_bytes(string file, OutputHead head, int classes, int layers)
    {
        var path = Fixtures.Path(file);
        var folder = Directory.CreateTempSubdirectory("posttraingate-");
        try
        {
            var saved = Path.Combine(folder.FullName, "saved.onnx");
            using var model = OnnxClassifier.Load(path);
            using var clone = model.Clone();
            clone.Save(saved);
            Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(saved));
            Assert.Equal((head, classes, layers), (clone.Head, clone.Classes, clone.Layers.Length));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
