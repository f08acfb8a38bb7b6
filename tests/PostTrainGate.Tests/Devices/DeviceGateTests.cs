using System.Globalization;
using Google.Protobuf;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Reading;
using PostTrainGate.Torch;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Devices;

/// <summary>A whole run whose model computes on another device than the processor.</summary>
[Collection(nameof(Alone))]
public class DeviceGateTests
{
    [Fact]
    public void Every_measure_and_the_repair_are_those_of_the_processor()
    {
        using var folder = new TemporaryFolder();
        var expected = Run(folder, ComputeDevice.Cpu);
        var actual = Run(folder, OtherDevice.Instance);
        Assert.Contains(expected.Gates, g => g.Original.Verdict == Verdict.Fail);
        Assert.NotNull(expected.Repair);
        Assert.Equal(expected.Repair.Proposed, actual.Repair!.Proposed);
        foreach (var (here, there) in expected.Gates.Zip(actual.Gates))
        {
            Assert.Equal(here.Original.Verdict, there.Original.Verdict);
            Assert.Equal(here.Original.Value!.Value, there.Original.Value!.Value, 1e-5);
            Assert.Equal(here.Repaired?.Value ?? 0, there.Repaired?.Value ?? 0, 1e-5);
        }
    }

    private static GateResult Run(TemporaryFolder folder, ComputeDevice device)
    {
        using var scope = NewDisposeScope();
        _ = random.manual_seed(1);
        var file = folder.Write(
            "posttraingate.yml",
            """
            version: 1
            model: model.onnx
            data: { source: data.csv, label: y, splits: { repair: 50%, select: 25%, test: 25% } }
            groups:
              side: { where: a >= 0.5 }
            gates:
              - accuracy: { min: 0.5 }
              - robust_accuracy: { attack: pgd, norm: linf, epsilon: 0.2, steps: 5, min: 0.99 }
              - median_perturbation: { attack: fmn, norm: l2, steps: 10, min: 0.001 }
              - certified_accuracy: { norm: linf, epsilon: 0.005, min: 0.1 }
              - smoothed_accuracy: { sigma: 0.05, epsilon: 0.02, draws: 100, samples: 5, min: 0.1 }
              - statistical_parity_difference: { group: side, max: 0.99 }
            repair: { methods: [adversarial], effort: quick }
            """
        );
        OnnxWriter w = new([4]);
        w.Node("Gemm", [w.Last, w.Initializer("w1", randn(4, 8)), w.Initializer("b1", randn(8))]);
        w.Relu();
        w.Node("Gemm", [w.Last, w.Initializer("w2", randn(8, 2)), w.Initializer("b2", randn(2))]);
        File.WriteAllBytes(folder.Path("model.onnx"), w.Build().ToByteArray());
        using var model = OnnxClassifier.Load(folder.Path("model.onnx"));
        var x = rand(60, 4);
        var y = model.LogitsOfAll(x).argmax(1);
        var lines = Enumerable
            .Range(0, 60)
            .Select(i => string.Create(CultureInfo.InvariantCulture, $"{Row(i)},{y[i].item<long>()}"));
        folder.Write("data.csv", $"a,b,c,d,y\n{string.Join('\n', lines)}\n");
        var (policy, wrong) = PolicyReader.Read(file);
        Assert.Empty(wrong);
        return Gate.Run(policy!, new() { Device = device }, cancel: TestContext.Current.CancellationToken);

        string Row(int i) =>
            string.Join(',', x[i].data<float>().Select(v => v.ToString("R", CultureInfo.InvariantCulture)));
    }
}
