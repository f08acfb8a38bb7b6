using PostTrainGate.Data;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using PostTrainGate.Tests.Metrics;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>Which weights read a group's columns (0 and 1 of four), whatever the graph does before them.</summary>
public sealed class SlicesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SurrogateToy _toy = new();

    public void Dispose()
    {
        _toy.Dispose();
        _folder.Dispose();
    }

    public static TheoryData<string, string> Graphs =>
        new()
        {
            { "one layer", "a 1100" },
            { "columns turned round", "a 0011" },
            { "two first layers", "b 011" },
            { "both first layers", "a 01, b 10" },
            { "one layer twice", "a 11" },
            { "a batch of one", "a 1100" },
            { "weights transposed by a node", "a 1100" },
        };

    [Theory]
    [MemberData(nameof(Graphs))]
    public void The_weights_that_read_a_groups_columns_are_found(string graph, string reads)
    {
        using var scope = NewDisposeScope();
        using var model = Load(graph);
        using var random = new Generator(1);
        GroupColumn[] groups = [_toy.Data.Groups["sex"]];
        Assert.True(Slices.ReadsColumnsOf(groups, model, _toy.Data));
        var slice = Slices.ColumnsOf(groups, new(model, _toy.Data, OnnxClassifier.LogitsTap, random));
        Assert.Equal(reads, string.Join(", ", slice.Masks.Select(m => $"{m.Key} {Columns(m.Key, m.Value!)}")));

        // By input of the layer; every unit reads the same ones.
        string Columns(string name, Tensor mask)
        {
            var layer = model.Layers.First(l => l.Weight == name);
            var byInput = mask.transpose(0, layer.InputAxis).reshape(mask.shape[layer.InputAxis], -1);
            Assert.Equal(byInput.any(1).data<bool>().ToArray(), byInput.all(1).data<bool>().ToArray());
            return string.Concat(byInput.any(1).data<bool>().Select(on => on ? '1' : '0'));
        }
    }

    [Fact]
    public void A_model_that_reads_no_such_column_has_none_and_a_recipe_for_them_leaves_it()
    {
        using var model = Load("others");
        GroupColumn[] groups = [_toy.Data.Groups["sex"]];
        Assert.False(Slices.ReadsColumnsOf(groups, model, _toy.Data));
        var parity = new GroupParity
        {
            Demands = [new(groups[0], ComparedRows.All)],
            OwnColumnsOnly = true,
            Schedule = new() { Steps = 5 },
        };
        using var same = ModelTransform.Run(parity.Recipe(model), new(model, _toy.Data, 1, null)).Model;
        Assert.All(model.Parameters, p => Assert.True(p.Value.Same(same.Parameters[p.Key])));
    }

    private OnnxClassifier Load(string graph)
    {
        using var scope = NewDisposeScope();
        OnnxWriter w = new([4], batch: graph == "a batch of one" ? 1 : -1);
        switch (graph)
        {
            case "columns turned round":
                Dense("a", Columns(3, 2, 1, 0), 4);
                break;
            case "two first layers":
                Both(Dense("a", Columns(2, 3), 2), Dense("b", Columns(3, 0, 1), 3));
                break;
            case "both first layers":
                Both(Dense("a", Columns(2, 0), 2), Dense("b", Columns(1, 3), 2));
                break;
            case "one layer twice":
                var first = Dense("a", Columns(0, 2), 2);
                Both(first, w.Node("Gemm", [Columns(3, 1), "a", "a.bias"], ("transB", 1L)));
                break;
            case "weights transposed by a node":
                var weight = w.Initializer("a", rand(4, 5));
                var transposed = w.Node("Transpose", [weight], ("perm", new[] { 1L, 0L }));
                w.Node("Gemm", ["input", transposed, w.Initializer("a.bias", rand(5))], ("transB", 1L));
                break;
            case "others":
                Dense("a", Columns(2, 3), 2);
                break;
            default:
                Dense("a", "input", 4);
                break;
        }

        var inputs = graph is "two first layers" or "both first layers" or "one layer twice" ? 10 : 5;
        w.Relu().Gemm(rand(2, inputs), rand(2));
        var file = _folder.Path("model.onnx");
        w.Save(file, "logits", 2);
        return OnnxClassifier.Load(file);

        string Columns(params long[] columns) =>
            w.Node(
                "Gather",
                ["input", w.Initializer($"columns {string.Concat(columns)}", tensor(columns))],
                ("axis", 1L)
            );

        string Dense(string name, string from, int width) =>
            w.Node(
                "Gemm",
                [from, w.Initializer(name, rand(5, width)), w.Initializer($"{name}.bias", rand(5))],
                ("transB", 1L)
            );

        void Both(string a, string b) => w.Node("Concat", [a, b], ("axis", 1L));
    }
}
