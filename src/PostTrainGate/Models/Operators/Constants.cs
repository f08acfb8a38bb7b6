using PostTrainGate.Models.Onnx;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Values from nothing but shapes, types and the file.
internal static partial class Operators
{
    private static Kernel Constant(OnnxNode node)
    {
        // Read once: the kernel runs once, when the constant is folded.
        if (node.Attribute("value") is not null)
            return _ => node.Tensor("value") ?? throw node.Refuse("attribute 'value' holds no tensor");
        if (node.Attribute("value_float") is { } f)
            return _ => tensor(f.F);
        if (node.Attribute("value_floats") is { } fs)
            return _ => tensor(fs.Floats.ToArray());
        if (node.Attribute("value_int") is { } i)
            return _ => tensor(i.I);
        if (node.Attribute("value_ints") is { } s)
            return _ => tensor(s.Ints.ToArray());
        throw node.Refuse("it holds no dense tensor of numbers");
    }

    private static Kernel Cast(OnnxNode node)
    {
        var (x, to) = (node.Input(0), (int)node.Int("to"));
        var type = node.TypeOf(to)
            ?? throw node.Refuse($"attribute 'to' is {(TensorProto.Types.DataType)to}, which is not supported");
        node.Int("saturate", 1); // only for 8-bit floats, which are refused
        return v => v[x].to_type(type);
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
            return tensor(first < last ? shape[first..last] : []).On(v[x]);
        };
    }

    private static Kernel CastLike(OnnxNode node)
    {
        var (x, like) = (node.Input(0), node.Input(1));
        node.Int("saturate", 1);
        return v => v[x].to_type(v[like].dtype);
    }

    private static Kernel ConstantOfShape(OnnxNode node)
    {
        var (given, shape) = (node.Input(0), node.Integers(0));
        using var value = node.Tensor("value");
        if (value is { } filling && filling.numel() != 1)
            throw node.Refuse("attribute 'value' is not one number");
        var (fill, type) = value is null
            ? (Scalars.Get(0), ScalarType.Float32)
            : (value.reshape([1]).ToScalar(), value.dtype);
        return v =>
        {
            node.Fit(v, shape(v));
            return full(shape(v), fill, type).On(v[given]);
        };
    }

    private static Kernel EyeLike(OnnxNode node)
    {
        var (x, diagonal, code) = (node.Input(0), node.Int("k", 0), (int)node.Int("dtype", 0));
        var type = node.TypeOf(code);
        if (type is null && code != 0)
            throw node.Refuse($"attribute 'dtype' is {(TensorProto.Types.DataType)code}, which is not supported");
        return v =>
        {
            if (v[x].shape is not [var rows, var columns])
                throw new ArgumentException("its input is not a matrix");
            var place = (arange(Scalars.Whole(columns)) - arange(Scalars.Whole(rows)).unsqueeze(1)).On(v[x]);
            return place.eq(Scalars.Whole(diagonal)).to_type(type ?? v[x].dtype);
        };
    }

    // start, start + delta, ... below (or above) the limit.
    private static Kernel Range(OnnxNode node)
    {
        var (start, delta) = (node.Input(0), node.Input(2));
        var (first, limit, by) = (node.Number(0), node.Number(1), node.Number(2));
        return v =>
        {
            var count = Math.Ceiling((limit(v) - first(v)) / by(v));
            if (!double.IsFinite(count) || count > OnnxNode.MaxNumbersPerRow)
                throw new ArgumentException("the range is infinite");
            return arange(Scalars.Whole((long)Math.Max(0, count)), dtype: v[start].dtype).On(v[start])
                    * v[delta].reshape([])
                + v[start].reshape([]);
        };
    }
}
