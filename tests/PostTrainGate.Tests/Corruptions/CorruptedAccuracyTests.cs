using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Corruptions;

public class CorruptedAccuracyTests(ITestOutputHelper output)
{
    private static GateRule Rule(string[] names, params int[] severities) =>
        new()
        {
            Metric = CorruptedAccuracy.Accuracy,
            Settings = SettingValues
                .None.With(
                    CorruptedAccuracy.Corruptions,
                    [.. names.Select(n => Catalog.Default.Corruptions.First(c => c.Name == n))]
                )
                .With(CorruptedAccuracy.Severities, [.. severities]),
        };

    private static EvaluationSet Set(Tensor inputs, Tensor labels, int classes, FeatureLayout? layout = null) =>
        new(
            inputs,
            labels,
            [.. Enumerable.Range(0, classes).Select(c => $"{c}")],
            ImmutableDictionary<string, GroupColumn>.Empty,
            layout,
            1
        );

    [Fact]
    public void On_images_it_is_the_mean_over_the_fifteen_and_falls_with_severity()
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));
        var (images, labels) = FashionMnist.Test(200);
        using var data = Set(images, labels, 10);
        using var evaluation = new Evaluation(model, data);
        var context = new MetricContext(evaluation, Rule([], 1, 3, 5), 0.95, 1);
        var measured = CorruptedAccuracy.Accuracy.Measure(context);
        var (kinds, severities) = (measured.Breakdowns[0].Parts, measured.Breakdowns[1].Parts);
        foreach (var part in kinds.Concat(severities))
            output.WriteLine($"{part.Name}: {part.Value:0.000}");
        Assert.Equal(15, kinds.Length);
        Assert.Equal(kinds.Average(p => p.Value!.Value), measured.Value, 1e-9);
        Assert.Equal(severities.Average(p => p.Value!.Value), measured.Value, 1e-9);
        Assert.True(severities[0].Value > severities[1].Value && severities[1].Value > severities[2].Value);
        var clean = new Accuracy().Measure(context).Value;
        Assert.InRange(measured.Value, 0.2, clean - 0.05);
        var error = CorruptedAccuracy.Error.Measure(context);
        Assert.Equal(
            (1 - measured.Value, 1 - measured.Upper, 1 - measured.Lower, 200),
            (error.Value, error.Lower, error.Upper, error.Count)
        );
    }

    // The same images as bytes with channels last, to a model that expects these, are corrupted alike.
    [Fact]
    public void Any_range_of_values_and_order_of_axes_gives_the_same()
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));
        var (images, labels) = FashionMnist.Test(100);
        using var data = Set(images, labels, 10);
        using var evaluation = new Evaluation(model, data);
        using var bytes = new FunctionClassifier(
            [28, 28, 1],
            10,
            x => model.Logits(x.permute(0, 3, 1, 2).contiguous() / 255),
            new() { Upper = 255, Layout = ImageLayout.Nhwc }
        );
        using var other = Set(images.permute(0, 2, 3, 1).contiguous() * 255, labels, 10);
        using var same = new Evaluation(bytes, other);
        var rule = Rule(["gaussian_noise", "fog", "pixelate"], 4);
        Assert.Equal(
            CorruptedAccuracy.Accuracy.Measure(new(evaluation, rule, 0.95, 1)).Value,
            CorruptedAccuracy.Accuracy.Measure(new(same, rule, 0.95, 2)).Value,
            0.011
        );
    }

    [Fact]
    public void On_tables_it_takes_those_of_tables()
    {
        using var scope = NewDisposeScope();
        var (model, inputs, labels) = Certification.FixtureModels.Load("german", 200);
        using var _ = model;
        using var data = Set(inputs, labels, 2);
        using var evaluation = new Evaluation(model, data);
        var measured = CorruptedAccuracy.Accuracy.Measure(new(evaluation, Rule([], 1, 2, 3, 4, 5), 0.95, 1));
        foreach (var part in measured.Breakdowns.SelectMany(b => b.Parts))
            output.WriteLine($"{part.Name}: {part.Value:0.000}");
        Assert.Equal(
            ["numeric_noise", "missing_values", "shifted_units", "category_flips"],
            measured.Breakdowns[0].Parts.Select(p => p.Name)
        );
        Assert.InRange(measured.Value, 0.4, new Accuracy().Measure(new(evaluation, Rule([]), 0.95, 1)).Value);
        var refused = CorruptedAccuracy.Accuracy.Measure(new(evaluation, Rule(["fog"], 1), 0.95, 1));
        Assert.Equal("fog applies to images, but the inputs are a table", refused.Reason);
    }

    [Fact]
    public void What_is_neither_is_not_measured()
    {
        using var scope = NewDisposeScope();
        using var model = new FunctionClassifier([2, 6, 6], 2, x => x.flatten(1).narrow(1, 0, 2));
        using var data = Set(rand(3, 2, 6, 6), zeros(3, dtype: int64), 2);
        using var evaluation = new Evaluation(model, data);
        Assert.Contains(
            "one or three channels",
            CorruptedAccuracy.Accuracy.Measure(new(evaluation, Rule([], 1), 0.95, 1)).Reason,
            StringComparison.Ordinal
        );
    }
}
