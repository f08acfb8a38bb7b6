using Google.Protobuf;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Devices;

/// <summary>What is tried and found does not depend on the device, for a seed.</summary>
[Collection(nameof(Alone))]
public class DeviceAttackTests
{
    public static TheoryData<string, Norm> Attacks() =>
        [
            .. Catalog
                .Default.All<IAttack>()
                .Where(a => !a.KeepsForm && !a.Name.StartsWith("autoattack", StringComparison.Ordinal))
                .SelectMany(a => a.Norms.Select(norm => new TheoryDataRow<string, Norm>(a.Name, norm))),
        ];

    [Theory]
    [MemberData(nameof(Attacks))]
    public void An_attack_finds_the_same_examples(string attack, Norm norm)
    {
        using var scope = NewDisposeScope();
        _ = random.manual_seed(1);
        using var folder = new TemporaryFolder();
        var file = Small(folder.Path("small.onnx"));
        Compare(
            file,
            rand(4, 1, 6, 6),
            new(Catalog.Default.Get<IAttack>(attack), norm, norm == Norm.Linf ? 0.05 : 0.3)
        );
    }

    [Theory]
    [InlineData("table_pgd")]
    [InlineData("table_search")]
    public void An_attack_on_a_table_finds_the_same_rows(string attack)
    {
        using var scope = NewDisposeScope();
        _ = random.manual_seed(1);
        using var folder = new TemporaryFolder();
        OnnxWriter w = new([6]);
        w.Node("Gemm", [w.Last, w.Initializer("w", randn(6, 3)), w.Initializer("b", randn(3))]);
        var file = folder.Path("table.onnx");
        File.WriteAllBytes(file, w.Build().ToByteArray());
        FeatureColumn number = new("income", 0, [], 0, 1),
            whole = new FeatureColumn("age", 1, [], 18, 72).Seen([18, 30, 90]),
            two = new FeatureColumn("owns", 2, [], 0, 1).Seen([0, 1, 0]),
            job = new("job", 3, ["a", "b", "c"]);
        FeatureLayout layout = new([number.Seen([0, 0.3, 1]), whole, two, job]);
        var rows = tensor(
            new[] { 0.2f, 0.25f, 0, 1, 0, 0, 0.7f, 0.5f, 1, 0, 1, 0, 0.9f, 0.125f, 1, 0, 0, 1, 0.4f, 1, 0, 0, 1, 0 }
        );
        Compare(file, rows.reshape(4, 6), new(Catalog.Default.Get<IAttack>(attack), Norm.Linf, 0.1), layout);
    }

    private static void Compare(string file, Tensor inputs, AttackSettings settings, FeatureLayout? layout = null)
    {
        using var here = Load(file);
        using var there = Load(file, OtherDevice.Instance);
        Tensor labels;
        using (no_grad())
            labels = here.Logits(inputs).argmax(1);
        var run = new AttackRun(settings with { Steps = 3, Restarts = 2 }, 3) { KeepExamples = true, Layout = layout };
        using var expected = AttackHarness.Run(here, inputs, labels, run);
        using var actual = AttackHarness.Run(there, inputs, labels, run);
        Assert.Equal(expected.Correct, actual.Correct);
        Assert.Equal(expected.Robust, actual.Robust);
        Assert.InRange((expected.Examples! - actual.Examples!).abs().max().item<float>(), 0, 1e-3);
    }

    // A convolution and a dense layer.
    private static string Small(string path)
    {
        OnnxWriter w = new([1, 6, 6]);
        w.Node("Conv", [w.Last, w.Initializer("k", randn(2, 1, 3, 3))]);
        w.Relu().Then("Flatten");
        w.Node("Gemm", [w.Last, w.Initializer("w", randn(32, 4)), w.Initializer("b", randn(4))]);
        File.WriteAllBytes(path, w.Build().ToByteArray());
        return path;
    }

    private static OnnxClassifier Load(string file, ComputeDevice? device = null) =>
        OnnxClassifier.Load(OnnxFile.Read(file), device is null ? new() : new() { Device = device });
}
