using CsCheck;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

public sealed partial class OnnxHostileTests
{
    [Fact]
    public void Names_cannot_fake_lines_of_a_log()
    {
        var message = Refuse(
            Model(m => m.Graph.Node[0].OpType = "A\n::error::B\u001b[31m" + new string('c', 10_000)),
            DiagnosticCodes.ModelOperator
        );
        Assert.DoesNotContain(message, char.IsControl);
        Assert.True(message.Length < 1500);
    }

    [Fact]
    public void Values_that_would_not_fit_are_refused_before_they_are_made()
    {
        void Expect(Action<OnnxWriter> build, string node)
        {
            OnnxWriter writer = new([16, 16]);
            build(writer);
            writer.Then("GlobalAveragePool").Flatten();
            Assert.Contains(node, Refuse(writer.Build(), DiagnosticCodes.ModelShape), StringComparison.Ordinal);
        }

        Expect(
            w => w.Node("Pad", [w.Last, w.Initializer("p", tensor(new long[] { 0, 0, 1L << 40, 0, 0, 0 }))]),
            "pad1"
        );
        Expect(
            w => w.Node("Expand", [w.Last, w.Initializer("s", tensor(new long[] { 1L << 40, 1, 1, 1 }))]),
            "expand1"
        );
        Expect(
            w =>
                w.Node(
                    "Add",
                    [
                        w.Node("Reshape", [w.Last, w.Initializer("s", tensor(new long[] { 0, -1, 1 }))]),
                        w.Initializer("b", zeros(1 << 18)),
                    ]
                ),
            "add1"
        );
        Expect(
            w =>
                w.Node(
                    "MatMul",
                    [
                        w.Node("Reshape", [w.Last, w.Initializer("s", tensor(new long[] { 0, -1, 1 }))]),
                        w.Initializer("b", zeros(1, 1 << 18)),
                    ]
                ),
            "matmul1"
        );
        Expect(
            w => w.Node("Gather", [w.Last, w.Initializer("at", zeros(1 << 21, dtype: int64))], ("axis", 1L)),
            "gather1"
        );
        Expect(
            w => w.Then("MaxPool", ("kernel_shape", new long[] { 1 << 30 }), ("pads", new long[] { 1 << 29, 1 << 29 })),
            "maxpool1"
        );
        Expect(
            w =>
                w.Node(
                    "Conv",
                    [w.Last, w.Initializer("w", zeros(1, 16, 1))],
                    ("pads", new long[] { 1 << 30, 1 << 30 })
                ),
            "conv1"
        );
        Expect(w => w.Node("Tile", [w.Last, w.Initializer("t", tensor(new long[] { 1, 1 << 20, 1 << 20 }))]), "tile1");
        Expect(w => w.Node("Resize", [w.Last, "", w.Initializer("s", tensor(new[] { 1, 1, 1e9f }))]), "resize1");
        Expect(
            w =>
                w.Node(
                    "OneHot",
                    [
                        w.Then("ArgMax").Last,
                        w.Initializer("d", tensor(1L << 40)),
                        w.Initializer("v", tensor(new[] { 0f, 1f })),
                    ]
                ),
            "onehot1"
        );
        Expect(
            w => w.Node("Einsum", [w.Last, w.Initializer("b", zeros(1 << 10, 1 << 10))], ("equation", "bij,kl->bijkl")),
            "einsum1"
        );
        Expect(
            w =>
                w.Node(
                    "ConvTranspose",
                    [w.Last, w.Initializer("w", zeros(16, 1, 1))],
                    ("strides", new long[] { 1 << 30 })
                ),
            "convtranspose1"
        );
        Expect(
            w => w.Node("Add", ["input", w.Node("ConstantOfShape", [w.Initializer("s", tensor(new[] { 1L << 40 }))])]),
            "constantofshape1"
        );
        Expect(
            w =>
                w.Node(
                    "Add",
                    [
                        "input",
                        w.Node(
                            "Range",
                            [
                                w.Initializer("a", tensor(0f)),
                                w.Initializer("z", tensor(1e12f)),
                                w.Initializer("d", tensor(1f)),
                            ]
                        ),
                    ]
                ),
            "range1"
        );
        Expect(
            w =>
            {
                for (var i = 0; i < 40; i++)
                    w.Node("Concat", [w.Last, w.Last], ("axis", 1L));
            },
            "concat"
        );
        Expect(
            w =>
            {
                // Each fits, all together do not.
                var wide = w.Node(
                    "Expand",
                    [
                        w.Node("Unsqueeze", [w.Last, w.Initializer("axes", tensor(new long[] { 3 }))]),
                        w.Initializer("s", tensor(new long[] { 1, 1, 1, 1 << 15 })),
                    ]
                );
                var all = Enumerable
                    .Range(0, 40)
                    .Select(i => w.Node("Add", [wide, w.Initializer($"b{i}", tensor((float)i))]))
                    .ToList();
                w.Node("Sum", all);
            },
            "add"
        );
    }

    [Fact]
    public void Constants_that_together_would_not_fit()
    {
        OnnxWriter writer = new([4]);
        for (var i = 0; i < 100; i++)
        {
            var constant = writer.Node("Constant", [], ("value_int", (long)i));
            var wide = writer.Node("Expand", [constant, writer.Initializer($"s{i}", tensor(new long[] { 1 << 23 }))]);
            writer.Node(
                "Add",
                [
                    i == 0 ? "input" : $"add{i}_output",
                    writer.Node("Cast", [writer.Node("Gather", [wide, constant])], ("to", 1L)),
                ]
            );
        }

        Assert.Contains("constants", Refuse(writer.Build(), DiagnosticCodes.ModelUnreadable), StringComparison.Ordinal);
    }

    [Fact]
    public void Nesting_without_end()
    {
        var type = new TypeProto();
        for (var i = 0; i < 5000; i++)
            type = new() { SequenceType = new() { ElemType = type } };
        // The serializer of such a thing would itself recurse; it is written from the inside out.
        byte[] bytes = [];
        for (var i = 0; i < 5000; i++)
            bytes =
            [
                0x22,
                .. Varint(bytes.Length + 1 + Varint(bytes.Length).Length),
                0x0a,
                .. Varint(bytes.Length),
                .. bytes,
            ];
        byte[] value = [0x12, .. Varint(bytes.Length), .. bytes];
        byte[] graph = [0x5a, .. Varint(value.Length), .. value];
        Refuse([0x3a, .. Varint(graph.Length), .. graph], DiagnosticCodes.ModelUnreadable);
    }
}
