using System.Text.RegularExpressions;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>
/// ONNX's own conformance suite (Debian package libonnx-testdata): every case made of operators that we claim gives the
/// output that the suite states, whichever of its inputs is the one that a pass brings.
/// </summary>
public class OnnxConformanceTests
{
    // What a classifier for inference has no use for: the error has to say so. (Version 1.12 stores bfloat16 as
    // uint16.)
    private static readonly (string Case, string Error)[] Refused =
    [
        ("test_(batchnorm|training_dropout).*", "it is in training mode"),
        ("test_maxpool_with_argmax.*", "output 1 ('z') is not supported"),
        ("test_operator_add_(size1|broadcast).*", "attribute 'broadcast' is not supported"),
        ("test_PReLU_.d_multiparam", "cannot run on"), // operator set 6: the slope is aligned to the channels
        ("test_(max|min|pow|mod|bitshift).*_uint.*", "Uint"),
        ("test_gridsample_bicubic", "attribute 'mode' is 'bicubic'"),
        // ONNX Runtime gives other values.
        ("test_resize_downsample_scales_(cubic|linear)_align_corners", "no whole size"),
        ("test_scatternd_multiply", "attribute 'reduction' is 'mul'"),
        ("test_cast.*STRING.*", "String"),
        ("test_cast.*BFLOAT16.*", "Uint16"),
        ("test_identity_(opt|sequence)", ""),
    ];

    private enum Outcome
    {
        Unclaimed,
        Refused,
        Passed,
        Failed,
    }

    private sealed record Case(string Suite, string Name, string[] Operators, Outcome Outcome, string? Error);

    private static readonly string[] Suites = ["node", "pytorch-converted", "pytorch-operator", "simple"];

    private static readonly Lazy<Case[]> Cases = new(() =>
        [
            .. Suites.SelectMany(suite =>
                Directory
                    .GetDirectories(Fixtures.Debian($"/usr/share/libonnx-testdata/data/{suite}", "libonnx-testdata"))
                    .Order()
                    .Select(d => Judge(suite, d))
            ),
        ]
    );

    public static TheoryData<string> SuiteNames() => [.. Suites];

    [Theory]
    [MemberData(nameof(SuiteNames))]
    public void Every_case_of_our_operators_gives_the_stated_output(string suite)
    {
        var cases = Cases.Value.Where(c => c.Suite == suite).ToList();
        var failed = cases.Where(c => c.Outcome == Outcome.Failed).Select(c => $"{c.Name}: {c.Error}").ToList();
        TestContext.Current.TestOutputHelper!.WriteLine(
            string.Join("\n", cases.GroupBy(c => c.Outcome).Select(g => $"{g.Count()} {g.Key}"))
        );
        Assert.True(failed.Count == 0, $"{failed.Count} failed:\n{string.Join("\n", failed)}");
    }

    [Fact]
    public void The_table_of_operators_in_the_docs_is_what_the_suite_shows()
    {
        var table = Operators.Of(
            PostTrainGate.Models.Operators.Names,
            [.. Cases.Value.Select(c => (c.Operators, c.Outcome == Outcome.Passed, c.Outcome == Outcome.Refused))]
        );
        Generated.Same(Operators.File, text => Generated.Between(text, "operators", table));
    }

    private static Case Judge(string suite, string directory)
    {
        var name = Path.GetFileName(directory);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(directory, "model.onnx")));
        string[] operators =
        [
            .. Nodes(model.Graph)
                .Select(n => n.Domain is "" or "ai.onnx" ? n.OpType : $"{n.Domain}.{n.OpType}")
                .Distinct(),
        ];
        if (!operators.All(PostTrainGate.Models.Operators.Names.Contains))
            return new(suite, name, operators, Outcome.Unclaimed, null);
        var error = Run(Raise(model), Path.Combine(directory, "test_data_set_0"));
        var refused =
            error is not null
            && Refused.Any(r =>
                Regex.IsMatch(name, $"^{r.Case}$") && error.Contains(r.Error, StringComparison.Ordinal)
            );
        return new(
            suite,
            name,
            operators,
            error is null ? Outcome.Passed
                : refused ? Outcome.Refused
                : Outcome.Failed,
            error
        );
    }

    private static IEnumerable<NodeProto> Nodes(GraphProto graph) =>
        graph.Node.Concat(graph.Node.SelectMany(OnnxCompiler.SubgraphsOf).SelectMany(Nodes));

    // Operator set 7 is the first that ONNX Runtime promises to run. What the raise from 6 takes, as ONNX's version
    // converter does it: broadcasting to the last axes is the rule, and there is nothing but inference.
    private static ModelProto Raise(ModelProto model)
    {
        foreach (var import in model.OpsetImport)
            import.Version = Math.Max(7, import.Version);
        foreach (
            var node in model.Graph.Node.Where(n =>
                n.Attribute.All(a => a.Name is not "axis" || n.OpType is not ("Add" or "Sub" or "Mul" or "Div"))
            )
        )
        foreach (var old in node.Attribute.Where(a => a.Name is "broadcast" or "is_test" or "consumed_inputs").ToList())
            node.Attribute.Remove(old);
        return model;
    }

    private static string? Run(ModelProto model, string data)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var initialized = model.Graph.Initializer.Select(t => t.Name).ToHashSet();
        var inputs = model.Graph.Input.Where(i => !initialized.Contains(i.Name)).Select(i => i.Name).ToList();
        try
        {
            var protos = inputs.Select((n, i) => Read(data, $"input_{i}.pb", n)).ToList();
            for (var live = 0; live < inputs.Count; live++)
            {
                var fixedInputs = model.Clone();
                fixedInputs.Graph.Initializer.AddRange(protos.Where((_, i) => i != live));
                for (var i = 0; i < model.Graph.Output.Count; i++)
                {
                    var output = model.Graph.Output[i].Name;
                    var compiled = OnnxCompiler.Compile(
                        new("case.onnx", fixedInputs),
                        new(inputs[live], [], 0, output)
                    );
                    var actual = compiled.Graph.Run(compiled.State, OnnxTensors.Read(protos[live]), [compiled.Output])[
                        0
                    ];
                    var expected = OnnxTensors.Read(Read(data, $"output_{i}.pb", output));
                    if (!actual.shape.SequenceEqual(expected.shape) || actual.dtype != expected.dtype)
                        return $"{actual.dtype} [{string.Join(",", actual.shape)}], not {expected.dtype} "
                            + $"[{string.Join(",", expected.shape)}]";
                    var wide = actual.to_type(ScalarType.Float64);
                    if (!allclose(wide, expected.to_type(ScalarType.Float64), rtol: 1e-3, atol: 1e-5, equal_nan: true))
                    {
                        var difference = (wide - expected.to_type(ScalarType.Float64)).abs().max().item<double>();
                        return $"differs by {difference:G3}";
                    }
                }
            }
        }
        catch (FormatException e)
        {
            return e.Message;
        }
        catch (GateException e)
        {
            return e.Message;
        }

        return null;
    }

    private static TensorProto Read(string folder, string file, string name)
    {
        var tensor = TensorProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(folder, file)));
        tensor.Name = name;
        return tensor;
    }
}
