using System.Text.Json;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

/// <summary>Attacks on real models against what foolbox 3.3.4 gave for them (its settings are in the fixtures'
/// description).</summary>
public class FoolboxTests(ITestOutputHelper output)
{
    // Settings by the reference's name: none starts at a random point.
    private static AttackSettings Settings(string name) =>
        name switch
        {
            "fgsm_0.1" => new(Named.Attack("fgsm"), Norm.Linf, 0.1),
            "fgsm_8_255" => new(Named.Attack("fgsm"), Norm.Linf, 8 / 255.0),
            "fgm_l2_2" => new(Named.Attack("fgsm"), Norm.L2, 2),
            "pgd_linf_0.1" => new(Named.Attack("pgd"), Norm.Linf, 0.1)
            {
                Steps = 40,
                StepSize = 0.01,
                RandomStart = false,
            },
            "pgd_linf_8_255" => new(Named.Attack("pgd"), Norm.Linf, 8 / 255.0)
            {
                Steps = 20,
                StepSize = 2 / 255.0,
                RandomStart = false,
            },
            "pgd_l2_2" => new(Named.Attack("pgd"), Norm.L2, 2)
            {
                Steps = 40,
                StepSize = 0.1,
                RandomStart = false,
            },
            _ => throw new ArgumentException(name),
        };

    [Theory]
    [InlineData("cnn", "fgsm_0.1")]
    [InlineData("cnn", "fgsm_8_255")]
    [InlineData("cnn", "fgm_l2_2")]
    [InlineData("lenet5", "fgsm_0.1")]
    [InlineData("lenet5", "fgsm_8_255")]
    public void Examples_of_the_fast_gradient_method_are_foolboxs(string file, string reference) =>
        Assert.Equal(0, Different(file, reference, Settings(reference)));

    // PGD without a random start is the fast gradient method in several steps. Forty steps of a network with kinks
    // magnify the last bit of a sum, so that a few pixels may part.
    [Theory]
    [InlineData("cnn", "pgd_linf_0.1")]
    [InlineData("cnn", "pgd_linf_8_255")]
    [InlineData("cnn", "pgd_l2_2")]
    [InlineData("lenet5", "pgd_linf_0.1")]
    [InlineData("lenet5", "pgd_linf_8_255")]
    [InlineData("lenet5", "pgd_l2_2")]
    public void Forty_steps_later_they_still_are(string file, string reference) =>
        Assert.InRange(
            Different(file, reference, Settings(reference) with { Attack = GradientAttack.Fgsm }),
            0,
            64 * 28 * 28 / 20
        );

    // How many of the values of the first 64 examples differ by more than 1e-4.
    private long Different(string file, string reference, AttackSettings settings)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path($"fmnist/{file}.onnx"));
        var foolbox = NpzFile.Read(Fixtures.Path($"reference/adv64/{file}_{reference}_foolbox.npz"));
        var (images, labels) = FashionMnist.Test(64);
        Assert.Equal(foolbox["label"].data<long>().ToArray(), labels.data<long>().ToArray());
        using var random = new Generator(1, CPU);
        var examples = settings.Attack.Perturb(
            new(model, Budget.FromSettings(settings, model.Input), settings, random, StopAtSuccess: false),
            images,
            labels
        );
        var difference = (examples - foolbox["adv"]).abs();
        output.WriteLine($"{file} {reference}: largest difference {difference.max().item<float>()}");
        return (difference > 1e-4).sum().item<long>();
    }

    [Theory]
    [InlineData("cnn", "fgsm_0.1", 1000, 0)]
    [InlineData("cnn", "fgm_l2_2", 1000, 0)]
    [InlineData("lenet5", "fgsm_8_255", 1000, 0)]
    [InlineData("cnn", "pgd_linf_8_255", 1000, 0.005)]
    [InlineData("cnn", "pgd_l2_2", 1000, 0.005)]
    [InlineData("lenet5", "pgd_linf_0.1", 1000, 0.005)]
    public void Robust_accuracy_is_foolboxs(string file, string reference, int n, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxClassifier.Load(Fixtures.Path($"fmnist/{file}.onnx"));
        using var foolbox = JsonDocument.Parse(
            File.ReadAllText(Fixtures.Path($"reference/attacks/{file}_{reference}_foolbox_n{n}.json"))
        );
        var (images, labels) = FashionMnist.Test(n);
        var run = new AttackRun(Settings(reference), 1);
        using var plain = AttackHarness.Run(model, images, labels, run with { StopAtSuccess = false });
        using var verdict = AttackHarness.Run(model, images.narrow(0, 0, 300), labels.narrow(0, 0, 300), run);
        double Theirs(string figure) => foolbox.RootElement.GetProperty(figure).GetDouble();
        output.WriteLine($"{file} {reference} {n}: {plain.RobustAccuracy}, foolbox {Theirs("robust_accuracy")}");
        Assert.Equal(Theirs("clean_accuracy"), plain.CleanAccuracy, 1e-9);
        Assert.Equal(Theirs("robust_accuracy"), plain.RobustAccuracy, tolerance + 1e-9);
        // For a verdict PGD goes on where its steps did not suffice.
        var left = plain.Robust.Take(300).Count(r => r) / 300.0;
        Assert.InRange(verdict.RobustAccuracy, left - 0.03, left);
    }
}
