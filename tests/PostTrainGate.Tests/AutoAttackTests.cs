using System.Text.Json;
using PostTrainGate.Attacks;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Attacks with random parts on real models, against what AutoAttack's own code gave for them.</summary>
public class AutoAttackTests(ITestOutputHelper output)
{
    // Within a point of the reference, or lower. What gives lower robust accuracy is the better attack.
    [Theory]
    [InlineData("autoattack", "cnn", "aa_linf_0.1", 0.1, 200)]
    [InlineData("autoattack", "cnn", "aa_linf_8_255", 8 / 255.0, 200)]
    [InlineData("autoattack", "lenet5", "aa_linf_8_255", 8 / 255.0, 100)]
    [InlineData("autoattack_fast", "cnn", "aa_linf_8_255", 8 / 255.0, 200)]
    [InlineData("autoattack_fast", "lenet5", "aa_linf_8_255", 8 / 255.0, 100)]
    public void It_finds_what_the_reference_finds(string attack, string file, string reference, double epsilon, int n)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path($"fmnist/{file}.onnx"));
        using var theirs = JsonDocument.Parse(
            File.ReadAllText(Fixtures.Path($"reference/attacks/{file}_{reference}_autoattack_n{n}.json"))
        );
        var (images, labels) = FashionMnist.Test(n);
        using var outcome = AttackHarness.Run(
            model,
            images,
            labels,
            new(new(Named.Attack(attack), Norm.Linf, epsilon), 1) { KeepExamples = true }
        );
        var expected = theirs.RootElement.GetProperty("robust_accuracy").GetDouble();
        output.WriteLine($"{attack} {file} {reference}: {outcome.RobustAccuracy}, AutoAttack {expected}");
        Assert.Equal(theirs.RootElement.GetProperty("clean_accuracy").GetDouble(), outcome.CleanAccuracy, 1e-9);
        Assert.InRange(outcome.RobustAccuracy, 0, expected + 0.01 + 1e-9);
        BudgetTests.AssertLegal(new Budget(Norm.Linf, epsilon, 0, 1), images, outcome.Examples!);
    }

    // Its parts bound it from above, and each finds something.
    [Theory]
    [InlineData(Norm.Linf, 0.03)]
    [InlineData(Norm.L2, 0.4)]
    [InlineData(Norm.L1, 5)]
    public void In_every_norm_its_parts_find_less_than_all_of_them(Norm norm, double epsilon)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path("fmnist/lenet5.onnx"));
        var (images, labels) = FashionMnist.Test(50);
        var clean = 0.0;
        double Robust(string attack, int? steps = null)
        {
            using var outcome = AttackHarness.Run(
                model,
                images,
                labels,
                new(new(Named.Attack(attack), norm, epsilon) { Steps = steps }, 1) { KeepExamples = true }
            );
            BudgetTests.AssertLegal(new Budget(norm, epsilon, 0, 1), images, outcome.Examples!);
            output.WriteLine($"{norm} {attack}: {outcome.RobustAccuracy}");
            clean = outcome.CleanAccuracy;
            return outcome.RobustAccuracy;
        }

        var all = Robust("autoattack_fast");
        string[] parts = ["apgd_ce", "apgd_dlr", "apgd_t", "fab_t", "square"];
        Assert.All(parts.Select(a => Robust(a, a == "square" ? 500 : 30)), r =>
            Assert.True(all <= r && r < clean, $"{all} {r} {clean}")
        );
    }
}
