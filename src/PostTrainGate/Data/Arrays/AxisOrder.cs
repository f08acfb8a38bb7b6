using System.Collections.Immutable;
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
    public static Tensor Arrange(Tensor inputs, ImmutableArray<long> wanted, ImageLayout? layout, out string? note)
    {
        note = null;
        var given = inputs.shape[1..];
        // Of axes that are all open any order fits.
        if (wanted is [< 0, < 0, < 0] && given.Length == 3 && layout is not null)
        {
            var (first, last) = (given[0] <= MostChannels, given[2] <= MostChannels);
            return layout == ImageLayout.Nchw && last && !first ? Moved([0, 3, 1, 2], "first", out note)
                : layout == ImageLayout.Nhwc && first && !last ? Moved([0, 2, 3, 1], "last", out note)
                : inputs;
        }

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
            {
                note =
                    $"Rows of shape {Text(given)} are flattened to {values} values in the order of memory, "
                    + "the last axis fastest.";
                return inputs.reshape([inputs.shape[0], values]);
            }

            if (lines.Length == 1 && wantedLines.Length == 2)
            {
                note = $"Rows of {values} values are read as images of shape {Text(wanted)}, line by line.";
                return inputs.reshape([inputs.shape[0], .. wanted]);
            }
        }

        if (given.Length != 3 || wanted.Length != 3)
            return inputs;
        if (given[2] <= MostChannels && Fit([given[2], given[0], given[1]], wanted))
            return Moved([0, 3, 1, 2], "first", out note);
        if (given[0] <= MostChannels && Fit([given[1], given[2], given[0]], wanted))
            return Moved([0, 2, 3, 1], "last", out note);
        return inputs;

        Tensor Moved(long[] order, string where, out string note)
        {
            var moved = inputs.permute(order).contiguous();
            note = $"The channels are moved {where}: rows of shape {Text(given)} are read as {Text(moved.shape[1..])}.";
            return moved;
        }
    }

    private static long[] Longer(IEnumerable<long> shape) => [.. shape.Where(size => size != 1)];

    private static bool Fit(long[] given, IReadOnlyCollection<long> wanted) =>
        given.Length == wanted.Count && given.Zip(wanted).All(size => size.Second < 0 || size.First == size.Second);

    /// <summary>A shape as people write it: <c>[3, ?, ?]</c> where axes are open.</summary>
    public static string Text(IEnumerable<long> shape) =>
        $"[{string.Join(", ", shape.Select(size => size < 0 ? "?" : $"{size}"))}]";
}
