using Google.Protobuf;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;
using Xunit;
using static PostTrainGate.Models.Onnx.TensorProto.Types;

namespace PostTrainGate.Tests;

/// <summary>
/// A real model of which PGD within 0.1 leaves 0.4 % standing, made to look robust: whatever hides its gradients, the
/// gate must not pass, and its report must say why.
/// </summary>
public class TrustTests(ITestOutputHelper output)
{
    private const string NotRobust = "robust accuracy, PGD Linf epsilon 0.1, 20 steps is 0.0";

    public static TheoryData<string, string, string> Models =>
        new()
        {
            { "as it is", "pgd", NotRobust },
            { "logits x 1e4", "pgd", NotRobust },
            { "logits x 1e4", "fgsm", "it must be at least 0.5" },
            { "probabilities of logits x 1e4", "pgd", "the gradient of the logits is zero on" },
            { "rounded inputs", "pgd", "the gradient of the logits is zero on 100 % of the inputs" },
            { "rounded inputs", "apgd-ce", "the gradient of the logits is zero on 100 % of the inputs" },
        };

    [Theory]
    [MemberData(nameof(Models))]
    public void What_hides_gradients_does_not_pass(string model, string attack, string says)
    {
        using var folder = new TemporaryFolder();
        foreach (var file in new[] { "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz" })
            File.Copy(
                Fixtures.Debian($"/usr/share/datasets/fashion-mnist/{file}", "dataset-fashion-mnist"),
                folder.Path(file)
            );
        File.WriteAllBytes(folder.Path("model.onnx"), Disguised(model).ToByteArray());
        var (policy, diagnostics) = PolicyReader.Read(
            folder.Write(
                "posttraingate.yml",
                $$"""
                version: 1
                model: model.onnx
                data:
                  source: t10k-images-idx3-ubyte.gz
                  labels: t10k-labels-idx1-ubyte.gz
                  splits: { repair: 1%, select: 1%, test: 3% }
                input: { bounds: [0, 1], scale: 1/255 }
                gates: [robust_accuracy: { attack: {{attack}}, epsilon: 0.1, steps: {{(
                    attack == "fgsm" ? 1 : 20
                )}}, min: 0.5 }]
                repair: false
                """
            )
        );
        Assert.Empty(diagnostics);
        var result = Gate.Run(policy!, new() { Full = true }, cancel: TestContext.Current.CancellationToken);
        var reading = result.Gates[0].Original;
        output.WriteLine($"{model} {attack}: {reading.Value} {reading.Verdict} {reading.Reason}");
        Assert.Equal(Verdict.Fail, reading.Verdict);
        Assert.Equal(RunOutcome.Failed, result.Outcome);
        Assert.Contains(result.Diagnostics, d => d.Message.Contains(says, StringComparison.Ordinal));
        // The attack sees through a factor, so that the value fails; that the outputs are saturated is said all the
        // same.
        Assert.Equal(
            model == "logits x 1e4",
            reading.Notes.Any(n => n.Contains("round to exactly 0 and 1", StringComparison.Ordinal))
        );
        if (reading.Reason is not { } reason)
            return;
        Assert.Contains(Html.Text(reason), new HtmlReport().Render(result), StringComparison.Ordinal);
        Assert.Contains(reason, new GateJson().Render(result), StringComparison.Ordinal);
    }

    private static ModelProto Disguised(string how)
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Fixtures.Path("fmnist/cnn.onnx")));
        var graph = model.Graph;
        var (input, logits) = (graph.Input[0].Name, graph.Output[0].Name);
        Constant("times", 1e4f);
        Constant("levels", 8);
        if (how.Contains("1e4", StringComparison.Ordinal))
            Append("Mul", "times");
        if (how.StartsWith("probabilities", StringComparison.Ordinal))
        {
            Append("Softmax");
            Append("Mul", "one"); // a softmax that is not the last step is not left out
            Constant("one", 1);
        }

        if (how == "rounded inputs")
        {
            foreach (var node in graph.Node)
                for (var i = 0; i < node.Input.Count; i++)
                    if (node.Input[i] == input)
                        node.Input[i] = "rounded";
            graph.Node.Insert(
                0,
                new NodeProto
                {
                    OpType = "Mul",
                    Input = { input, "levels" },
                    Output = { "scaled" },
                }
            );
            graph.Node.Insert(
                1,
                new NodeProto
                {
                    OpType = "Round",
                    Input = { "scaled" },
                    Output = { "whole" },
                }
            );
            graph.Node.Insert(
                2,
                new NodeProto
                {
                    OpType = "Div",
                    Input = { "whole", "levels" },
                    Output = { "rounded" },
                }
            );
        }

        return model;

        void Constant(string name, float value) =>
            graph.Initializer.Add(
                new TensorProto
                {
                    Name = name,
                    DataType = (int)DataType.Float,
                    FloatData = { value },
                }
            );

        void Append(string type, params string[] further)
        {
            var last = graph.Node.Single(n => n.Output.Contains(logits));
            var inner = $"{logits}_{graph.Node.Count}";
            last.Output[last.Output.IndexOf(logits)] = inner;
            var node = new NodeProto
            {
                OpType = type,
                Input = { inner },
                Output = { logits },
            };
            node.Input.AddRange(further);
            graph.Node.Add(node);
        }
    }
}
