using PostTrainGate.Data;
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
        "Rows of shape [3, 8] are flattened to 24 values in the order of memory, the last axis fastest."
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
        Assert.Equal(note, said);
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

    private static long[] Sizes(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
}
