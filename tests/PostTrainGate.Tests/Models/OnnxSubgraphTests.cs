using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Graphs within a model: its own functions, branches and loops; and a batch that a file fixes.</summary>
public partial class OnnxSubgraphTests
{
    [Fact]
    public void Functions_take_the_place_of_their_calls_and_stay_in_the_saved_file()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var source = WithFunctions();
        OnnxFile.Write(folder.Path("model.onnx"), source);
        using var model = OnnxClassifier.Load(folder.Path("model.onnx"));
        var x = randn(5, 4);
        Assert.True(allclose(Ort.Run(source.ToByteArray(), x), model.Logits(x), rtol: 1e-4, atol: 1e-5));
        // Not the constant in the function's body.
        Assert.Equal(["w1", "w2"], model.Parameters.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["w1", "w2"], model.Layers.Select(l => l.Weight));

        model.Parameters["w2"].mul_(2);
        model.Save(folder.Path("saved.onnx"));
        var saved = ModelProto.Parser.ParseFrom(File.ReadAllBytes(folder.Path("saved.onnx")));
        Assert.True(allclose(Ort.Run(saved.ToByteArray(), x), model.Logits(x), rtol: 1e-4, atol: 1e-5));
        saved.Graph.Initializer[1].RawData = source.Graph.Initializer[1].RawData;
        Assert.Equal(source, saved);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void A_branch_is_taken_by_the_shape_of_the_input(long columns)
    {
        OnnxWriter writer = new([columns]);
        var size = writer.Node("Gather", [writer.Node("Shape", ["input"]), writer.Initializer("axis", tensor(1L))]);
        var weight = writer.Initializer("weight", randn(columns, 3));
        writer.Node(
            "If",
            [writer.Node("Equal", [size, writer.Initializer("four", tensor(4L))])],
            (
                "then_branch",
                Graph([], ["then"], Node("MatMul", ["input", weight], "product"), Node("Tanh", ["product"], "then"))
            ),
            (
                "else_branch",
                Graph([], ["else"], Node("MatMul", ["input", weight], "other"), Node("Sigmoid", ["other"], "else"))
            )
        );
        Same(writer, [2, columns]);
    }

    // As exporters write the heads of an attention for a batch of one: the batch is in no axis of its own.
    [Fact]
    public void A_file_that_counts_on_a_batch_of_one_is_run_row_by_row()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        OnnxWriter writer = new([5, 6], batch: 1);
        string Heads(string weight) =>
            writer.Node(
                "Transpose",
                [
                    writer.Node(
                        "Reshape",
                        [
                            writer.Node("MatMul", ["input", writer.Initializer(weight, randn(6, 6))]),
                            writer.Initializer($"{weight} shape", tensor(new[] { 5L, 2, 3 })),
                        ]
                    ),
                ],
                ("perm", new long[] { 1, 0, 2 })
            );
        var (query, key, value) = (Heads("query"), Heads("key"), Heads("value"));
        var scores = writer.Node("MatMul", [query, writer.Node("Transpose", [key], ("perm", new long[] { 0, 2, 1 }))]);
        var mixed = writer.Node("MatMul", [writer.Node("Softmax", [scores], ("axis", -1L)), value]);
        var flat = writer.Node("Reshape", [mixed, writer.Initializer("flat", tensor(new[] { 1L, 30 }))]);
        writer.Node("Gemm", [flat, writer.Initializer("head", randn(30, 3)), writer.Initializer("bias", randn(3))]);
        writer.Save(folder.Path("model.onnx"), writer.Last, 3);
        using var model = OnnxClassifier.Load(folder.Path("model.onnx"));
        Assert.True(model.IsRowByRow);

        var x = randn(4, 5, 6);
        var file = File.ReadAllBytes(folder.Path("model.onnx"));
        var expected = cat([.. Enumerable.Range(0, 4).Select(i => Ort.Run(file, x.narrow(0, i, 1)))], 0);
        Assert.True(allclose(expected, model.Logits(x), rtol: 1e-4, atol: 1e-5));

        var (input, all) = (x.detach().clone().requires_grad_(true), new List<Tensor>());
        model.Logits(input).square().sum().backward();
        for (var i = 0; i < 4; i++)
        {
            var row = x.narrow(0, i, 1).detach().clone().requires_grad_(true);
            model.Logits(row).square().sum().backward();
            all.Add(row.grad!);
        }

