using PostTrainGate.Cli;
using PostTrainGate.Models;
using PostTrainGate.Tests.Cli;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Cases;

/// <summary>A model whose file says nothing of its axes, on images with their channels last.</summary>
public sealed class OpenAxesTests
{
    [Theory]
    [InlineData("", "[8, 6, 3]; if it takes channels first, set 'input.layout: nchw'. Node ")]
    [InlineData(", layout: nhwc", "[8, 6, 3]; if it takes channels first, set 'input.layout: nchw'. Node ")]
    [InlineData(", layout: nchw", null)]
    public async Task The_error_says_which_layout_would_be_right_and_it_is(string layout, string? error)
    {
        using var place = new Workplace();
        var folder = place.Folder;
        using (NewDisposeScope())
        {
            // Right where the green channel is the brighter one: its mean decides.
            OnnxWriter model = new([-1, -1, -1]);
            model
                .Conv(tensor(new float[] { 0, 0, 0, 0, 1, 0 }).reshape(2, 3, 1, 1), tensor([0.5f, 0]))
                .Then("GlobalAveragePool")
                .Flatten()
                .Save(folder.Path("model.onnx"), "logits", 2);
        }

        const int rows = 60;
        File.WriteAllBytes(folder.Path("labels.idx"), [0, 0, 8, 1, 0, 0, 0, rows, .. Rows(1, (r, _) => r % 2)]);
        File.WriteAllBytes(
            folder.Path("images.idx"),
            [0, 0, 8, 4, 0, 0, 0, rows, 0, 0, 0, 8, 0, 0, 0, 6, 0, 0, 0, 3, .. Rows(8 * 6 * 3, Pixel)]
        );
        var policy = folder.Write(
            "posttraingate.yml",
            $$"""
            version: 1
            model: model.onnx
            data: { source: images.idx, label_file: labels.idx }
            input: { scale: 1/255{{layout}} }
            repair: false
            gates:
              - accuracy: { min: 0.5 }
            """
        );
        var code = await CommandLine.RunAsync(
            ["check", policy, "--no-cache"],
            place.Host,
            TestContext.Current.CancellationToken
        );
        Assert.Equal(error is null ? 0 : 2, code);
        Assert.Contains(
            error is null
                ? "The channels are moved first: rows of shape [8, 6, 3] are read as [3, 8, 6]."
                : $"error PTG2004: 'model.onnx' does not run on the rows of 'images.idx', which come to it in the shape {error}",
            place.Out + place.Error,
            StringComparison.Ordinal
        );

        static IEnumerable<byte> Rows(int length, Func<int, int, int> value) =>
            Enumerable.Range(0, rows).SelectMany(r => Enumerable.Range(0, length).Select(i => (byte)value(r, i)));

        static int Pixel(int row, int place) => place % 3 == 1 && row % 2 == 1 ? 255 : row + place % 3;
    }
}
