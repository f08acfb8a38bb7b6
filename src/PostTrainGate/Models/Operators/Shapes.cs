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

    // 0 keeps the axis of the input (unless allowzero), -1 takes what is left. Where a file fixes its batch, any other takes its place.
    private static Kernel Reshape(OnnxNode node)
    {
        var (x, target, allowZero) = (node.Input(0), node.Integers(1), node.Flag("allowzero"));
        return v =>
        {
            var (from, to) = (v[x].shape, (long[])target(v).Clone());
            for (var i = 0; i < to.Length && !allowZero; i++)
                if (to[i] == 0) to[i] = from[i];
            if (to.Length > 0 && from.Length > 0 && node.IsBatch(v, to[0], from[0])) to[0] = from[0];
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
        return v =>
        {
            var shape = v[parts[0]].shape;
            shape[Axis(axis, shape.Length)] = parts.Sum(p => v[p].shape[Axis(axis, shape.Length)]);
            node.Fit(v, shape);
            return cat([.. parts.Select(p => v[p])], axis);
        };
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
            long[] result = [.. shape[..dim], .. at.shape, .. shape[(dim + 1)..]];
            node.Fit(v, result);
            return data.index_select(dim, counted.flatten()).reshape(result);
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

    // Bounds are attributes before operator set 10 and inputs since.
    private static Kernel Slice(OnnxNode node)
    {
        var x = node.Input(0);
        var starts = node.Integers("starts", 1) ?? throw node.Refuse("it names no starts");
        var ends = node.Integers("ends", 2) ?? throw node.Refuse("it names no ends");
        var (axes, steps) = (node.Integers("axes", 3), node.Integers("steps", 4));
        return v =>
        {
            var (from, to, by) = (starts(v), ends(v), steps?.Invoke(v));
            var at = axes?.Invoke(v) ?? [.. Enumerable.Range(0, from.Length).Select(i => (long)i)];
            var result = v[x];
            for (var i = 0; i < at.Length; i++)
            {
                var (axis, step) = (Axis(at[i], result.dim()), by?[i] ?? 1);
                var size = result.shape[axis];
                if (step == 0) throw new ArgumentException("a step of zero");
                // Backwards is forwards on the flipped axis.
                var (first, last) = (Axis(from[i], size), Axis(to[i], size));
                if (step < 0) (result, first, last) = (result.flip(axis), size - 1 - first, size - 1 - last);
                (first, last) = (Math.Clamp(first, 0, size), Math.Clamp(last, 0, size));
                result = result.slice(axis, first, Math.Max(first, last), Math.Abs(step));
            }

            return result;
        };
    }

    // Sizes are an attribute before operator set 13 and an optional input since; equal parts where there are none.
    private static Kernel Split(OnnxNode node)
    {
        var (x, axis, parts) = (node.Input(0), node.Int("axis", 0), node.OutputCount);
        var sizes = node.Integers("split", 1);
        if (node.Int("num_outputs", parts) != parts) throw node.Refuse("attribute 'num_outputs' is not the number of its outputs");
        for (var i = 1; i < parts; i++) node.Also(i, Part(i));
        return Part(0);

        Kernel Part(int index) => v =>
        {
            var size = v[x].shape[Axis(axis, v[x].dim())];
            var each = (size + parts - 1) / parts;
            var given = sizes?.Invoke(v) ?? [.. Enumerable.Range(0, parts).Select(i => Math.Max(0, Math.Min(each, size - i * each)))];
            return v[x].narrow(axis, given[..index].Sum(), given[index]);
        };
    }

    private static Kernel Expand(OnnxNode node)
    {
        var (x, shape) = (node.Input(0), node.Integers(1));
        return v =>
        {
            var target = Broadcast(v[x].shape, shape(v));
            node.Fit(v, target);
            return v[x].expand(target);
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

            node.Fit(v, Padded(v[x].shape, sides));
            var used = sides.Length;
            while (used > 0 && sides[used - 1] == 0 && sides[used - 2] == 0) used -= 2;
            return used == 0 ? v[x] : nn.functional.pad(v[x], sides[..used], mode, value(v));
        };
    }

    // torch's pads: begin and end of the last axis, then of the one before it, ...
    private static long[] Padded(long[] shape, long[] sides) =>
        [.. shape.Select((size, i) => size + sides[2 * (shape.Length - 1 - i)] + sides[2 * (shape.Length - 1 - i) + 1])];
}