        Assert.True(allclose(cat(all, 0), input.grad!, rtol: 1e-4, atol: 1e-5));
    }

    [Fact]
    public void A_loop_carries_values_and_stacks_others()
    {
        OnnxWriter writer = new([3]);
        writer.Initializer("weight", randn(3, 3) / 2);
        var body = Graph(
            ["trip", "going", "state"],
            ["on", "next", "square"],
            Node("Identity", ["going"], "on"),
            Node("MatMul", ["state", "weight"], "moved"),
            Node("Add", ["moved", "input"], "next"),
            Node("Mul", ["next", "next"], "square")
        );
        var last = writer.Node("Loop", [writer.Initializer("trips", tensor(4L)), "", "input"], ("body", body));
        writer.Node(
            "Add",
            [
                writer.Node(
                    "ReduceSum",
                    [writer.Also("squares"), writer.Initializer("first", tensor(new[] { 0L }))],
                    ("keepdims", 0L)
                ),
                last,
            ]
        );
        Same(writer, [2, 3]);
    }

    [Fact]
    public void Graphs_that_do_not_hold_together()
    {
        Refuses(m => m.Functions[0].Node.Add(Call("Scaled", ["x", "w"], "again")), "calls itself");
        Refuses(m => m.Functions[0].OpsetImport[0].Version = 12, "operator set 12");
        Refuses(m => m.Functions[0].Node[0].Output.Clear(), "no output");
        Refuses(m => m.Functions.RemoveAt(0), "not supported");

        void Branch(GraphProto then, string why)
        {
            OnnxWriter writer = new([4]);
            writer.Gemm(randn(3, 4), randn(3));
            writer.Node(
                "If",
                [writer.Initializer("yes", tensor(true))],
                ("then_branch", then),
                ("else_branch", Graph([], ["b"], Node("Relu", [writer.Last], "b")))
            );
            Refused(writer.Build(), why);
        }

        Branch(Graph([], ["a"], Node("Relu", ["nowhere"], "a")), "'nowhere'");
        Branch(Graph([], ["b"], Node("Relu", ["input"], "b")), "twice");
        Branch(Graph([], ["missing"], Node("Relu", ["input"], "a")), "'missing'");
        Branch(Graph([], [], Node("Relu", ["input"], "a")), "too few outputs");

        OnnxWriter endless = new([4]);
        endless.Gemm(randn(3, 4), randn(3));
        endless.Node(
            "Loop",
            ["", "", endless.Last],
            ("body", Graph(["i", "c", "s"], ["d", "t"], Node("Identity", ["c"], "d"), Node("Relu", ["s"], "t")))
        );
        Refused(endless.Build(), "");
    }

    // A class token and first states that an exporter stored for its batch of one.
    [Fact]
    public void What_a_file_states_for_its_batch_of_one_goes_to_all_rows()
    {
        OnnxWriter writer = new([3, 2], batch: 1, opset: 14);
        var rows = writer.Node("Concat", [writer.Initializer("token", randn(1, 1, 2)), "input"], ("axis", 1L));
        writer.Node(
            "LSTM",
            [
                writer.Node("Transpose", [rows], ("perm", (long[])[1, 0, 2])),
                writer.Initializer("w", randn(1, 16, 2)),
                writer.Initializer("r", randn(1, 16, 4)),
                "",
                "",
                writer.Initializer("h", randn(1, 1, 4)),
                writer.Initializer("c", randn(1, 1, 4)),
            ],
            ("hidden_size", 4L)
        );
        writer.Node("Squeeze", [writer.Also("last"), writer.Initializer("axes", tensor(new[] { 0L }))]);
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        writer.Save(folder.Path("model.onnx"), "logits", 4);
        using var model = OnnxClassifier.Load(folder.Path("model.onnx"));
        var x = randn(5, 3, 2);
        for (var i = 0; i < 5; i++)
            Assert.True(
                allclose(
                    Ort.Run(folder.Path("model.onnx"), x[i..(i + 1)]),
                    model.Logits(x)[i..(i + 1)],
                    rtol: 1e-4,
                    atol: 1e-5
                )
            );
    }

    private static void Same(OnnxWriter writer, long[] shape)
    {
        using var scope = NewDisposeScope();
        var model = writer.Build();
        var compiled = OnnxCompiler.Compile(new("case.onnx", model), new("input", [.. shape[1..]], 0, writer.Last));
        var x = randn(shape);
        Assert.True(
            allclose(
                Ort.Run(model.ToByteArray(), x),
                compiled.Graph.Run(compiled.State, x, [compiled.Output])[0],
                rtol: 1e-4,
                atol: 1e-5
            )
        );
        Gradients.Check(compiled, x.to(float64));
    }

    private static void Refuses(Action<ModelProto> change, string why)
    {
        var model = WithFunctions();
        change(model);
        Refused(model, why);
    }

    private static void Refused(ModelProto model, string why)
    {
        using var folder = new TemporaryFolder();
        OnnxFile.Write(folder.Path("model.onnx"), model);
        var error = Assert.Throws<GateException>(() => OnnxClassifier.Load(folder.Path("model.onnx")));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }
}
