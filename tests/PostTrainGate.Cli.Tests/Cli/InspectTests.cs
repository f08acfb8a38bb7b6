using System.Text.Json;
using Google.Protobuf;
using PostTrainGate.Cli;
using PostTrainGate.Models;
using PostTrainGate.Tests.Models;
using Xunit;

namespace PostTrainGate.Tests.Cli;

public class InspectTests
{
    private static readonly string Model = Path.Combine(Fixtures.Repository, "samples/credit/model.onnx");

    [Fact]
    public async Task A_model_is_shown_with_its_head_operators_and_layers()
    {
        var (code, output, _) = await Inspect(Model);
        Assert.Equal(0, code);
        Assert.Contains("input input: float [batch, 59]\n", output, StringComparison.Ordinal);
        Assert.Contains("head logits: 2 classes; 5986 parameters", output, StringComparison.Ordinal);
        Assert.Matches("Gemm +│ 3 +│ yes", output);
        Assert.Matches("1 +│ gemm2 +│ Gemm +│ 32 +│ gemm2.weight +│ relu2_output", output);
    }

    [Fact]
    public async Task Programs_get_the_same_as_json()
    {
        var (code, output, _) = await Inspect(Model, "--format", "json");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        using var model = OnnxClassifier.Load(Model);
        Assert.Equal("logits", json.RootElement.GetProperty("head").GetString());
        Assert.Equal(13, json.RootElement.GetProperty("operator_sets").GetProperty("ai.onnx").GetInt64());
        Assert.Equal(
            model.Layers.Select(l => l.Output),
            json.RootElement.GetProperty("layers").EnumerateArray().Select(l => l.GetProperty("output").GetString())
        );
    }

    [Fact]
    public async Task A_model_without_gradients_is_shown_with_the_reason()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Path("custom.onnx");
        OnnxFile.Write(file, new OnnxWriter([4]).Then("NoSuchOperator").Build());
        var (code, output, _) = await Inspect(file);
        Assert.Equal(0, code);
        Assert.Contains("no gradients, so no repair: ", output, StringComparison.Ordinal);
        Assert.Matches("NoSuchOperator +│ 1 +│ no", output);
    }

    [Fact]
    public async Task A_model_that_runs_for_its_scores_shows_its_head_too()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.Path("trees.onnx"), CreditTrees.Build().ToByteArray());
        var (code, output, _) = await Inspect(folder.Path("trees.onnx"));
        Assert.Equal(0, code);
        Assert.Contains("input checking_account: string [N, 1]\n", output, StringComparison.Ordinal);
        Assert.Contains("output output_probability: sequence\n", output, StringComparison.Ordinal);
        Assert.Contains("head probabilities: 2 classes (bad, good); 0 parameters\n", output, StringComparison.Ordinal);
        Assert.Contains("no gradients, so no repair: ", output, StringComparison.Ordinal);
        Assert.Matches("ai.onnx.ml.TreeEnsembleClassifier +│ 1 +│ no", output);
    }

    [Theory]
    [InlineData("README.md", "it is truncated or not an ONNX file")]
    [InlineData("nowhere.onnx", "Could not find file")]
    public async Task A_file_that_is_no_model_is_a_clear_error(string file, string why)
    {
        var (code, output, error) = await Inspect(Path.Combine(Fixtures.Repository, file));
        Assert.Equal((2, ""), (code, output));
        Assert.StartsWith("posttraingate: error PTG2001", error, StringComparison.Ordinal);
        Assert.Contains(why, error, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Out, string Error)> Inspect(string file, params string[] options)
    {
        using StringWriter output = new(),
            error = new();
        var host = new CliHost
        {
            Out = output,
            Error = error,
            Variable = _ => null,
        };
        var code = await CommandLine.RunAsync(
            ["inspect", file, .. options],
            host,
            TestContext.Current.CancellationToken
        );
        return (code, output.ToString().ReplaceLineEndings("\n"), error.ToString());
    }
}
