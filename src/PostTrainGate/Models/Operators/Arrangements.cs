using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Operators that fill, cut and rearrange along axes: padding, triangles, blocks, reversal.
internal static partial class Operators
{
    // pads: begins of all axes, then ends; negative ones cut off.
    private static Kernel Pad(OnnxNode node)
    {
        // Where a place outside, counted from the first one inside, takes its value from; null: a constant.
        Func<long, long, long>? source = node.Text("mode", "constant") switch
        {
            "constant" => null,
            "reflect" => (at, size) => size - 1 - Math.Abs(size - 1 - Modulo(at, Math.Max(1, 2 * (size - 1)))),
            "edge" => (at, size) => Math.Clamp(at, 0, size - 1),
            "wrap" => Modulo,
            var other => throw node.Refuse($"mode '{other}' is not supported"),
        };
        var x = node.Input(0);
        var pads = node.Integers("pads", 1) ?? throw node.Refuse("it has no pads");
        var value = node.Number("value", 2, 0);
        var axes = node.Optional(3) >= 0 ? node.Integers(3) : null;
        return v =>
        {
            var (result, given, rank) = (v[x], pads(v), (int)v[x].dim());
            var at = axes?.Invoke(v) ?? [.. Enumerable.Range(0, given.Length / 2).Select(i => (long)i)];
            var sides = new (long Begin, long End)[rank];
            for (var i = 0; i < at.Length; i++)
                sides[Axis(at[i], rank)] = (given[i], given[i + at.Length]);
            node.Fit(v, [.. result.shape.Zip(sides, (size, s) => checked(size + s.Begin + s.End))]);
            if (source is null)
                return sides.All(s => s == (0, 0)) ? result : PadWith(result, sides, value(v));
            for (var i = 0; i < rank; i++)
            {
                if (sides[i] == (0, 0))
                    continue;
                var size = result.shape[i];
                var from = new long[Math.Max(0, size + sides[i].Begin + sides[i].End)];
                for (var j = 0; j < from.Length; j++)
                    from[j] = source(j - sides[i].Begin, size);
                result = result.index_select(i, tensor(from).On(result));
            }

            return result;
        };
    }

    private static long Modulo(long a, long b) => (a % b + b) % b;

    private static Kernel Trilu(OnnxNode node)
    {
        var (x, upper) = (node.Input(0), node.Int("upper", 1) != 0);
        var diagonal = node.Optional(1) < 0 ? _ => [0] : node.Integers(1);
        return v => upper ? v[x].triu(diagonal(v)[0]) : v[x].tril(diagonal(v)[0]);
    }

    // [batch, channels, height, width]: blocks of channels become blocks of pixels, depth first (DCR) or columns first
    // (CRD).
    private static Kernel DepthToSpace(OnnxNode node)
    {
        var (x, size, mode) = (node.Input(0), node.Int("blocksize"), node.Text("mode", "DCR"));
        if (mode is not ("DCR" or "CRD"))
            throw node.Refuse("attribute 'mode' is neither DCR nor CRD");
        if (size < 1)
            throw node.Refuse("attribute 'blocksize' is below 1");
        return v =>
        {
            if (v[x].shape is not [var n, var c, var h, var w])
                throw new ArgumentException("its input does not have four dimensions");
            var depth = c / (size * size);
            var parts =
                mode == "DCR"
                    ? v[x].reshape(n, size, size, depth, h, w).permute(0, 3, 4, 1, 5, 2)
                    : v[x].reshape(n, depth, size, size, h, w).permute(0, 1, 4, 2, 5, 3);
            return parts.reshape(n, depth, h * size, w * size);
        };
    }

    private static Kernel SpaceToDepth(OnnxNode node)
    {
        var (x, size) = (node.Input(0), node.Int("blocksize"));
        if (size < 1)
            throw node.Refuse("attribute 'blocksize' is below 1");
        return v =>
        {
            if (v[x].shape is not [var n, var c, var h, var w])
                throw new ArgumentException("its input does not have four dimensions");
            var blocks = v[x].reshape(n, c, h / size, size, w / size, size).permute(0, 3, 5, 1, 2, 4);
            return blocks.reshape(n, c * size * size, h / size, w / size);
        };
    }

    private static Kernel ReverseSequence(OnnxNode node)
    {
        var (x, lengths, batch, time) = (
            node.Input(0),
            node.Input(1),
            node.Int("batch_axis", 1),
            node.Int("time_axis", 0)
        );
        if ((batch, time) is not ((0, 1) or (1, 0)))
            throw node.Refuse("attributes 'batch_axis' and 'time_axis' are not 0 and 1");
        return v => time == 0 ? Reversed(v[x], v[lengths]) : Reversed(v[x].transpose(0, 1), v[lengths]).transpose(0, 1);
    }

    // x: [time, batch, ...]; of each row the first steps backwards, the others as they are.
    private static Tensor Reversed(Tensor x, Tensor lengths)
    {
        var (until, step) = (lengths.to_type(ScalarType.Int64), arange(Scalars.Whole(x.shape[0])).On(x).unsqueeze(1));
        var from = where(step < until, until - step - Scalars.Whole(1), step);
        return x.gather(0, from.reshape([.. from.shape, .. Same((int)x.dim() - 2, 1)]).expand(x.shape));
    }
}
