using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Attacks;
using PostTrainGate.Corruptions;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Reading;
using PostTrainGate.Repairs;
using PostTrainGate.Reporting;
using PostTrainGate.Schema;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>
/// One of each kind from outside: nothing in the engine knows these, and each is one class or one value.
/// </summary>
public sealed class ExtensionTests : IDisposable
{
    private static readonly Rate MissRate = new(
        "toy_miss_rate",
        "Share of favorable labels that are missed.",
        "rows with a favorable label",
        rows => rows.Counts.FalseNegatives / rows.Counts.Favorable
    );

    private static readonly Corruption Negate = Corruption.Table("toy_negation", "Negates every number.", d => -d.X);

    private static readonly Catalog Extended = Catalog.Default with
    {
        Attacks = [.. Catalog.Default.Attacks, new Push()],
        Metrics = [.. Catalog.Default.Metrics, new PredictedShare()],
        Rates = [.. Catalog.Default.Rates, MissRate],
        Corruptions = [.. Catalog.Default.Corruptions, Negate],
        Repairs = [new NoRepair()],
        Reports = [.. Catalog.Default.Reports, new OneLine()],
    };

    private readonly TemporaryFolder _folder = new();

    public ExtensionTests()
    {
        using var scope = NewDisposeScope();
        // Predicts 1 where a is above 0.
        var weight = tensor(
            new float[,]
            {
                { 0, 0 },
                { 1, 0 },
            }
        );
        new OnnxWriter([2]).Gemm(weight, zeros(2)).Save(_folder.Path("model.onnx"), "logits", 2);
        var random = new Random(1);
        var rows = Enumerable
            .Range(0, 300)
            .Select(i =>
            {
                var (a, b) = (random.NextDouble() * 2 - 1, random.NextDouble());
                var label = (a + b - 0.5 > 0) ? 1 : 0;
                return string.Create(CultureInfo.InvariantCulture, $"{a:0.0000},{b:0.0000},{label},{i % 2}");
            });
        _folder.Write("data.csv", $"a,b,y,g\n{string.Join('\n', rows)}\n");
        _folder.Write(PolicyReader.FileName, Yaml("data.csv"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_metric_attack_rate_corruption_repair_and_report_work_from_the_policy_to_the_report()
    {
        var policy = Read();
        using var splits = DataReader.Read(policy);
        var result = Gate.Run(policy, new() { Full = true }, cancel: TestContext.Current.CancellationToken);

        var (inputs, labels) = (splits.Test.Inputs.data<float>().ToArray(), splits.Test.LabelValues);
        var (a, rows) = (inputs.Where((_, i) => i % 2 == 0).ToArray(), labels.Length);
        double Share(Func<float, int, bool> holds) => a.Zip(labels).Count(r => holds(r.First, r.Second)) / (double)rows;
        Assert.Equal(Share((x, _) => x > 0) - 0.25, result.Gates[0].Original.Value!.Value, 6);
        Assert.Equal(Share((x, y) => y == 1 ? x > 0 : x + 0.2 <= 0), result.Gates[1].Original.Value!.Value, 6);
        Assert.Equal(Share((x, y) => (-x > 0) == (y == 1)), result.Gates[2].Original.Value!.Value, 6);
        Assert.InRange(result.Gates[3].Original.Value!.Value, 0.01, 1);
        Assert.Equal("rate maximum of toy miss rate by g", result.Gates[3].Title);
        Assert.Equal(["toy_repair"], result.Repair!.Candidates.Select(c => c.Method));

        Assert.Empty(ReportFolder.Write(policy, result).Diagnostics);
        Assert.StartsWith(
            "toy Failed",
            File.ReadAllText(_folder.Path("posttraingate-report/toy.txt")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void The_schema_and_the_reference_have_them_and_a_key_of_a_metric_is_checked()
    {
        foreach (var text in new[] { PolicySchema.Generate(Extended), Reference() })
        foreach (
            var name in new[]
            {
                "toy_share",
                "padding",
                "toy_push",
                "toy_miss_rate",
                "toy_negation",
                "toy_repair",
                "toy_report",
            }
        )
            Assert.Contains(name, text, StringComparison.Ordinal);

        _folder.Write(
            PolicyReader.FileName,
            Yaml("data.csv").Replace("padding: 0.25", "padding: 7", StringComparison.Ordinal)
        );
        var (policy, diagnostics) = PolicyReader.Read(_folder.Root, Extended);
        Assert.Null(policy);
        Assert.Equal(DiagnosticCodes.PolicyRange, Assert.Single(diagnostics).Code);

        string Reference() => string.Concat(PolicyReference.Parts.Select(p => PolicyReference.Markdown(p, Extended)));
    }

    [Fact]
    public void A_data_format_is_a_value()
    {
        File.Move(_folder.Path("data.csv"), _folder.Path("data.toy"));
        _folder.Write(PolicyReader.FileName, Yaml("data.toy"));
        var format = new DataFormat(
            "toy",
            false,
            file => file.EndsWith(".toy", StringComparison.Ordinal),
            (policy, _, _) =>
            {
                File.Copy(policy.Data.Source.FullPath, _folder.Path("copy.csv"));
                return (
                    null,
                    Table.Load(policy.Data.Source with { Files = [_folder.Path("copy.csv")] }),
                    policy.Data.Label
                );
            }
        );
        using var splits = DataReader.Read(Read(), null, [format]);
        Assert.Equal(300, splits.Repair.Count + splits.Select.Count + splits.Test.Count);
    }

    [Fact]
    public void An_operator_is_a_function()
    {
        using var scope = NewDisposeScope();
        OnnxFile.Write(_folder.Path("toy.onnx"), new OnnxWriter([3]).Then("Triple").Build("y", 3));
        var file = OnnxFile.Read(_folder.Path("toy.onnx"));
        var operators = new Dictionary<string, Func<OnnxNode, Kernel>>(Operators.Table)
        {
            ["Triple"] = node =>
            {
                var x = node.Input(0);
                return v => v[x] * 3;
            },
        };
        var model = OnnxCompiler.Compile(file, OnnxSignature.Read(file), operators: operators);
        var x = rand(2, 3);
        var y = model.Graph.Run(model.State, x, [model.Output])[0];
        Assert.True(y.allclose(x * 3));
    }

    private GatePolicy Read()
    {
        var (policy, diagnostics) = PolicyReader.Read(_folder.Root, Extended);
        Assert.Empty(diagnostics);
        return policy!;
    }

    private static string Yaml(string source) =>
        $$"""
            version: 1
            model: model.onnx
            data: { source: {{source}}, label: y, features: { except: [g] } }
            input: { bounds: [-1, 1] }
            groups: { g: { column: g } }
            gates:
              - toy_share: { padding: 0.25, min: 0.9 }
              - robust_accuracy: { attack: toy_push, epsilon: 0.2, min: 0.1 }
              - corrupted_accuracy: { corruptions: [toy_negation], severities: [1], min: 0.1 }
              - rate_maximum: { group: g, rate: toy_miss_rate, max: 0.9 }
            repair: { methods: [toy_repair] }
            report: { toy_report: true }
            """;

    private sealed class Push : IAttack
    {
        public string Name => "toy_push";

        public string Summary => "Adds epsilon to every value.";

        public bool NeedsGradients => false;

        public Tensor Perturb(AttackContext context, Tensor inputs, Tensor labels) => inputs + context.Budget.Epsilon;
    }

    private sealed class PredictedShare : IMetric
    {
        private static readonly Key<double> Padding = new(
            "padding",
            new NumberShape(NumberRange.Share),
            "What is subtracted from the share."
        )
        {
            Default = "0",
        };

        public string Name => "toy_share";

        public string Summary => "Share of rows predicted favorable, less the padding.";

        public Better Better => Better.Higher;

        public ImmutableArray<Key> Keys => [Padding];

        public Measurement Measure(MetricContext context)
        {
            var predictions = context.Evaluation.Predictions;
            var value = predictions.Count(p => p == 1) / (double)predictions.Length - context.Rule.Get(Padding);
            return new(value, value, value, predictions.Length);
        }
    }

    private sealed class NoRepair : IRepair
    {
        public string Name => "toy_repair";

        public string Summary => "Returns the model as it is.";

        public string? WhyNot(RepairContext context) => null;

        public IEnumerable<RepairPlan> Plan(RepairContext context) => [new Copy()];

        private sealed record Copy() : RepairPlan("toy_repair")
        {
            public override double Seconds => 0.1;

            public override RepairCandidate Run(RepairContext context, double share)
            {
                var model = context.Source.Clone();
                return new(
                    model,
                    Name,
                    context.Selection.Score(model),
                    ImmutableSortedDictionary<string, string>.Empty
                );
            }
        }
    }

    private sealed class OneLine : IReportWriter
    {
        public string Name => "toy_report";

        public string FileName => "toy.txt";

        public string Summary => "The outcome in one line.";

        public bool Always => false;

        public string Mark => "^toy ";

        public string Render(GateResult result) => $"toy {result.Outcome}\n";
    }
}
