using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Tests.Repairs;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public sealed class StoredInputsTests : IDisposable
{
    private const int Rows = 300;

    // The same random images twice: as bytes, and as the numbers that they stand for.
    private readonly EvaluationSet _bytes,
        _numbers;
    private readonly OnnxClassifier _model = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));

    public StoredInputsTests()
    {
        using var scope = NewDisposeScope();
        var images = randint(256, [Rows, 1, 28, 28], dtype: ScalarType.Byte, generator: new Generator(1));
        var labels = randint(10, [Rows], dtype: ScalarType.Int64, generator: new Generator(2));
        _bytes = Set(
            (l, names, none) =>
                new(null, StoredInputs.Of(images, [.. Enumerable.Range(0, Rows)], 1 / 255.0), l, names, none, null, 0)
        );
        _numbers = Set((l, names, none) => new(images.to(float32) * (float)(1 / 255.0), l, names, none, null, 0));

        EvaluationSet Set(
            Func<Tensor, ImmutableArray<string>, ImmutableDictionary<string, GroupColumn>, EvaluationSet> make
        ) =>
            make(
                labels.clone(),
                [.. Enumerable.Range(0, 10).Select(c => $"{c}")],
                ImmutableDictionary<string, GroupColumn>.Empty
            );
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _numbers.Dispose();
        _model.Dispose();
    }

    [Fact]
    public void Measuring_takes_bytes_as_numbers_part_by_part()
    {
        foreach (var rule in Rules())
        {
            using var ours = new Evaluation(_model, _bytes);
            using var theirs = new Evaluation(_model, _numbers);
            var (a, b) = (
                rule.Metric.Measure(new(ours, rule, 0.95, 1)),
                rule.Metric.Measure(new(theirs, rule, 0.95, 1))
            );
            Assert.True(a.IsMeasured);
            Assert.Equal((b.Value, b.Lower, b.Count), (a.Value, a.Lower, a.Count));
        }

        Assert.Empty(_bytes.IncompleteRows);
        Assert.True(_bytes.IsCompact); // all of it at once would be four times as large
    }

    [Fact]
    public void Chosen_rows_and_all_rows_are_the_numbers()
    {
        using var some = _bytes.Take([7, 3, 200]);
        using var theirs = _numbers.Take([7, 3, 200]);
        using var part = _bytes.InputsOf(5, 40);
        Assert.True(part.Same(_numbers.Inputs.narrow(0, 5, 40)));
        Assert.True(some.Inputs.Same(theirs.Inputs));
        Assert.True(_bytes.Inputs.Same(_numbers.Inputs));
        Assert.Equal(_numbers.InputShape, _bytes.InputShape);
    }

    private static IEnumerable<GateRule> Rules()
    {
        yield return new() { Metric = new Accuracy(), Min = 0.5 };
        yield return new()
        {
            Metric = new RobustAccuracy(),
            Min = 0.5,
            Samples = 20,
            Attack = new(GradientAttack.Pgd, Norm.Linf, 0.01) { Steps = 2 },
        };
        yield return new() { Metric = CorruptedAccuracy.Accuracy, Min = 0.5 };
    }
}
