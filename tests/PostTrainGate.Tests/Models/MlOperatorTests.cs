using Google.Protobuf;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>
/// Operators of ai.onnx.ml with gradients: the values of ONNX Runtime, the gradients of finite differences, and weights
/// that go back into the attributes they came from.
/// </summary>
public sealed partial class MlOperatorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void Scores_are_those_of_ONNX_Runtime(string name)
    {
        using var scope = NewDisposeScope();
        var file = Read(Graphs[name]());
        var x = Rows();
        using var rebuilt = Assert.IsType<OnnxClassifier>(ClassifierLoader.Load(file, new()));
        using var runtime = OnnxRuntimeClassifier.Load(file, new(), "to compare");
        var (ours, theirs) = (rebuilt.Logits(x), runtime.Logits(x));
        Assert.True(
            allclose(ours.softmax(1), theirs.softmax(1), rtol: 1e-4, atol: 1e-5),
            $"[{string.Join(", ", ours.data<float>().Take(6))}], not [{string.Join(", ", theirs.data<float>().Take(6))}]"
        );
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Gradients_are_those_of_finite_differences(string name)
    {
        using var scope = NewDisposeScope();
        var file = OnnxLowering.Lower(Read(Graphs[name]()).For([Scores]), null);
        // No zeros, where an imputer jumps, and no two values alike, where the largest changes.
        Gradients.Check(OnnxCompiler.Compile(file, OnnxSignature.Read(file)), randn(40, 4, dtype: float64));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_saved_file_has_the_same_nodes_and_the_new_weights(string name)
    {
        using var scope = NewDisposeScope();
        var (before, x) = (Graphs[name](), Rows());
        using var model = Assert.IsType<OnnxClassifier>(ClassifierLoader.Load(Read(before), new()));
        Assert.NotEmpty(model.Layers);
        using (no_grad())
            foreach (var layer in model.Layers)
                model.Parameters[layer.Weight].add_(randn_like(model.Parameters[layer.Weight]));
        model.Save(_folder.Path("changed.onnx"));
        var saved = OnnxFile.Read(_folder.Path("changed.onnx"));
        using var runtime = OnnxRuntimeClassifier.Load(saved, new(), "to compare");
        Assert.True(allclose(model.Logits(x).softmax(1), runtime.Logits(x).softmax(1), rtol: 1e-4, atol: 1e-5));
        // All but the coefficients is what it was.
        Assert.Equal(WithoutWeights(before), WithoutWeights(saved.Model));
        Assert.NotEqual(before.Graph, saved.Model.Graph);
    }

    [Fact]
    public void Text_and_integers_by_column_are_encoded_as_in_ONNX_Runtime()
    {
        using var scope = NewDisposeScope();
        var layout = FeatureLayout.FromNames(["age", "job=a", "job=b", "job=new", "hours"]);
        var file = Read(Columns());
        var use = new ModelUse { Layout = layout };
        using var model = Assert.IsType<OnnxClassifier>(ClassifierLoader.Load(file, use));
        using var runtime = OnnxRuntimeClassifier.Load(file, use, "to compare");
        Assert.Equal([5L], model.InputShape);
        // Shares that are no categories, and numbers that are no integers: the file gets the largest, and rounds.
        var x = rand(50, 5) * 4;
        Assert.True(allclose(model.Logits(x).softmax(1), runtime.Logits(x).softmax(1), rtol: 1e-4, atol: 1e-5));
        x.requires_grad_();
        model.Logits(x).select(1, 0).sum().backward();
        Assert.Equal([true, true, true, false, true], x.grad!.ne(0).any(0).data<bool>().ToArray()); // 'new' is unknown
    }

    [Theory]
    [InlineData("PROBIT", "attribute 'post_transform' is 'PROBIT'")]
    public void A_form_that_is_not_rebuilt_runs_in_ONNX_Runtime_and_is_named(string transform, string why)
    {
        using var model = ClassifierLoader.Load(Read(Linear(3, transform)), new());
        Assert.False(model.HasGradients);
        Assert.Contains(why, model.WhyNoGradients, StringComparison.Ordinal);
    }

    private static GraphProto WithoutWeights(ModelProto model)
    {
        var graph = model.Graph.Clone();
        foreach (var node in graph.Node)
        foreach (var weights in node.Attribute.Where(a => a.Name == "coefficients"))
            weights.Floats.Clear();
        return graph;
    }

    private OnnxFile Read(ModelProto model)
    {
        File.WriteAllBytes(_folder.Path("model.onnx"), model.ToByteArray());
        return OnnxFile.Read(_folder.Path("model.onnx"));
    }
}
