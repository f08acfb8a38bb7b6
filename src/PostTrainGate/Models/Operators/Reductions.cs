using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Axes that become one value, its place, or their running sums.
internal static partial class Operators
{
    // Axes are an attribute before operator set 18 (of ReduceSum: 13) and an optional input since; none means all.
    private static Func<OnnxNode, Kernel> Reduce(Func<Tensor, long[], bool, Tensor> function) =>
        node =>
        {
            var (x, keep, noop) = (node.Input(0), node.Int("keepdims", 1) != 0, node.Flag("noop_with_empty_axes"));
            var axes = node.Integers("axes", 1);
            return v =>
            {
                var over = axes?.Invoke(v) ?? [];
                if (over.Length > 0)
                    return function(v[x], over, keep);
                return noop
                    ? v[x]
                    : function(v[x], [.. Enumerable.Range(0, (int)v[x].dim()).Select(i => (long)i)], keep);
            };
        };

    // Integers are computed in float64 and cut off, as ONNX Runtime does.
    private static Tensor InFloats(Tensor x, Func<Tensor, Tensor> function) =>
        is_floating_point(x) ? function(x) : function(x.to_type(ScalarType.Float64)).to_type(x.dtype);

    private static Tensor LogSumExp(Tensor x, long[] axes, bool keep) =>
        EachAxis(x, axes, keep, (y, axis) => y.logsumexp(axis, true));

    private static Tensor Product(Tensor x, long[] axes, bool keep) =>
        EachAxis(x, axes, keep, (y, axis) => y.prod(axis, true, x.dtype));

    // One axis after another.
    private static Tensor EachAxis(Tensor x, long[] axes, bool keep, Func<Tensor, long, Tensor> function)
    {
        var all = axes.Aggregate(x, function);
        return keep
            ? all
            : axes.Select(a => Axis(a, x.dim())).OrderDescending().Aggregate(all, (y, axis) => y.squeeze(axis));
    }

    // The place of an extreme, of equal ones the first or the last.
    private static Func<OnnxNode, Kernel> Place(Func<Tensor, long, Tensor> function) =>
        node =>
        {
            var (x, axis, keep, last) = (
                node.Input(0),
                node.Int("axis", 0),
                node.Int("keepdims", 1) != 0,
                node.Flag("select_last_index")
            );
            return v =>
            {
                var place = last
                    ? function(v[x].flip(axis), axis)
                        .neg()
                        .add(Scalars.Whole(v[x].shape[Axis(axis, v[x].dim())] - 1), Scalars.Whole(1))
                    : function(v[x], axis);
                return keep ? place : place.squeeze(axis);
            };
        };

    // Of equal values the first ones. The number is an attribute before operator set 10.
    private static Kernel TopK(OnnxNode node)
    {
        var (x, axis, largest) = (node.Input(0), node.Int("axis", -1), node.Int("largest", 1) != 0);
        var count = node.Opset < 10 ? _ => [node.Int("k")] : node.Integers(1);
        node.Int("k", 0);
        node.Int("sorted", 1); // any order will do
        node.Also(1, v => Sorted(v).Places);
        return v => Sorted(v).Values;

        (Tensor Values, Tensor Places) Sorted(Tensor[] v)
        {
            var (values, places) = sort(v[x], axis, largest, stable: true);
            return (values.narrow(axis, 0, count(v)[0]), places.narrow(axis, 0, count(v)[0]));
        }
    }

    private static Kernel CumSum(OnnxNode node)
    {
        var (x, axis, exclusive, reverse) = (
            node.Input(0),
            node.Integers(1),
            node.Flag("exclusive"),
            node.Flag("reverse")
        );
        return v =>
        {
            var along = axis(v)[0];
            var data = reverse ? v[x].flip(along) : v[x];
            var sums = data.cumsum(along, v[x].dtype);
            var before = data.shape[Axis(along, data.dim())] - 1;
            if (exclusive)
                sums = cat([zeros_like(data.narrow(along, 0, 1)), sums.narrow(along, 0, before)], along);
            return reverse ? sums.flip(along) : sums;
        };
    }
}
