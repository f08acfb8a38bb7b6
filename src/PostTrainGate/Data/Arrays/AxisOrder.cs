using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Brings the axes of an array's rows into those that a model takes, where there is one way to: axes of length one are
/// added or left out, rows are flattened, images of one channel are unflattened, and channels change ends.
/// </summary>
internal static class AxisOrder
{
    // Red, green and blue, or with opacity; a gray image has axes of length one.
    private const long MostChannels = 4;

    /// <summary>The rows in the model's axes; as they are where no way or more than one leads there.</summary>
    /// <param name="inputs">[n, ...].</param>
    /// <param name="wanted">Shape of a row, -1 where an axis is open; empty: any.</param>
    /// <param name="layout">Where the policy says that the model has its channels; null: its shape tells.</param>
    /// <param name="note">What was done that might not be meant, a sentence; null: nothing.</param>
    public static Tensor Arrange(
        Tensor inputs,
        ImmutableArray<long> wanted,
        ImageLayout? layout,
        out (string Text, Severity Severity)? note
    )
    {
        note = null;
        var given = inputs.shape[1..];
        // Of axes that are all open any order fits.
        if (wanted is [< 0, < 0, < 0] && layout is { } meant && Layout(given) is { } present && present != meant)
            return Moved(meant, out note);
        if (wanted.IsEmpty || Fit(given, wanted))
            return inputs;
        var (lines, wantedLines) = (Longer(given), Longer(wanted));
        if (Fit(lines, wantedLines))
        {
            var sizes = new Queue<long>(lines);
            return inputs.reshape([inputs.shape[0], .. wanted.Select(size => size == 1 ? 1 : sizes.Dequeue())]);
        }

        var known = wanted.All(size => size > 0);
        var values = given.Aggregate(1L, (all, size) => all * size);
        if (known && wanted.Aggregate(1L, (all, size) => all * size) == values)
        {
            if (wanted.Length == 1)
                return Flat(inputs, layout, out note);
            if (lines.Length == 1 && wantedLines.Length == 2)
            {
                note = (
                    $"Rows of {values} values are read as images of shape {Text(wanted)}, line by line.",
                    Severity.Note
                );
                return inputs.reshape([inputs.shape[0], .. wanted]);
            }
        }

        if (given.Length != 3 || wanted.Length != 3)
            return inputs;
        if (given[2] <= MostChannels && Fit([given[2], given[0], given[1]], wanted))
            return Moved(ImageLayout.Nchw, out note);
        if (given[0] <= MostChannels && Fit([given[1], given[2], given[0]], wanted))
            return Moved(ImageLayout.Nhwc, out note);
        return inputs;

        Tensor Moved(ImageLayout to, out (string, Severity)? note)
        {
            var moved = Move(inputs, to);
            var where = to == ImageLayout.Nchw ? "first" : "last";
            note = (
                $"The channels are moved {where}: rows of shape {Text(given)} are read as {Text(moved.shape[1..])}.",
                Severity.Note
            );
            return moved;
        }
    }

    /// <summary>Where images of this shape have their channels; null where both ends or neither may be these.</summary>
    public static ImageLayout? Layout(IReadOnlyList<long> shape) =>
        shape is not [var first, _, var last] ? null
        : first <= MostChannels && last > MostChannels ? ImageLayout.Nchw
        : last <= MostChannels && first > MostChannels ? ImageLayout.Nhwc
        : null;

    // Images of several channels have two orders, both of which are usual.
    private static Tensor Flat(Tensor inputs, ImageLayout? layout, out (string, Severity)? note)
    {
        var given = inputs.shape[1..];
        var present = Longer(given).Length == 3 ? Layout(given) : null;
        var flat = (layout is { } to && present is not null && present != to ? Move(inputs, to) : inputs).flatten(1);
        var told = $"Rows of shape {Text(given)} are flattened to {flat.shape[1]} values";
        const string planes = "one channel after the other",
            pixels = "the channels of each pixel together";
        note = (layout ?? present, present) switch
        {
            (_, null) => ($"{told} as NumPy's reshape does: the last index changes fastest.", Severity.Note),
            (ImageLayout.Nchw, _) when layout is not null => ($"{told}, {planes}.", Severity.Note),
            (ImageLayout.Nhwc, _) when layout is not null => ($"{told}, {pixels}.", Severity.Note),
            (ImageLayout.Nchw, _) => (
                $"{told}, {planes}; if the model takes {pixels}, set 'input.layout: nhwc'.",
                Severity.Warning
            ),
            _ => ($"{told}, {pixels}; if the model takes {planes}, set 'input.layout: nchw'.", Severity.Warning),
        };
        return flat;
    }

    private static Tensor Move(Tensor images, ImageLayout to) =>
        images.permute(to == ImageLayout.Nchw ? [0, 3, 1, 2] : [0, 2, 3, 1]).contiguous();

    private static long[] Longer(IEnumerable<long> shape) => [.. shape.Where(size => size != 1)];

    private static bool Fit(long[] given, IReadOnlyCollection<long> wanted) =>
        given.Length == wanted.Count && given.Zip(wanted).All(size => size.Second < 0 || size.First == size.Second);

    /// <summary>A shape as people write it: <c>[3, ?, ?]</c> where axes are open.</summary>
    public static string Text(IEnumerable<long> shape) =>
        $"[{string.Join(", ", shape.Select(size => size < 0 ? "?" : $"{size}"))}]";
}
