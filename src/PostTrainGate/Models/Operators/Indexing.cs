using PostTrainGate.Foundation;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Operators that pick values by place, or put them there.
internal static partial class Operators
{
    // The result has the shape of the indices in place of the axis.
    private static Kernel Gather(OnnxNode node)
    {
        var (x, indices, axis) = (node.Input(0), node.Input(1), node.Int("axis", 0));
        return v =>
        {
            var (data, shape) = (v[x], v[x].shape);
            var dim = (int)Axis(axis, data.dim());
            var at = FromFront(v[indices], shape[dim]);
            long[] result = [.. shape[..dim], .. at.shape, .. shape[(dim + 1)..]];
            node.Fit(v, result);
            return data.index_select(dim, at.flatten()).reshape(result);
        };
    }

    // Bounds are attributes before operator set 10 and inputs since.
    private static Kernel Slice(OnnxNode node)
    {
        var x = node.Input(0);
        var starts = node.Integers("starts", 1) ?? throw node.Refuse("it has no starts");
        var ends = node.Integers("ends", 2) ?? throw node.Refuse("it has no ends");
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
                if (step == 0)
                    throw new ArgumentException("the step is zero");
                var (first, last) = (Axis(from[i], size), Axis(to[i], size));
                if (step < 0)
                {
                    // Backwards starts inside, and is forwards on the flipped axis.
                    (first, last) = (size - 1 - Math.Clamp(first, 0, Math.Max(0, size - 1)), size - 1 - last);
                    result = result.flip(axis);
                }

                (first, last) = (Math.Clamp(first, 0, size), Math.Clamp(last, 0, size));
                result = result.slice(axis, first, Math.Max(first, last), Math.Abs(step));
            }

            return result;
        };
    }

    // Negative places count from the end; others than those of the axis are errors.
    private static Tensor FromFront(Tensor places, long size)
    {
        var at = places.to_type(ScalarType.Int64);
        var front = where(at < Scalars.Whole(0), at.add(Scalars.Whole(size), Scalars.Whole(1)), at);
        if (front.numel() > 0 && (front.min().item<long>() < 0 || front.max().item<long>() >= size))
            throw new ArgumentException($"an index is outside a dimension of size {size}");
        return front;
    }

    private static Kernel GatherElements(OnnxNode node)
    {
        var (x, indices, axis) = (node.Input(0), node.Input(1), node.Int("axis", 0));
        return v => v[x].gather(axis, FromFront(v[indices], v[x].shape[Axis(axis, v[x].dim())]));
    }

    // The last axis of the indices are coordinates of the data's axes after the shared ones.
    private static Kernel GatherND(OnnxNode node)
    {
        var (x, indices, shared) = (node.Input(0), node.Input(1), (int)node.Int("batch_dims", 0));
        return v =>
        {
            var (data, at) = (v[x].shape, v[indices].shape);
            var rest = data[(shared + (int)at[^1])..];
            long[] result = [.. at[..^1], .. rest];
            node.Fit(v, result);
            var batches = data[..shared].Aggregate(1L, (a, b) => a * b);
            var places = Places(v[indices], data[shared..]).reshape(batches, -1);
            var each = data[shared..(shared + (int)at[^1])].Aggregate(1L, (a, b) => a * b);
            places = places + arange(Scalars.Whole(batches)).On(places).mul(Scalars.Whole(each)).unsqueeze(1);
            return v[x].reshape([batches * each, .. rest]).index_select(0, places.flatten()).reshape(result);
        };
    }

    // Coordinates [..., k] as places in an array of the first k axes of a shape.
    private static Tensor Places(Tensor coordinates, long[] shape)
    {
        var place = zeros(coordinates.shape[..^1], dtype: ScalarType.Int64).On(coordinates);
        for (var i = 0; i < coordinates.shape[^1]; i++)
            place = place * Scalars.Whole(shape[i]) + FromFront(coordinates.select(-1, i), shape[i]);
        return place;
    }

    private static Kernel ScatterElements(OnnxNode node)
    {
        var (x, indices, updates, axis) = (node.Input(0), node.Input(1), node.Input(2), node.Int("axis", 0));
        var put = Put(node);
        return v =>
        {
            var (data, at) = (v[x].shape, v[indices].shape);
            var dim = Axis(axis, data.Length);
            var place = zeros(at, dtype: ScalarType.Int64).On(v[x]);
            for (var i = 0; i < data.Length; i++)
            {
                var along =
                    i == dim
                        ? FromFront(v[indices], data[i])
                        : arange(Scalars.Whole(at[i])).On(v[x]).reshape([at[i], .. Same(data.Length - 1 - i, 1)]);
                place = place * Scalars.Whole(data[i]) + along;
            }

            return put(v[x].flatten(), place.flatten(), v[updates].flatten()).reshape(data);
        };
    }

    private static Kernel ScatterND(OnnxNode node)
    {
        var (x, indices, updates) = (node.Input(0), node.Input(1), node.Input(2));
        var put = Put(node);
        return v =>
        {
            var (shape, rest) = (v[x].shape, v[x].shape[(int)v[indices].shape[^1]..]);
            var places = Places(v[indices], shape).flatten();
            return put(v[x].reshape([-1, .. rest]), places, v[updates].reshape([places.shape[0], .. rest]))
                .reshape(shape);
        };
    }

    // data: [places, ...]; updates: [n, ...].
    private static Func<Tensor, Tensor, Tensor, Tensor> Put(OnnxNode node) =>
        node.Text("reduction", "none") switch
        {
            "none" => (data, places, updates) => data.index_copy(0, places, updates),
            "add" => (data, places, updates) => data.index_add(0, places, updates, Scalars.Whole(1)),
            var other => throw node.Refuse($"attribute 'reduction' is {Wording.Quote(other)}"),
        };

    // values: [off, on]. A place outside gives a row of off.
    private static Kernel OneHot(OnnxNode node)
    {
        var (indices, depth, values, axis) = (node.Input(0), node.Integers(1), node.Input(2), node.Int("axis", -1));
        return v =>
        {
            var (at, size) = (v[indices].to_type(ScalarType.Int64), depth(v)[0]);
            var dim = (int)Axis(axis, at.dim() + 1);
            node.Fit(v, [.. at.shape, size]);
            at = where(at < Scalars.Whole(0), at.add(Scalars.Whole(size), Scalars.Whole(1)), at).unsqueeze(dim);
            return where(IsAt(at, dim, size), v[values].select(0, 1), v[values].select(0, 0));
        };
    }

    // Where a place along an axis is the one that is given there with one value.
    private static Tensor IsAt(Tensor place, long axis, long size) =>
        place.eq(
            arange(Scalars.Whole(size))
                .On(place)
                .reshape([size, .. Same((int)(place.dim() - 1 - Axis(axis, place.dim())), 1)])
        );

    private static Kernel Compress(OnnxNode node)
    {
        var (x, condition) = (node.Input(0), node.Input(1));
        var axis = node.Attribute("axis") is null ? (long?)null : node.Int("axis");
        return v =>
        {
            var kept = v[condition].nonzero().flatten();
            return axis is { } along
                ? v[x].index_select(Axis(along, v[x].dim()), kept)
                : v[x].flatten().index_select(0, kept);
        };
    }
}
