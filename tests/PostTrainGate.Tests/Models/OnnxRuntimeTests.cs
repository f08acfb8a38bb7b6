using CsCheck;
using Google.Protobuf;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using Xunit;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Files that are not rebuilt with gradients: their scores come from ONNX Runtime, and are those of a closed form.</summary>
public sealed class OnnxRuntimeTests : IDisposable
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
        Assert.Contains("ai.onnx.ml.LabelEncoder", model.WhyNoGradients, StringComparison.Ordinal);
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
            "'checking_account', 'duration_months' and 'age', which are filled from the columns of a table",
            Refuse(CreditTrees.Build(), null),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'duration_months', which is no column of the data; there are 'checking_account' and 'age'",
            Refuse(CreditTrees.Build(), FeatureLayout.FromNames(["checking_account=none", "age"])),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'age' of type Int64; the column of that name holds text",
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
            "gives labels only, 'output_label' (String); scores or probabilities of every class are needed",
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
        using var model = Load(graph.Build(), null);
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
        Assert.Equal(OutputHead.Probabilities, model.Head);
        Assert.Equal(["0", "1", "2"], model.ClassNames);
        Assert.True(allclose(model.Logits(rows), expected.log_softmax(1), rtol: 1e-4, atol: 1e-4));
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

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(4)]
    public void Quantised_weights_give_the_logits_before_the_softmax_for_any_batch(long batch)
    {
        using var scope = NewDisposeScope();
        using var model = Load(Quantised(batch, "Softmax"), null);
        Assert.Equal(OutputHead.Softmax, model.Head);
        // The input's own scale is 2 / 255 a step, its values stand on steps, and weights are whole: nothing is rounded.
        var steps = randint(0, 256, [11, 3]).to_type(float32);
        steps[.., 0] = 0; // every batch has the whole range
        steps[.., 1] = 255;
        var expected = (steps * 2 / 255 - 1 + 1).matmul(
            tensor(
                new float[,]
                {
                    { 1, -2 },
                    { 3, 4 },
                    { -5, 6 },
                }
            )
        );
        Assert.True(allclose(model.Logits(steps * 2 / 255), expected, rtol: 1e-4, atol: 1e-4));
    }

    // Values and weights stand on steps of their scales, so that nothing is rounded.
    [Theory]
    [InlineData("QDQ")]
    [InlineData("QOperator")]
    public void Both_ways_to_write_a_statically_quantised_convolution_run(string style)
    {
        using var scope = NewDisposeScope();
        sbyte[] weights = [.. Enumerable.Range(0, 32).Select(i => (sbyte)(1 + i * 7 % 4))];
        MlGraph graph = new();
        graph.Input("x", DataType.Float, -1, 1, 4, 4);
        string[] scales =
        [
            graph.Initializer("xs", [], 0.25f),
            graph.Initializer("ws", [2], 0.5f, 1),
            graph.Initializer("ys", [], 0.125f),
        ];
        var (w, zero, none) = (
            graph.Bytes("w", [2, 1, 4, 4], weights),
            graph.ZeroPoint("zero", 0),
            graph.Bytes("none", [2], 0, 0)
        );
        graph.Node("QuantizeLinear", ["x", scales[0], zero], ["xq"]);
        if (style == "QDQ")
        {
            graph.Node("DequantizeLinear", ["xq", scales[0], zero], ["xr"]);
            graph.Node("DequantizeLinear", [w, scales[1], none], ["wr"], ("axis", 0L));
            graph.Node("QuantizeLinear", [graph.Node("Conv", ["xr", "wr"], ["yr"]), scales[2], zero], ["yq"]);
        }
        else
        {
            graph.Node("QLinearConv", ["xq", scales[0], zero, w, scales[1], none, scales[2], zero], ["yq"]);
        }

        graph.Node("DequantizeLinear", ["yq", scales[2], zero], ["y"]);
        graph.Node("Flatten", ["y"], ["logits"]);
        graph.Output("logits", DataType.Float, -1, 2);
        using var model = Load(graph.Build(), null);
        var x = randint(0, 3, [20, 1, 4, 4]).to_type(float32) * 0.25;
        var real =
            tensor(weights).reshape(2, 16).to_type(float32)
            * tensor(
                new[,]
                {
                    { 0.5f },
                    { 1 },
                }
            );
        Assert.True(allclose(model.Logits(x), x.flatten(1).matmul(real.t()), rtol: 1e-5, atol: 1e-5));
        Assert.Contains(
            style == "QDQ" ? "QuantizeLinear" : "QLinearConv",
            model.WhyNoGradients,
            StringComparison.Ordinal
        );
    }

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
            "gives a score for each pair of its 3 classes",
            Refuse(SupportVectors(classes: 3, probabilities: false), null),
            StringComparison.Ordinal
        );

    [Fact]
    public void What_the_graph_does_not_show_the_user_says()
    {
        using var scope = NewDisposeScope();
        Assert.Contains(
            "say with 'output.head' whether it is a probability",
            Refuse(Single(), null),
            StringComparison.Ordinal
        );
        var x = tensor(
            new[,]
            {
                { 0f },
                { 1 },
            }
        );
        using var shares = Load(Single(), null, new(Head: OutputHead.Probabilities));
        Assert.True(
            allclose(
                shares.Logits(x),
                tensor(
                        new[,]
                        {
                            { 0.75f, 0.25f },
                            { 0.375f, 0.625f },
                        }
                    )
                    .log()
            )
        );
        using var units = Load(Single(), null, new(Head: OutputHead.Sigmoid));
        Assert.True(
            allclose(
                units.Logits(x),
                tensor(
                    new[,]
                    {
                        { 0, 0.25f },
                        { 0, 0.625f },
                    }
                )
            )
        );
        Assert.Contains(
            "ends in no softmax",
            Refuse(Single(), null, new(Head: OutputHead.Softmax)),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "has no output 'nowhere'; it has 'y'",
            Refuse(Single(), null, new(Name: "nowhere")),
            StringComparison.Ordinal
        );
        using var raw = Load(Quantised(-1, "Softmax"), null, new(Head: OutputHead.Probabilities));
        using var cut = Load(Quantised(-1, "Softmax"), null);
        var rows = rand(5, 3);
        Assert.True(allclose(raw.Logits(rows), cut.Logits(rows).log_softmax(1), rtol: 1e-4, atol: 1e-4));
    }

    [Fact]
    public void A_custom_operator_is_named_by_both()
    {
        MlGraph graph = new();
        graph.Node("Custom", [graph.Input("x", DataType.Float, -1, 3)], ["y"]);
        graph.Output("y", DataType.Float, -1, 3);
        var message = Refuse(graph.Build(), null, code: DiagnosticCodes.ModelOperator);
        Assert.Contains("(com.example.Custom)", message, StringComparison.Ordinal);
        Assert.Contains("ONNX Runtime refuses the model", message, StringComparison.Ordinal);
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
            "[32, 4, 2] for 32 rows; a classifier's is [batch, classes]",
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

    // x -> 0.25 + 0.375 x, which ends where nobody can tell what it is.
    private static ModelProto Single()
    {
        MlGraph graph = new();
        graph.Node(
            "LinearRegressor",
            [graph.Input("x", DataType.Float, -1, 1)],
            ["y"],
            ("coefficients", new[] { 0.375f }),
            ("intercepts", new[] { 0.25f }),
            ("targets", 1L)
        );
        graph.Output("y", DataType.Float, -1, 1);
        return graph.Build();
    }

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

    private static ModelProto Quantised(long batch, string end)
    {
        MlGraph graph = new();
        graph.Node("DynamicQuantizeLinear", [graph.Input("x", DataType.Float, batch, 3)], ["q", "scale", "zero"]);
        graph.Node("MatMulInteger", ["q", graph.Bytes("w", [3, 2], 1, -2, 3, 4, -5, 6), "zero"], ["whole"]);
        graph.Node("Cast", ["whole"], ["real"], ("to", (long)DataType.Float));
        graph.Node("Mul", ["real", "scale"], ["z"]);
        graph.Node(end, ["z"], ["p"]);
        graph.Output("p", DataType.Float, batch, 2);
        return graph.Build();
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
