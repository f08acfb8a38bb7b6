using System.Text.Json;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>What is kept of a measurement: it is gone on with, and comes to what it would have come to.</summary>
[Collection(nameof(Alone))]
public sealed class KeptWorkTests : IDisposable
{
    private static readonly JsonSerializerOptions Json = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly TemporaryFolder _folder = new();
    private readonly OnnxClassifier _model = OnnxClassifier.Load(Fixtures.Path("fmnist/lenet5.onnx"));
    private readonly EvaluationSet _set = FashionMnist.TestSet(300);

    public void Dispose()
    {
        _set.Dispose();
        _model.Dispose();
        _folder.Dispose();
    }

    public static TheoryData<string> Metrics =>
        [.. Catalog.Default.Metrics.OfType<IBlockMetric>().Select(metric => metric.Name)];

    [Theory]
    [MemberData(nameof(Metrics))]
    public void A_stopped_measurement_goes_on_from_the_blocks_it_finished(string metric)
    {
        var (rule, most) = (Rule(metric), int.MaxValue);
        var whole = Measure(rule, Cache("whole"), most, out var blocks);
        Assert.True(blocks > 1, "a measurement of one block cannot be stopped between two");
        Assert.ThrowsAny<OperationCanceledException>(() => Measure(rule, Cache("stopped"), blocks / 2, out _));
        var resumed = Measure(rule, Cache("stopped"), most, out var rest);
        Assert.Equal(blocks - blocks / 2, rest);
        Assert.Equal(whole, resumed);
        Assert.Equal(whole, Measure(rule, Cache("stopped"), most, out rest));
        Assert.Equal(0, rest);
    }

    [Theory]
    [InlineData("robust_accuracy")]
    [InlineData("median_perturbation")]
    public void Fragile_inputs_are_the_same_whatever_examples_are_kept(string metric)
    {
        var rule = Rule(metric);
        var whole = Measure(rule, Cache("cache"), int.MaxValue, out _);
        Assert.DoesNotContain("\"Fragile\":[]", whole, StringComparison.Ordinal);
        if (Directory.Exists(_folder.Path("cache/examples")))
            foreach (var file in Directory.GetFiles(_folder.Path("cache/examples"), "*", SearchOption.AllDirectories))
                File.WriteAllBytes(file, new byte[new FileInfo(file).Length]);
        Assert.Equal(whole, Measure(rule, Cache("cache"), int.MaxValue, out var found));
        Assert.Equal(0, found);
    }

    [Fact]
    public void What_is_kept_is_of_the_same_model_rows_settings_and_seed_only()
    {
        var rule = Rule("robust_accuracy");
        int New(GateRule of, OnnxClassifier? model = null, EvaluationSet? set = null, int seed = 1, int rowSeed = 2)
        {
            Measure(of, Cache("cache"), int.MaxValue, out var found, model, set, seed, rowSeed);
            return found;
        }

        var all = New(rule);
        Assert.Equal(0, New(rule));
        Assert.Equal(0, New(rule with { Min = 0.5, Severity = Severity.Note })); // nothing that is measured
        Assert.Equal(all, New(rule, seed: 2));
        Assert.Equal(all, New(rule, rowSeed: 3));
        Assert.Equal(all, New(rule with { Attack = rule.Attack! with { Epsilon = 0.0100001 } }));
        Assert.Equal(all, New(rule with { Attack = rule.Attack! with { Steps = 2 } }));
        Assert.Equal(all, New(rule with { Samples = 299 }));
        using var others = FashionMnist.TestSet(301);
        using var shifted = others.Take([.. Enumerable.Range(1, 300)]);
        Assert.Equal(all, New(rule, set: shifted));
        using var other = _model.Clone();
        Assert.Equal(0, New(rule, other));
        using (no_grad())
            other.Parameters.Values.First().mul_(Scalars.Get(1.0001));
        Assert.Equal(all, New(rule, other));
    }

    private static GateRule Rule(string metric) =>
        Named.Metric(metric) switch
        {
            RobustAccuracy robust => new() { Metric = robust, Attack = new(Named.Attack("fgsm"), Norm.Linf, 0.01) },
            MedianPerturbation median => new()
            {
                Metric = median,
                Attack = new(Named.Attack("fmn"), Norm.L2, 0) { Steps = 20 },
            },
            CertifiedAccuracy certified => new GateRule { Metric = certified }
                .With(AttackKeys.Epsilon, 0.001)
                .With(CertifiedAccuracy.Method, BoundMethod.Ibp),
            var other => new GateRule { Metric = other, Samples = 40 }.With(AttackKeys.Epsilon, 0.01),
        };

    private RunCache Cache(string name) => new(_folder.Path(name), _folder.Path("key"));

    // As text; after so many blocks it is stopped.
    private string Measure(
        GateRule rule,
        RunCache cache,
        int most,
        out int found,
        OnnxClassifier? model = null,
        EvaluationSet? set = null,
        int seed = 1,
        int rowSeed = 2
    )
    {
        using var evaluation = new Evaluation(model ?? _model, set ?? _set);
        var context = new MetricContext(evaluation, rule, 0.95, seed)
        {
            RowSeed = rowSeed,
            Plan = new() { Full = true, Cache = cache },
        };
        using var kept = KeptWork.Of(context)!;
        var counted = new Counted(kept, most);
        try
        {
            return JsonSerializer.Serialize(rule.Metric.Measure(context with { Work = counted }), Json);
        }
        finally
        {
            found = counted.Found;
        }
    }

    private sealed class Counted(BlockWork work, int most) : BlockWork
    {
        public int Found { get; private set; }

        public override BlockOutcome? Find(string name, int values, Func<BlockOutcome> find) =>
            work.Find(name, values, () =>
            {
                if (Found == most)
                    throw new OperationCanceledException();
                Found++;
                return find();
            });
    }
}
