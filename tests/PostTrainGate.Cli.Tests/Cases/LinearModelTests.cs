using System.Globalization;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using PostTrainGate.Gating;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Reading;
using PostTrainGate.Tests.Models;
using Xunit;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Tests.Cases;

/// <summary>
/// A pipeline as scikit-learn's converter writes it (scaler, one-hot encoder, linear classifier, maps), which prefers one
/// sex to the other: the gate fails, and the repaired file is of the same form and fair in ONNX Runtime alone.
/// </summary>
public sealed class LinearModelTests : IDisposable
{
    private const double Max = 0.2;

    private readonly TemporaryFolder _folder = new();

    // The grade alone decides; 0.5 is the middle of its range.
    private readonly (float Grade, string Sex, string Label)[] _rows =
    [
        .. Enumerable
            .Range(0, 1500)
            .Select(i => (Grade: i * 7919 % 1500 / 1500f, Sex: i % 2 == 0 ? "f" : "m"))
            .Select(r => (r.Grade, r.Sex, r.Grade > 0.5f ? "yes" : "no")),
    ];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_linear_model_is_repaired_in_its_own_form()
    {
        File.WriteAllLines(
            _folder.Path("rows.csv"),
            _rows
                .Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Grade},{r.Sex},{r.Label}"))
                .Prepend("grade,sex,label")
        );
        var before = Model();
        File.WriteAllBytes(_folder.Path("model.onnx"), before.ToByteArray());
        _folder.Write(
            "posttraingate.yml",
            $$"""
            version: 1
            model: model.onnx
            data: { source: rows.csv, label: label, favorable: yes }
            groups: { sex: { column: sex, privileged: m } }
            gates:
              - accuracy: { min: 0.7 }
              - statistical_parity_difference: { group: sex, max: {{Max.ToString(CultureInfo.InvariantCulture)}} }
            repair: { methods: [last_layer], output: repaired.onnx }
            """
        );
        var (policy, diagnostics) = PolicyReader.Read(_folder.Root);
        Assert.Empty(diagnostics);
        var result = Gate.Run(policy!, cancel: TestContext.Current.CancellationToken);
        Assert.Null(result.Model!.WhyNoGradients);
        Assert.Equal(RunOutcome.Failed, result.Outcome);
        Assert.True(result.Repair!.Proposed, result.Repair.Reason);

        var after = ModelProto.Parser.ParseFrom(File.ReadAllBytes(_folder.Path("repaired.onnx")));
        Assert.NotEqual(Coefficients(before), Coefficients(after));
        Assert.Equal(WithoutWeights(before), WithoutWeights(after));
        // What the policy asks, on all rows.
        Assert.InRange(Difference("model.onnx"), Max, 1);
        Assert.InRange(Difference("repaired.onnx"), 0, Max);
    }

    private static float[] Coefficients(ModelProto model) =>
        [.. model.Graph.Node.Single(n => n.OpType == "LinearClassifier").Attribute[0].Floats];

    private static GraphProto WithoutWeights(ModelProto model)
    {
        var graph = model.Graph.Clone();
        foreach (var weights in graph.Node.Single(n => n.OpType == "LinearClassifier").Attribute.Take(2))
            weights.Floats.Clear();
        return graph;
    }

    private static ModelProto Model()
    {
        MlGraph graph = new();
        graph.Input("grade", DataType.Float, -1, 1);
        graph.Input("sex", DataType.String, -1, 1);
        graph.Node("Scaler", ["grade"], ["scaled"], ("offset", (float[])[0.5f]), ("scale", (float[])[2]));
        graph.Node("OneHotEncoder", ["sex"], ["sexes"], ("cats_strings", (string[])["f", "m"]), ("zeros", 0L));
        graph.Node("FeatureVectorizer", ["sexes", "scaled"], ["x"], ("inputdimensions", (long[])[2, 1]));
        graph.Node(
            "LinearClassifier",
            ["x"],
            ["label", "raw"],
            ("coefficients", (float[])[1.2f, -1.2f, -3, -1.2f, 1.2f, 3]),
            ("intercepts", (float[])[0, 0]),
            ("classlabels_strings", (string[])["no", "yes"]),
            ("post_transform", "LOGISTIC")
        );
        graph.Node("Normalizer", ["raw"], ["shares"], ("norm", "L1"));
        graph.Node("ZipMap", ["shares"], ["probabilities"], ("classlabels_strings", (string[])["no", "yes"]));
        graph.Output("label", DataType.String, -1);
        graph.OutputMaps("probabilities", DataType.String);
        return graph.Build();
    }

    private double Difference(string file)
    {
        using var session = new InferenceSession(_folder.Path(file));
        int[] shape = [_rows.Length, 1];
        using var outputs = session.Run(
            [
                NamedOnnxValue.CreateFromTensor(
                    "grade",
                    new DenseTensor<float>(_rows.Select(r => r.Grade).ToArray(), shape)
                ),
                NamedOnnxValue.CreateFromTensor(
                    "sex",
                    new DenseTensor<string>(_rows.Select(r => r.Sex).ToArray(), shape)
                ),
            ],
            ["label"]
        );
        var yes = outputs[0].AsTensor<string>().Select(l => l == "yes" ? 1.0 : 0).ToArray();
        double Rate(string sex) => yes.Where((_, i) => _rows[i].Sex == sex).Average();
        return Math.Abs(Rate("m") - Rate("f"));
    }
}
