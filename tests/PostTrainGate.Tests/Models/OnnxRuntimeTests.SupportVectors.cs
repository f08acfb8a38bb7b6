using CsCheck;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using Xunit;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

public sealed partial class OnnxRuntimeTests
{
    [Fact]
    public void A_support_vector_machine_gives_probabilities_of_its_classes()
    {
        using var scope = NewDisposeScope();
        using var model = Load(SupportVectors(classes: 2, probabilities: true), null);
        // Platt: p = 1 / (1 + exp(a f + b)) of the first class, f the sum of kernel values.
        var x = rand(20, 2);
        var f =
            x.matmul(
                tensor(
                    new[,]
                    {
                        { 1f },
                        { 0 },
                    }
                )
            )
            - x.matmul(
                tensor(
                    new[,]
                    {
                        { 0f },
                        { 1 },
                    }
                )
            )
            + 0.25;
        var first = (f * -1.5 + 0.5).neg().sigmoid();
        Assert.Equal(OutputHead.Probabilities, model.Head);
        // Its coupling of pairs (Wu, Lin and Weng 2004) is iterated until nothing changes by more than 0.005 / classes.
        Assert.True(allclose(model.Logits(x).exp(), cat([first, 1 - first], 1), rtol: 0, atol: 0.005));
    }

    [Fact]
    public void Scores_of_pairs_of_classes_are_refused() =>
        Assert.Contains(
            "returns a score for each pair of its 3 classes",
            Refuse(SupportVectors(classes: 3, probabilities: false), null),
            StringComparison.Ordinal
        );

    // A linear kernel with one vector per class: the unit vectors, and their sum.
    private static ModelProto SupportVectors(int classes, bool probabilities)
    {
        MlGraph graph = new();
        var pairs = classes * (classes - 1) / 2;
        float[] vectors = [1, 0, 0, 1, 1, 1];
        List<(string, object)> attributes =
        [
            ("kernel_type", "LINEAR"),
            ("kernel_params", new float[] { 1, 0, 3 }),
            ("post_transform", "NONE"),
            ("classlabels_ints", Enumerable.Range(0, classes).Select(i => (long)i).ToArray()),
            ("vectors_per_class", Enumerable.Repeat(1L, classes).ToArray()),
            ("support_vectors", vectors[..(2 * classes)]),
            ("coefficients", classes == 2 ? new float[] { 1, -1 } : [1, 1, -1, 1, -1, -1]),
            ("rho", Enumerable.Repeat(0.25f, pairs).ToArray()),
        ];
        if (probabilities)
            attributes.AddRange([
                ("prob_a", Enumerable.Repeat(-1.5f, pairs).ToArray()),
                ("prob_b", Enumerable.Repeat(0.5f, pairs).ToArray()),
            ]);
        graph.Node("SVMClassifier", [graph.Input("x", DataType.Float, -1, 2)], ["label", "scores"], [.. attributes]);
        graph.Output("label", DataType.Int64, -1);
        graph.Output("scores", DataType.Float, -1, probabilities ? classes : pairs);
        return graph.Build();
    }
}
