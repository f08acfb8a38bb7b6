using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Operators that move all values to other places.
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
            return v[x]
                .reshape(shape[..first].Aggregate(1L, (a, b) => a * b), shape[first..].Aggregate(1L, (a, b) => a * b));
        };
    }

    // 0 keeps the axis of the input (unless allowzero), -1 takes what is left. Where a file fixes its batch, any other
    // takes its place.
    private static Kernel Reshape(OnnxNode node)
    {
        var (x, target, allowZero) = (node.Input(0), node.Integers(1), node.Flag("allowzero"));
        return v =>
        {
            var (from, to) = (v[x].shape, (long[])target(v).Clone());
            for (var i = 0; i < to.Length && !allowZero; i++)
                if (to[i] == 0)
                    to[i] = from[i];
            if (to.Length > 0 && from.Length > 0 && node.IsBatch(v, to[0], from[0]))
                to[0] = from[0];
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
            // A constant that a file with a fixed batch repeats for its rows, such as a transformer's class token, goes
            // to all rows.
            var rows = Axis(axis, shape.Length) == 0 ? 0 : parts.Max(p => v[p].shape[0]);
            return cat([.. parts.Select(p => rows > 0 ? node.Rowwise(v, v[p], rows) : v[p])], axis);
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
            if (drop.Any(a => shape[a] != 1))
                throw new ArgumentException($"the axes to squeeze ({string.Join(", ", drop)}) do not all have size 1");
            return v[x].reshape([.. shape.Where((_, i) => !drop.Contains(i))]);
        };
    }

    private static Kernel Unsqueeze(OnnxNode node)
    {
        var (x, axes) = (node.Input(0), node.Integers("axes", 1) ?? throw node.Refuse("it has no axes"));
        return v =>
        {
            var added = axes(v);
            var rank = v[x].dim() + added.Length;
            var shape = v[x].shape.ToList();
            foreach (var axis in added.Select(a => (int)Axis(a, rank)).Order())
                shape.Insert(axis, 1);
            return v[x].reshape([.. shape]);
        };
    }

    // Sizes are an attribute before operator set 13 and an optional input since; equal parts where there are none.
    private static Kernel Split(OnnxNode node)
    {
        var (x, axis, parts) = (node.Input(0), node.Int("axis", 0), node.OutputCount);
        var sizes = node.Integers("split", 1);
        if (node.Int("num_outputs", parts) != parts)
            throw node.Refuse("attribute 'num_outputs' differs from the number of outputs");
        for (var i = 1; i < parts; i++)
            node.Also(i, Part(i));
        return Part(0);

        Kernel Part(int index) =>
            v =>
            {
                var size = v[x].shape[Axis(axis, v[x].dim())];
                var each = (size + parts - 1) / parts;
                var given = sizes?.Invoke(v)
                    ?? [.. Enumerable.Range(0, parts).Select(i => Math.Max(0, Math.Min(each, size - i * each)))];
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

    private static Kernel Tile(OnnxNode node)
    {
        var (x, repeats) = (node.Input(0), node.Integers(1));
        return v =>
        {
            var times = repeats(v);
            if (times.Length != v[x].dim())
                throw new ArgumentException($"{times.Length} repeats");
            node.Fit(v, [.. v[x].shape.Zip(times, (size, n) => checked(size * n))]);
            return v[x].repeat(times);
        };
    }
}
