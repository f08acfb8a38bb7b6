using System.Runtime.InteropServices;
using Google.Protobuf;
using PostTrainGate.Cli;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>A digits model whose last bias is off, repaired by the cheapest method there is.</summary>
public sealed class ApplyTests : IDisposable
{
    private const string Policy = """
        version: 1
        seed: 7
        model: model.onnx
        data: { source: digits.csv, label: digit, splits: { repair: 40%, select: 20%, test: 40% } }
        input: { bounds: [0, 1], scale: 1/16 }
        gates:
          - accuracy: { min: 0.90 }
          - robust_accuracy: { attack: pgd, epsilon: 0.02, steps: 5, min: 0.75 }
          - rate_difference: { group: bright, rate: accuracy, max: 0.9 }
        groups:
          bright: { where: "p20 > 8" }
        repair: { methods: [bias_shift], effort: quick }
        """;

    private readonly TemporaryFolder _folder = new();

    public ApplyTests()
    {
        var digits = File.ReadAllLines(Path.Combine(Fixtures.Repository, "samples/digits/digits.csv"));
        var column = digits[0].Split(',')[20];
        File.WriteAllLines(_folder.Path("digits.csv"), digits);
        _folder.Write("posttraingate.yml", Policy.Replace("p20", column, StringComparison.Ordinal));
        var model = ModelProto.Parser.ParseFrom(
            File.ReadAllBytes(Path.Combine(Fixtures.Repository, "samples/digits/model.onnx"))
        );
        var bias = model.Graph.Initializer.Single(t => t.Name == "gemm2.bias");
        var values = MemoryMarshal.Cast<byte, float>(bias.RawData.Span).ToArray();
        values[0] += 20; // everything is a zero
        bias.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan()));
        File.WriteAllBytes(_folder.Path("model.onnx"), model.ToByteArray());
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_applied_model_gets_the_figures_again_that_its_report_showed()
    {
        var (code, error) = await Run("check", "--cache", _folder.Path("cache"));
        Assert.True(code == 1, error);
        var before = Result();
        Assert.True(before.Repair!.Proposed, before.Repair.Reason);
        Assert.Contains("PTG5006", (await Run("apply", [], "nowhere")).Error, StringComparison.Ordinal);

        (code, var said) = await Run("apply");
        Assert.True(code == 0, said);
        Assert.Equal(before.Repair.Sha256, Hash.ComputeFile(_folder.Path("model.onnx")));

        // On another machine too, where nothing is cached.
        (code, error) = await Run("check", "--no-cache", "--no-repair");
        Assert.True(code is 0 or 1, error);
        var after = Result();
        Assert.All(before.Gates.Zip(after.Gates), gates =>
            Assert.Equal(Figures(gates.First.Repaired!), Figures(gates.Second.Original))
        );
        Assert.Equal(before.Repair.AccuracyAfter!.Value, after.Gates[0].Original.Value);

        Assert.Contains("proposes no repaired model", (await Run("apply")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_or_a_repaired_one_that_changed_is_not_touched()
    {
        await Run("check", "--no-cache");
        var (model, repaired) = (_folder.Path("model.onnx"), _folder.Path("model.repaired.onnx"));
        var (own, theirs) = (File.ReadAllBytes(model), File.ReadAllBytes(repaired));

        File.WriteAllText(repaired, "something else");
        Assert.Matches("error PTG5006: .*another SHA-256", (await Run("apply")).Error);
        File.Delete(repaired);
        Assert.Matches("error PTG5006: .*no longer there", (await Run("apply")).Error);
        File.WriteAllBytes(repaired, theirs);

        File.WriteAllText(
            model,
            $"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 5\n"
        );
        Assert.Matches("error PTG5006: .*Git LFS pointer.*git lfs pull", (await Run("apply", "--force")).Error);
        File.WriteAllBytes(model, [.. own, 0x7A, 0x00]);
        var (code, error) = await Run("apply");
        Assert.Equal(2, code);
        Assert.Matches("error PTG5006: The model changed since the run.*'--force'", error);
        Assert.Equal(own.Length + 2, new FileInfo(model).Length);

        Assert.Equal(0, (await Run("apply", "--force")).Code);
        Assert.Equal(theirs, File.ReadAllBytes(model));
        using var place = new Workplace();
        await CommandLine.RunAsync(["apply", _folder.Root], place.Host, TestContext.Current.CancellationToken);
        Assert.Contains("is the repaired model already", place.Out, StringComparison.Ordinal);
    }

    private static (double?, double?, double?, int, Metrics.Verdict, Metrics.AttackedInputs?) Figures(
        MeasuredValue v
    ) => (v.Value, v.Lower, v.Upper, v.Count, v.Verdict, v.Attacked);

    private GateResult Result() =>
        GateJson.Parse(File.ReadAllText(_folder.Path("posttraingate-report/gate-result.json")));

    private Task<(int Code, string Error)> Run(string command, params string[] options) => Run(command, options, "");

    private async Task<(int Code, string Error)> Run(string command, string[] options, string below)
    {
        using var place = new Workplace();
        var code = await CommandLine.RunAsync(
            [command, _folder.Path(below), .. options],
            place.Host,
            TestContext.Current.CancellationToken
        );
        return (code, place.Out + place.Error);
    }
}
