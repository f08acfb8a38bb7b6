using System.Text.Json;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Minimal-norm attacks against what foolbox and ART gave, and on classifiers whose nearest error is known
/// exactly.</summary>
public class MinimalAttackTests(ITestOutputHelper output)
{
    private static readonly InputPolicy Wide = new() { Lower = -100, Upper = 100 };

    // Within 3 % of the reference's median, or nearer.
    [Theory]
    [InlineData("cnn", "deepfool", "deepfool", 200)]
    [InlineData("lenet5", "deepfool", "deepfool", 50)]
    [InlineData("cnn", "cw", "cw_l2", 20)]
    [InlineData("cnn", "cw", "cw_l2", 100)]
    [InlineData("lenet5", "cw", "cw_l2", 50)]
    [InlineData("cnn", "fmn", "deepfool", 200)]
    public void The_median_distance_is_the_references_or_smaller(string file, string attack, string reference, int n)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path($"fmnist/{file}.onnx"));
        using var theirs = JsonDocument.Parse(
            File.ReadAllText(Fixtures.Path($"reference/attacks/{file}_{reference}_foolbox_n{n}.json"))
        );
        var (images, labels) = FashionMnist.Test(n);
        var distances = AttackHarness.Distances(model, images, labels, new(new(Named.Attack(attack), Norm.L2, 1), 1));
        var expected = theirs.RootElement.GetProperty("success").GetProperty("l2").GetProperty("median").GetDouble();
        output.WriteLine($"{file} {attack} {n}: {distances.Median}, foolbox {expected}");
        Assert.InRange(distances.Median, 0, expected * 1.03);
        Assert.Equal(0, distances.RobustAccuracy(double.MaxValue));
    }

    // No other tool's figures are there for these two: on the same rows, what they find is adversarial, and its median
    // size at most so many times that of another attack, in L2 of DeepFool, which is held against foolbox's. Decisions
    // alone, without gradients, lead less far.
    [Theory]
    [InlineData("lenet5", "ead", Norm.L1, 10, "fab", 1.2)]
    [InlineData("cnn", "ead", Norm.L1, 10, "fab", 1.2)]
    [InlineData("lenet5", "hopskipjump", Norm.L2, 6, "deepfool", 2)]
    [InlineData("lenet5", "hopskipjump", Norm.Linf, 6, "deepfool", 2)]
    public void On_real_models_they_come_as_near_as_others_within_a_factor(
        string file,
        string attack,
        Norm norm,
        int n,
        string other,
        double factor
    )
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path($"fmnist/{file}.onnx"));
        var (images, labels) = FashionMnist.Test(n);
        using var found = AttackHarness.Distances(
            model,
            images,
            labels,
            new(new(Named.Attack(attack), norm, 1), 1) { KeepExamples = true }
        );
        using var theirs = AttackHarness.Distances(model, images, labels, new(new(Named.Attack(other), norm, 1), 1));
        output.WriteLine(
            $"{file} {attack} {norm} {n}: {found.Median}, {other} {theirs.Median}, ratio {found.Median / theirs.Median}"
        );
        var errs = AttackHarness.Errs(model.LogitsOfAll(found.Examples!), labels).data<bool>().ToArray();
        var correct = found.Correct.Index().Where(c => c.Item).Select(c => c.Index).ToArray();
        Assert.All(correct, row =>
            Assert.True(errs[row] && double.IsFinite(found.Distance[row]), $"row {row} is not adversarial")
        );
        BudgetTests.AssertLegal(new Budget(norm, double.MaxValue, 0, 1), images, found.Examples!);
        Assert.InRange(theirs.Median, 0, double.MaxValue);
        Assert.InRange(found.Median / theirs.Median, 0, factor);
    }

    [Fact]
    public void DeepFools_examples_are_foolboxs()
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));
        var foolbox = NpzFile.Read(Fixtures.Path("reference/adv64/cnn_deepfool_foolbox.npz"));
        var (images, labels) = FashionMnist.Test(64);
        using var outcome = AttackHarness.Run(
            model,
            images,
            labels,
            new(new(Named.Attack("deepfool"), Norm.L2, 100), 1) { KeepExamples = true }
        );
        var correct = tensor(outcome.Correct.ToArray()).nonzero().flatten();
        var difference = (outcome.Examples! - foolbox["adv"]).index_select(0, correct).abs().max().item<float>();
        output.WriteLine($"largest difference {difference}");
        Assert.InRange(difference, 0, 1e-4);
    }

    [Fact]
    public void Saliency_maps_break_as_many_as_those_of_ART()
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path("fmnist/cnn.onnx"));
        using var art = JsonDocument.Parse(File.ReadAllText(Fixtures.Path("reference/attacks/cnn_jsma_art_n50.json")));
        var (images, labels) = FashionMnist.Test(50);
        using var outcome = AttackHarness.Run(
            model,
            images,
            labels,
            new(new(Named.Attack("jsma"), Norm.Linf, 1), 1) { KeepExamples = true }
        );
        output.WriteLine($"{outcome.RobustAccuracy}");
        Assert.InRange(outcome.RobustAccuracy, 0, art.RootElement.GetProperty("robust_accuracy").GetDouble() + 0.01);
        var changed = (outcome.Examples! - images).flatten(1).ne(0).sum(1);
        Assert.InRange(changed.max().item<long>(), 1, 78);
    }

    // z = (0, w x + b): the nearest input of the other class is |w x + b| / dual norm of w away.
    [Theory]
    [InlineData("deepfool", Norm.L2, 1.05)]
    [InlineData("deepfool", Norm.Linf, 1.05)]
    [InlineData("cw", Norm.L2, 1.05)]
    [InlineData("fmn", Norm.L2, 1.05)]
    [InlineData("fmn", Norm.Linf, 1.1)]
    [InlineData("fab", Norm.L2, 1.01)]
    [InlineData("fab", Norm.Linf, 1.01)]
    [InlineData("fab", Norm.L1, 1.01)]
    [InlineData("ead", Norm.L1, 1.2)]
    [InlineData("hopskipjump", Norm.L2, 1.2)]
    [InlineData("hopskipjump", Norm.Linf, 1.5)]
    public void On_a_linear_classifier_they_come_near_the_nearest_error(string attack, Norm norm, double tolerance)
    {
        using var scope = NewDisposeScope();
        float[] w = [0.9f, -1.4f, 0.3f, 0.6f];
        var isDecision = attack == "hopskipjump";
        using var model = new FunctionClassifier(
            [4],
            2,
            x =>
            {
                var z = x.matmul(tensor(w)).Plus(0.2);
                return stack([zeros_like(z), isDecision ? z.sign() : z], 1);
            },
            isDecision ? new() { Lower = -3, Upper = 3 } : Wide,
            hasGradients: !isDecision
        );
        using var random = new Generator(5, CPU);
        var inputs = rand(40, 4, generator: random) * 2 - 1;
        var z = inputs.matmul(tensor(w)).Plus(0.2);
        var distances = AttackHarness.Distances(
            model,
            inputs,
            (z > 0).to(int64),
            new(new(Named.Attack(attack), norm, 1), 1)
        );
        var dual = norm switch
        {
            Norm.Linf => w.Sum(Math.Abs),
            Norm.L2 => Math.Sqrt(w.Sum(v => v * v)),
            _ => w.Max(Math.Abs),
        };
        var ratios = distances.Distance.Zip(z.data<float>(), (d, m) => d / (Math.Abs(m) / dual)).ToArray();
        output.WriteLine($"{attack} {norm}: {ratios.Min()} to {ratios.Max()}, median {ratios.Order().ElementAt(20)}");
        Assert.All(ratios, r => Assert.True(r > 0.999, $"nearer than there is any: {r}"));
        Assert.InRange(ratios.Order().ElementAt(20), 0.999, tolerance);
    }

    [Fact]
    public void Under_a_budget_they_succeed_where_what_they_find_lies_within_it()
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path("fmnist/lenet5.onnx"));
        var (images, labels) = FashionMnist.Test(50);
        AttackRun run = new(new(Named.Attack("fmn"), Norm.L2, 0.5), 1);
        var distances = AttackHarness.Distances(model, images, labels, run);
        using var outcome = AttackHarness.Run(model, images, labels, run);
        Assert.InRange(outcome.RobustAccuracy, 0, distances.RobustAccuracy(0.5));
        Assert.All(new[] { 0.1, 0.3, 1, 3 }.Zip([0.3, 1, 3, 9]), e =>
            Assert.True(distances.RobustAccuracy(e.First) >= distances.RobustAccuracy(e.Second))
        );
    }
}
