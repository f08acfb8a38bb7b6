using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Evaluations;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>The inputs that a report names as most fragile, where the nearest error is known.</summary>
public class FragileRowsTests
{
    private static readonly InputPolicy Wide = new() { Lower = -100, Upper = 100 };

    private static EvaluationSet Set(Tensor inputs, long[] labels, FeatureLayout? layout = null) =>
        new(inputs, tensor(labels), ["no", "yes"], ImmutableDictionary<string, GroupColumn>.Empty, layout, 1);

    private static Measurement Measure(FunctionClassifier model, EvaluationSet set, AttackSettings attack)
    {
        using var evaluation = new Evaluation(model, set);
        var rule = new GateRule { Metric = Named.Metric("robust_accuracy"), Attack = attack };
        return new RobustAccuracy().Measure(new(evaluation, rule, 0.95, 1) { Plan = new() { Full = true } });
    }

    // An error lies at 0: 0.1, 0.2, ... away, of which an attack within 1 finds all, and the five nearest are named.
    [Fact]
    public void The_nearest_are_named_with_about_their_distance()
    {
        using var model = new FunctionClassifier([1], 2, x => cat([zeros_like(x), x], 1), Wide);
        float[] values = [0.9f, 0.3f, 5, 0.1f, -2, 0.5f, 0.2f, 0.4f, 0.6f];
        using var set = Set(tensor(values).unsqueeze(1), [.. values.Select(_ => 1L)]);
        var fragile = Measure(model, set, new(Named.Attack("pgd"), Norm.Linf, 1)).Fragile;
        Assert.Equal([3, 6, 1, 7, 5], fragile.Select(f => f.Row));
        Assert.All(fragile, f => Assert.InRange(f.Size, values[f.Row], values[f.Row] + 1.0 / 32));
        Assert.All(fragile, f => Assert.Equal(("yes", "no"), (f.Label, f.Predicted)));
        Assert.All(fragile, f => Assert.Equal("input 0", Assert.Single(f.Columns).Name));
    }

    // z = 2 [color is red] + age - 1, age in [0, 1] for 20 to 70 years: of an old red row the color alone does not do.
    [Theory]
    [InlineData("table_pgd")]
    [InlineData("table_search")]
    public void Of_tables_only_the_columns_that_are_needed_change_in_the_tables_own_units(string attack)
    {
        var layout = new FeatureLayout([
            new FeatureColumn("color", 0, ["red", "blue"]),
            new FeatureColumn("age", 2, [], 20, 50).Seen([20, 21, 70]),
            new FeatureColumn("none", 3, []).Seen([0, 0.4, 1]),
        ]);
        using var model = new FunctionClassifier([4], 2, x =>
            stack([zeros(x.shape[0]), x.select(1, 0) * 2 + x.select(1, 2) - 1 + x.select(1, 3) * 1e-3], 1)
        );
        using var set = Set(
            tensor(
                new float[,]
                {
                    { 1, 0, 0.5f, 0.5f },
                    { 0, 1, 1, 0.5f },
                }
            ),
            [1, 1],
            layout
        );
        // 45 years and red: blue alone makes -0.5. 70 years and blue, 0.0005: a year less makes it negative.
        var fragile = Measure(model, set, new(Named.Attack(attack), Norm.Linf, 0.1)).Fragile;
        Assert.Equal([1, 0], fragile.Select(f => f.Row).OrderByDescending(r => r));
        var old = fragile.Single(f => f.Row == 1);
        var age = Assert.Single(old.Columns);
        Assert.Equal(("age", "70"), (age.Name, age.From));
        Assert.InRange(double.Parse(age.To, System.Globalization.CultureInfo.InvariantCulture), 65, 69);
        Assert.Equal([new("color", "red", "blue")], fragile.Single(f => f.Row == 0).Columns);
        Assert.Equal(0, fragile.Single(f => f.Row == 0).Size);
    }

    // The pixels of an image, what is added and the sum, from any order of axes.
    [Theory]
    [InlineData(new long[] { 1, 2, 3 })]
    [InlineData(new long[] { 2, 3, 1 })]
    [InlineData(new long[] { 2, 3 })]
    public void Of_images_there_are_pixels(long[] shape)
    {
        using var model = new FunctionClassifier(shape, 2, x =>
            stack([zeros(x.shape[0]), x.flatten(1).sum(1) - 2.9f], 1)
        );
        using var set = Set(tensor(new float[] { 0, 0.2f, 0.4f, 0.6f, 0.8f, 1 }).reshape([1, .. shape]), [1]);
        var image = Assert
            .Single(Measure(model, set, new(Named.Attack("pgd"), Norm.Linf, 0.2) { RandomStart = false }).Fragile)
            .Image!;
        Assert.Equal((3, 2, 1), (image.Width, image.Height, image.Channels));
        Assert.Equal([0, 51, 102, 153, 204, 255], image.Original.ToArray());
        // All but the first pixel, which is at the bound, fall by the same; that is black, and no change is middle
        // gray.
        Assert.Equal([128, 0, 0, 0, 0, 0], image.Perturbation.Select(p => p < 8 ? 0 : (int)p));
        Assert.All(image.Original.Zip(image.Adversarial).Skip(1), p => Assert.InRange(p.First - p.Second, 5, 12));
    }
}
