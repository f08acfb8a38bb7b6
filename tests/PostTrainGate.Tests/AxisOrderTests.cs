using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests;

public class AxisOrderTests
{
    [Theory]
    [InlineData("2 8 6", "1 8 6", "1 8 6", null)] // an axis of length one is no guess
    [InlineData("2 1 8 6", "8 6", "8 6", null)]
    [InlineData("2 8 6 1", "1 8 6", "1 8 6", null)]
    [InlineData("2 8 6", "-1 1 -1", "8 1 6", null)]
    [InlineData("2 3 8 6", "3 8 6", "3 8 6", null)]
    [InlineData("2 48", "1 8 6", "1 8 6", "Rows of 48 values are read as images of shape [1, 8, 6], line by line.")]
    [InlineData("2 1 48", "1 8 6", "1 8 6", "Rows of 48 values are read as images of shape [1, 8, 6], line by line.")]
    [InlineData("2 48 1", "1 8 6", "1 8 6", "Rows of 48 values are read as images of shape [1, 8, 6], line by line.")]
    [InlineData(
        "2 3 8",
        "24",
        "24",
        "Rows of shape [3, 8] are flattened to 24 values as NumPy's reshape does: the last index changes fastest."
    )]
    [InlineData(
        "2 8 6 3",
        "3 8 6",
        "3 8 6",
        "The channels are moved first: rows of shape [8, 6, 3] are read as [3, 8, 6]."
    )]
    [InlineData(
        "2 8 6 3",
        "3 -1 -1",
        "3 8 6",
        "The channels are moved first: rows of shape [8, 6, 3] are read as [3, 8, 6]."
    )]
    [InlineData(
        "2 3 8 6",
        "8 6 3",
        "8 6 3",
        "The channels are moved last: rows of shape [3, 8, 6] are read as [8, 6, 3]."
    )]
    [InlineData("2 144", "3 8 6", "144", null)] // the channels may be first or last
    [InlineData("2 6 8", "1 8 6", "6 8", null)] // transposed, or of another size
    [InlineData("2 5", "4", "5", null)]
    [InlineData("2 5", "", "5", null)]
    public void Axes_come_in_the_models_order_where_there_is_one_way(
        string given,
        string wanted,
        string expected,
        string? note
    )
    {
        using var scope = NewDisposeScope();
        var shape = Sizes(given);
        var inputs = arange(shape.Aggregate(1L, (all, size) => all * size)).reshape(shape);
        var arranged = AxisOrder.Arrange(inputs, [.. Sizes(wanted)], null, out var said);
        Assert.Equal([2, .. Sizes(expected)], arranged.shape);
        Assert.Equal(note, said?.Text);
        if (note?.Contains("first:", StringComparison.Ordinal) == true)
            Assert.Equal(inputs[1, 5, 4, 2].item<long>(), arranged[1, 2, 5, 4].item<long>());
        else if (note?.Contains("last:", StringComparison.Ordinal) == true)
            Assert.Equal(inputs[1, 2, 5, 4].item<long>(), arranged[1, 5, 4, 2].item<long>());
        else
            Assert.Equal(inputs.flatten().data<long>(), arranged.flatten().data<long>());
    }

    [Theory]
    [InlineData("2 8 6 3", ImageLayout.Nchw, "3 8 6")]
    [InlineData("2 3 8 6", ImageLayout.Nchw, "3 8 6")]
    [InlineData("2 3 8 6", ImageLayout.Nhwc, "8 6 3")]
    [InlineData("2 3 6 3", ImageLayout.Nhwc, "3 6 3")] // either end may be the channels
    public void Where_all_axes_are_open_the_policy_says_where_the_channels_are(
        string given,
        ImageLayout layout,
        string expected
    )
    {
        using var scope = NewDisposeScope();
        var arranged = AxisOrder.Arrange(zeros(Sizes(given)), [-1, -1, -1], layout, out _);
        Assert.Equal(Sizes(expected), arranged.shape[1..]);
    }

    // Each value is 100 times its channel, and the number of its pixel.
    [Theory]
    [InlineData(false, null, "0 100 200 1 101", "the channels of each pixel together; if the model takes one channel ")]
    [InlineData(false, ImageLayout.Nhwc, "0 100 200 1 101", "the channels of each pixel together.")]
    [InlineData(false, ImageLayout.Nchw, "0 1 2 3 4", "one channel after the other.")]
    [InlineData(true, null, "0 1 2 3 4", "one channel after the other; if the model takes the channels of each ")]
    [InlineData(true, ImageLayout.Nchw, "0 1 2 3 4", "one channel after the other.")]
    [InlineData(true, ImageLayout.Nhwc, "0 100 200 1 101", "the channels of each pixel together.")]
    public void Of_color_images_that_are_flattened_the_order_is_told_and_can_be_set(
        bool first,
        ImageLayout? layout,
        string begins,
        string says
    )
    {
        using var scope = NewDisposeScope();
        var last = arange(60).reshape(1, 10, 6, 1).add(arange(3).mul(100));
        var inputs = first ? last.permute(0, 3, 1, 2) : last;
        var arranged = AxisOrder.Arrange(inputs, [180], layout, out var said);
        Assert.Equal([1, 180], arranged.shape);
        Assert.Equal(Sizes(begins), arranged.flatten().data<long>().ToArray()[..5]);
        Assert.Contains($"flattened to 180 values, {says}", said!.Value.Text, StringComparison.Ordinal);
        Assert.Equal(layout is null ? Severity.Warning : Severity.Note, said.Value.Severity);
    }

    private static long[] Sizes(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
}
