using Google.Protobuf;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Networks of the usual families from file to repaired file.</summary>
public class OnnxArchitectureTests
{
    public static TheoryData<string> Names() => [.. Architectures.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_are_those_of_ONNX_Runtime_and_gradients_those_of_finite_differences(string name)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = OnnxClassifier.Load(Write(folder, name));
        var x = rand([2, .. model.InputShape]);
        var (expected, actual) = (Ort.Run(folder.Path("model.onnx"), x), model.Logits(x));
        Assert.Equal([2, Architectures.Classes], actual.shape);
        Assert.True(
            allclose(actual, expected, rtol: 1e-4, atol: 1e-4),
            $"differs by {(actual - expected).abs().max().item<float>():G3}"
        );

        var file = OnnxFile.Read(folder.Path("model.onnx"));
        Gradients.Check(OnnxCompiler.Compile(file, OnnxSignature.Read(file)), x.to(float64));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_step_along_the_gradient_lowers_the_loss_and_changes_nothing_but_initializers(string name)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = Write(folder, name);
        using var model = OnnxClassifier.Load(path);
        var (x, labels) = (rand([8, .. model.InputShape]), arange(8) % Architectures.Classes);
        var changed = Descend(model, x, labels);
        model.Save(folder.Path("repaired.onnx"));

        using var again = OnnxClassifier.Load(folder.Path("repaired.onnx"));
        Assert.Equal(0, (model.Logits(x) - again.Logits(x)).abs().max().item<float>());
        var (source, repaired) = (Parse(path), Parse(folder.Path("repaired.onnx")));
        var moved = source
            .Graph.Initializer.Zip(repaired.Graph.Initializer)
            .Where(p => !p.First.Equals(p.Second))
            .Select(p => p.First.Name)
            .ToHashSet();
        Assert.Subset(changed, moved);
        Assert.All(model.Layers, l => Assert.Contains(l.Weight, moved));
        foreach (var (before, after) in source.Graph.Initializer.Zip(repaired.Graph.Initializer))
            after.RawData = before.RawData;
        Assert.Equal(File.ReadAllBytes(path), repaired.ToByteArray());
    }

    // One step; returns the names of the parameters that it moved.
    private static HashSet<string> Descend(OnnxClassifier model, Tensor x, Tensor labels)
    {
        var parameters = model.Parameters.Where(p => p.Value.is_floating_point()).ToList();
        foreach (var (_, value) in parameters)
            value.requires_grad_();
        var before = nn.functional.cross_entropy(model.Logits(x), labels);
        before.backward();
        using (no_grad())
        {
            // As far as takes a thousandth off the loss by its slope.
            var moved = parameters.Where(p => p.Value.grad is not null).Select(p => p.Value).ToList();
            var slope = moved.Sum(p => p.grad!.square().sum().item<float>());
            foreach (var value in moved)
                value.sub_(value.grad! * (before.item<float>() / 1000 / slope));
            var after = nn.functional.cross_entropy(model.Logits(x), labels);
            Assert.InRange(after.item<float>(), 0.998f * before.item<float>(), 0.9999f * before.item<float>());
        }

        foreach (var (_, value) in parameters)
            value.requires_grad_(false);
        return [.. parameters.Where(p => p.Value.grad is not null).Select(p => p.Key)];
    }

    private static string Write(TemporaryFolder folder, string name)
    {
        _ = random.manual_seed(1);
        var path = folder.Path("model.onnx");
        Architectures.All[name]().Save(path, "logits", Architectures.Classes);
        return path;
    }

    private static ModelProto Parse(string path) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
}
