using CsCheck;
using Google.Protobuf;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using Xunit;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Files that are not rebuilt with gradients: their scores come from ONNX Runtime, and are those of a closed
/// form.</summary>
public sealed partial class OnnxRuntimeTests : IDisposable
{
    private static readonly FeatureLayout Credit = FeatureLayout.FromNames([
        "other",
        "checking_account=none",
        "checking_account=below 0 DM",
        "checking_account=0 to 200 DM",
        "age",
        "duration_months",
    ]);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("output_probability")]
    [InlineData("probabilities")]
    public void Trees_take_a_column_each_and_give_the_logarithm_of_their_votes(string output)
    {
        using var scope = NewDisposeScope();
        using var model = Load(CreditTrees.Build(output), Credit);
        Assert.False(model.HasGradients);
        Assert.Contains("ai.onnx.ml.TreeEnsembleClassifier", model.WhyNoGradients, StringComparison.Ordinal);
        Assert.Equal(OutputHead.Probabilities, model.Head);
        Assert.Equal(["bad", "good"], model.ClassNames);
        Assert.Equal([6L], model.InputShape);

        var (accounts, ages, months) = (
            new[] { "none", "below 0 DM", "0 to 200 DM" },
            new[] { 19, 25, 26, 70 },
            new[] { 6, 20, 21, 48 }
        );
        var rows = (from a in accounts from age in ages from m in months select (a, age, m)).ToArray();
        var x = tensor(
                rows.SelectMany(r =>
                        new float[]
                        {
                            99,
                            r.a == accounts[0] ? 1 : 0,
                            r.a == accounts[1] ? 1 : 0,
                            r.a == accounts[2] ? 1 : 0,
                            r.age,
                            r.m,
                        }
                    )
                    .ToArray()
            )
            .reshape(-1, 6);
        var expected = tensor(
                rows.SelectMany(r => new[] { 1 - CreditTrees.Good(r.a, r.m, r.age), CreditTrees.Good(r.a, r.m, r.age) })
                    .ToArray()
            )
            .reshape(-1, 2)
            .log();
        Assert.True(allclose(model.Logits(x), expected.to_type(float32), rtol: 1e-5, atol: 1e-6));
        Assert.Equal([0, 2], model.Logits(zeros(0, 6)).shape);
    }

    [Fact]
    public void Columns_that_do_not_fit_the_inputs_are_named()
    {
        Assert.Contains(
            "'checking_account', 'duration_months' and 'age', which need the columns of a table",
            Refuse(CreditTrees.Build(), null),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'duration_months', which is not a column of the data; the columns are 'checking_account' and 'age'",
            Refuse(CreditTrees.Build(), FeatureLayout.FromNames(["checking_account=none", "age"])),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'age' of type Int64, but the column of that name holds text",
            Refuse(
                CreditTrees.Build(),
                FeatureLayout.FromNames(["checking_account=none", "age=young", "age=old", "duration_months"])
            ),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_file_that_gives_labels_only_is_refused_with_what_would_help() =>
        Assert.Contains(
            "returns only labels, 'output_label' (String); export it with the scores or probabilities of every class",
            Refuse(CreditTrees.Build(output: ""), Credit),
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("Float")]
    [InlineData("Double")]
    [InlineData("Int64")]
    public void A_scaler_and_a_linear_classifier_take_one_input_of_any_numbers(string type)
    {
        using var scope = NewDisposeScope();
        MlGraph graph = new();
        var x = graph.Input("X", Enum.Parse<DataType>(type), -1, 2);
        graph.Node("Scaler", [x], ["scaled"], ("offset", new float[] { 1, 2 }), ("scale", new[] { 0.5f, 2 }));
        graph.Node(
            "LinearClassifier",
            ["scaled"],
            ["label", "scores"],
            ("coefficients", new float[] { 1, 0, 0, 1, -1, 1 }),
            ("intercepts", new[] { 0.5f, 0, -0.5f }),
            ("classlabels_ints", new long[] { 0, 1, 2 }),
            ("post_transform", "SOFTMAX")
        );
        graph.Output("label", DataType.Int64, -1);
        graph.Output("scores", DataType.Float, -1, 3);
        using var model = Open(graph.Build());
        var rows = randint(-5, 5, [40, 2]).to_type(float32);
        var z = (rows - tensor(new float[] { 1, 2 })) * tensor(new[] { 0.5f, 2 });
        var expected =
            z.matmul(
                tensor(
                    new float[,]
                    {
                        { 1, 0, -1 },
                        { 0, 1, 1 },
                    }
                )
            ) + tensor(new[] { 0.5f, 0, -0.5f });
        Assert.True(model.HasGradients);
        Assert.Equal(OutputHead.Softmax, model.Head);
        Assert.Equal(["0", "1", "2"], model.ClassNames);
        Assert.True(allclose(model.Logits(rows), expected, rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void One_input_of_text_takes_all_columns_side_by_side()
    {
        using var scope = NewDisposeScope();
        MlGraph graph = new();
        graph.Input("X", DataType.String, -1, 2);
        graph.Node(
            "LabelEncoder",
            ["X"],
            ["numbers"],
            ("keys_strings", new[] { "a", "b", "7", "8.5" }),
            ("values_floats", new float[] { 1, 2, 3, 4 })
        );
        graph.Output("numbers", DataType.Float, -1, 2);
        using var model = Load(graph.Build(), FeatureLayout.FromNames(["letter=a", "letter=b", "number"]));
        var logits = model.Logits(
            tensor(
                new[,]
                {
                    { 1, 0, 7 },
                    { 0.2f, 0.6f, 8.5f },
                }
            )
        );
        Assert.Equal([1, 3, 2, 4], logits.data<float>().ToArray());
        Assert.Equal(OutputHead.Logits, model.Head);
    }

    [Fact]
    public void A_custom_operator_is_named_by_both()
    {
        MlGraph graph = new();
        graph.Node("Custom", [graph.Input("x", DataType.Float, -1, 3)], ["y"]);
        graph.Output("y", DataType.Float, -1, 3);
        var message = Refuse(graph.Build(), null, code: DiagnosticCodes.ModelOperator);
        Assert.Contains("(com.example.Custom)", message, StringComparison.Ordinal);
        Assert.Contains("ONNX Runtime cannot run the model", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_number_of_axes_is_refused()
    {
        MlGraph graph = new();
        graph.Node(
            "MatMulInteger",
            [graph.Input("x", DataType.Uint8, -1, 4, 3), graph.Bytes("w", [3, 2], 1, 2, 3, 4, 5, 6)],
            ["whole"]
        );
        graph.Node("Cast", ["whole"], ["y"], ("to", (long)DataType.Float));
        graph.Output("y", DataType.Float, -1, 4, 2);
        Assert.Contains(
            "[32, 4, 2] for 32 rows; a classifier returns [batch, classes]",
            Refuse(graph.Build(), null),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Any_changed_bytes_load_or_are_an_error()
    {
        var whole = CreditTrees.Build().ToByteArray();
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
                        ClassifierLoader
                            .Load(OnnxFile.Read(_folder.Path("changed.onnx")), new() { Layout = Credit })
                            .Dispose();
                    }
                    catch (GateException) { }
                },
                iter: 300,
                threads: 1
            );
    }

    private OnnxFile Read(ModelProto model)
    {
        File.WriteAllBytes(_folder.Path("model.onnx"), model.ToByteArray());
        return OnnxFile.Read(_folder.Path("model.onnx"));
    }

    private OnnxRuntimeClassifier Load(ModelProto model, FeatureLayout? layout, OutputPolicy? output = null) =>
        Assert.IsType<OnnxRuntimeClassifier>(
            ClassifierLoader.Load(Read(model), new(new(), output ?? new()) { Layout = layout })
        );

    private Classifier Open(ModelProto model, OutputHead? head = null) =>
        ClassifierLoader.Load(Read(model), new(new(), new(Head: head)));

    private string Refuse(
        ModelProto model,
        FeatureLayout? layout,
        OutputPolicy? output = null,
        string code = DiagnosticCodes.ModelShape
    )
    {
        var error = Assert.Throws<GateException>(() =>
            ClassifierLoader.Load(Read(model), new(new(), output ?? new()) { Layout = layout })
        );
        Assert.Equal(code, Assert.Single(error.Diagnostics).Code);
        return error.Message;
    }
}
