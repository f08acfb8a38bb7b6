using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Operators that move values and compute none.
internal static partial class Operators
{
    // An axis counted from the front.
    private static long Axis(long axis, long rank) => axis < 0 ? axis + rank : axis;

    private static Kernel Flatten(OnnxNode node)
    {
        var (x, axis) = (node.Input(0), node.Int("axis", 1));
        return v =>
        {
            var shape = v[x].shape;
            var first = (int)Axis(axis, shape.Length);
            return v[x].reshape(shape[..first].Aggregate(1L, (a, b) => a * b), shape[first..].Aggregate(1L, (a, b) => a * b));
        };
    }

    // 0 keeps the axis of the input (unless allowzero), -1 takes what is left.
    private static Kernel Reshape(OnnxNode node)
    {
        var (x, target, allowZero) = (node.Input(0), node.Integers(1), node.Flag("allowzero"));
        return v =>
        {
            var (from, to) = (v[x].shape, (long[])target(v).Clone());
            for (var i = 0; i < to.Length && !allowZero; i++)
                if (to[i] == 0) to[i] = from[i];
            return v[x].reshape(to);
        };
    }

    private static Kernel Transpose(OnnxNode node)
    {
        var (x, order) = (node.Input(0), node.Ints("perm"));
        return v => v[x].permute(order ?? [.. Enumerable.Range(0, (int)v[x].dim()).Select(i => (long)i).Reverse()]);
    }

    private static Kernel Concat(OnnxNode node)
    {
        var (parts, axis) = (node.Inputs.ToArray(), node.Int("axis"));
        return v => cat([.. parts.Select(p => v[p])], axis);
    }

    private static Kernel Shape(OnnxNode node)
    {
        var (x, start) = (node.Input(0), node.Int("start", 0));
        var end = node.Int("end", long.MaxValue);
        return v =>
        {
            var shape = v[x].shape;
            long Bound(long at) => Math.Clamp(at < 0 ? at + shape.Length : at, 0, shape.Length);
            var (first, last) = ((int)Bound(start), (int)Bound(end));
            return tensor(first < last ? shape[first..last] : []);
        };
    }

    // The result has the shape of the indices in place of the axis.
    private static Kernel Gather(OnnxNode node)
    {
        var (x, indices, axis) = (node.Input(0), node.Input(1), node.Int("axis", 0));
        return v =>
        {
            var (data, at) = (v[x], v[indices].to_type(ScalarType.Int64));
            var dim = (int)Axis(axis, data.dim());
            var shape = data.shape;
            var counted = where(at < 0, at + shape[dim], at);
            return data.index_select(dim, counted.flatten()).reshape([.. shape[..dim], .. at.shape, .. shape[(dim + 1)..]]);
        };
    }

    private static Kernel Squeeze(OnnxNode node)
    {
        var (x, axes) = (node.Input(0), node.Integers("axes", 1));
        return v =>
        {
            var shape = v[x].shape;
            HashSet<long> drop = axes is null
                ? [.. Enumerable.Range(0, shape.Length).Where(i => shape[i] == 1).Select(i => (long)i)]
                : [.. axes(v).Select(a => Axis(a, shape.Length))];
            if (drop.Any(a => shape[a] != 1)) throw new ArgumentException($"axes {string.Join(", ", drop)} to drop are not all of size 1");
            return v[x].reshape([.. shape.Where((_, i) => !drop.Contains(i))]);
        };
    }

    private static Kernel Unsqueeze(OnnxNode node)
    {
        var (x, axes) = (node.Input(0), node.Integers("axes", 1) ?? throw node.Refuse("it names no axes"));
        return v =>
        {
            var added = axes(v);
            var rank = v[x].dim() + added.Length;
            var shape = v[x].shape.ToList();
            foreach (var axis in added.Select(a => (int)Axis(a, rank)).Order()) shape.Insert(axis, 1);
            return v[x].reshape([.. shape]);
        };
    }

    // pads: begins of all axes, then ends; torch wants begin and end of each axis from the last.
    private static Kernel Pad(OnnxNode node)
    {
        var mode = node.Text("mode", "constant") switch
        {
            "constant" => PaddingModes.Constant,
            "reflect" => PaddingModes.Reflect,
            "edge" => PaddingModes.Replicate,
            "wrap" => PaddingModes.Circular,
            var other => throw node.Refuse($"mode '{other}' is not supported"),
        };
        var x = node.Input(0);
        var pads = node.Integers("pads", 1) ?? throw node.Refuse("it names no pads");
        var value = node.Number("value", 2, 0);
        var axes = node.Optional(3) >= 0 ? node.Integers(3) : null;
        return v =>
        {
            var rank = (int)v[x].dim();
            var given = pads(v);
            var at = axes?.Invoke(v) ?? [.. Enumerable.Range(0, given.Length / 2).Select(i => (long)i)];
            var sides = new long[rank * 2];
            for (var i = 0; i < at.Length; i++)
            {
                var last = rank - 1 - (int)Axis(at[i], rank);
                (sides[2 * last], sides[2 * last + 1]) = (given[i], given[i + at.Length]);
            }

            var used = sides.Length;
            while (used > 0 && sides[used - 1] == 0 && sides[used - 2] == 0) used -= 2;
            return used == 0 ? v[x] : nn.functional.pad(v[x], sides[..used], mode, value);
        };
    }
}
