using PostTrainGate.Foundation;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Resampling. Along each axis it is a linear map: a weighted sum of few places, which are known before the values are.
internal static partial class Operators
{
    // How a place of the result becomes a coordinate of the input, and which places around it count.
    private sealed record Sampling(string Mode, string Coordinates, string Nearest, float CubicA, bool ExcludeOutside)
    {
        // Per tap: places of the input and their weights, for every place of the result; and the coordinates. In
        // float32, as ONNX Runtime.
        public (long[][] Places, float[][] Weights, float[] At) Taps(
            long input,
            long output,
            float scale,
            float start,
            float end
        )
        {
            float[] at =
            [
                .. Enumerable.Range(0, (int)output).Select(i => Coordinate(i, input, output, scale, start, end)),
            ];
            if (Mode == "nearest")
                return (
                    [
                        [.. at.Select(x => Clamped(NearestOf(x, scale), input))],
                    ],
                    [],
                    at
                );
            int[] offsets = Mode == "linear" ? [0, 1] : [-1, 0, 1, 2];
            float[][] weights = [.. at.Select(x => Weights(x, offsets, input))];
            return (
                [.. offsets.Select(o => at.Select(x => Clamped((long)MathF.Floor(x) + o, input)).ToArray())],
                [.. offsets.Select((_, k) => weights.Select(w => w[k]).ToArray())],
                at
            );
        }

        private static long Clamped(long place, long size) => Math.Clamp(place, 0, size - 1);

        private float Coordinate(int x, long input, long output, float scale, float start, float end) =>
            Coordinates switch
            {
                "half_pixel" => (x + 0.5f) / scale - 0.5f,
                "half_pixel_symmetric" => input / 2f * (1 - output / (scale * input)) + (x + 0.5f) / scale - 0.5f,
                "pytorch_half_pixel" => output > 1 ? (x + 0.5f) / scale - 0.5f : 0,
                "tf_half_pixel_for_nn" => (x + 0.5f) / scale,
                "align_corners" => output > 1 ? x * (float)(input - 1) / (output - 1) : 0,
                "tf_crop_and_resize" => output > 1
                    ? start * (input - 1) + x * (end - start) * (input - 1) / (output - 1)
                    : 0.5f * (start + end) * (input - 1),
                _ => x / scale,
            };

        private long NearestOf(float x, float scale) =>
            (long)(
                Nearest switch
                {
                    "round_prefer_floor" => MathF.Ceiling(x - 0.5f),
                    "round_prefer_ceil" => MathF.Floor(x + 0.5f),
                    "ceil" => MathF.Ceiling(x),
                    "ceil where smaller" when scale < 1 => MathF.Ceiling(x), // operator set 10
                    _ => MathF.Floor(x),
                }
            );

        private float[] Weights(float x, int[] offsets, long input)
        {
            var (floor, rest) = ((long)MathF.Floor(x), x - MathF.Floor(x));
            float[] weights =
            [
                .. offsets.Select(o => Mode == "linear" ? 1 - MathF.Abs(rest - o) : Cubic(MathF.Abs(rest - o))),
            ];
            if (!ExcludeOutside)
                return weights;
            for (var k = 0; k < weights.Length; k++)
                if (floor + offsets[k] < 0 || floor + offsets[k] >= input)
                    weights[k] = 0;
            var sum = weights.Sum();
            return [.. weights.Select(w => w / sum)];
        }

        // Keys, "Cubic convolution interpolation for digital image processing", 1981.
        private float Cubic(float d) =>
            d <= 1
                ? ((CubicA + 2) * d - (CubicA + 3)) * d * d + 1
                : ((CubicA * d - 5 * CubicA) * d + 8 * CubicA) * d - 4 * CubicA;
    }

    // Scales are an attribute before operator set 9.
    private static Kernel Upsample(OnnxNode node)
    {
        var x = node.Input(0);
        var stated = node.Opset < 9 ? node.Floats("scales") ?? throw node.Refuse("attribute 'scales' is missing") : [];
        var scales = node.Opset < 9 ? _ => stated : node.Numbers(1);
        var sampling = new Sampling(Mode(node), "asymmetric", "floor", 0, false);
        return v =>
        {
            var by = scales(v);
            return Resampled(
                node,
                v,
                v[x],
                sampling,
                [.. v[x].shape.Select((_, i) => i)],
                by,
                Scaled(v[x].shape, by),
                null,
                null
            );
        };
    }

    private static Kernel Resize(OnnxNode node)
    {
        var (x, old) = (node.Input(0), node.Opset < 11);
        var sampling = old
            ? new Sampling(Mode(node), "asymmetric", "ceil where smaller", 0, false)
            : new(
                Mode(node),
                Known(
                    "coordinate_transformation_mode",
                    "half_pixel",
                    "half_pixel_symmetric",
                    "pytorch_half_pixel",
                    "align_corners",
                    "asymmetric",
                    "tf_half_pixel_for_nn",
                    "tf_crop_and_resize"
                ),
                Known("nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
                node.Float("cubic_coeff_a", -0.75f),
                node.Flag("exclude_outside")
            );
        if (node.Flag("antialias"))
            throw node.Refuse("attribute 'antialias' is set");
        var policy = Known("keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller");
        var named = node.Ints("axes");
        var crops = sampling.Coordinates == "tf_crop_and_resize";
        var outside = node.Float("extrapolation_value", 0);
        var region = crops ? node.Numbers(1) : null;
        var scales = node.Optional(old ? 1 : 2) < 0 ? _ => [] : node.Numbers(old ? 1 : 2);
        var sizes = node.Optional(3) < 0 ? null : node.Integers(3);
        return v =>
        {
            var shape = v[x].shape;
            int[] axes = named is null
                ? [.. shape.Select((_, i) => i)]
                : [.. named.Select(a => (int)Axis(a, shape.Length))];
            long[] from = [.. axes.Select(a => shape[a])];
            var by = scales(v);
            long[] to;
            if (by.Length > 0 || sizes is null)
            {
                to = Scaled(from, by);
                // ONNX's own cases divide by the size before it is cut to a whole number, ONNX Runtime by the one
                // after.
                var rests = from.Zip(by, (size, scale) => (double)size * scale % 1);
                if (sampling.Coordinates == "align_corners" && rests.Any(rest => rest != 0))
                    throw new ArgumentException("the scales yield no integer size to align corners with");
            }
            else
                (by, to) = Stretched(from, sizes(v), policy);
            return Resampled(node, v, v[x], sampling, axes, by, to, region?.Invoke(v), crops ? outside : null);
        };

        string Known(string name, params ReadOnlySpan<string> values)
        {
            var value = node.Text(name, values[0]);
            return values.Contains(value) ? value : throw node.Refuse($"attribute '{name}' is {Wording.Quote(value)}");
        }
    }

    private static string Mode(OnnxNode node) =>
        node.Text("mode", "nearest") switch
        {
            "bilinear" => "linear", // before operator set 9
            var mode and ("nearest" or "linear" or "cubic") => mode,
            var other => throw node.Refuse($"attribute 'mode' is {Wording.Quote(other)}"),
        };

    private static long[] Scaled(long[] from, float[] by) =>
        by.Length == from.Length
            ? [.. from.Zip(by, (size, scale) => (long)Math.Floor((double)size * scale))]
            : throw new ArgumentException($"it has {by.Length} scales for {from.Length} dimensions");

    private static (float[] By, long[] To) Stretched(long[] from, long[] to, string policy)
    {
        if (to.Length != from.Length)
            throw new ArgumentException($"it has {to.Length} sizes for {from.Length} dimensions");
        float[] by = [.. from.Zip(to, (size, wanted) => (float)wanted / size)];
        if (policy == "stretch")
            return (by, to);
        var one = policy == "not_larger" ? by.Min() : by.Max();
        return ([.. by.Select(_ => one)], [.. from.Select(size => (long)MathF.Floor(one * size + 0.5f))]);
    }

    private static Tensor Resampled(
        OnnxNode node,
        Tensor[] v,
        Tensor x,
        Sampling sampling,
        int[] axes,
        float[] by,
        long[] to,
        float[]? region,
        float? outside
    )
    {
        var shape = x.shape;
        for (var i = 0; i < axes.Length; i++)
            shape[axes[i]] = to[i];
        node.Fit(v, shape);
        Tensor? beyond = null;
        for (var i = 0; i < axes.Length; i++)
        {
            var (axis, size) = (axes[i], x.shape[axes[i]]);
            if (to[i] == size && by[i] == 1 && region is null)
                continue;
            var (places, weights, at) = sampling.Taps(
                size,
                to[i],
                by[i],
                region?[i] ?? 0,
                region?[i + axes.Length] ?? 1
            );
            long[] column = [to[i], .. Same(shape.Length - 1 - axis, 1)];
            var parts = places.Select(p => x.index_select(axis, tensor(p).On(x))).ToList();
            var weighted = parts.Zip(weights, (part, w) => part * tensor(w, part.dtype).On(x).reshape(column));
            x = weights.Length == 0 ? parts[0] : weighted.Aggregate(add);
            if (outside is null)
                continue;
            var here = tensor(at.Select(a => a < 0 || a > size - 1).ToArray()).On(x).reshape(column);
            beyond = beyond is null ? here : beyond.logical_or(here);
        }

        return beyond is null ? x : where(beyond, full_like(x, outside!.Value), x);
    }

    private static Kernel GridSample(OnnxNode node)
    {
        var (x, grid, corners) = (node.Input(0), node.Input(1), node.Flag("align_corners"));
        var mode = node.Text("mode", "linear") switch
        {
            "bilinear" or "linear" => GridSampleMode.Bilinear,
            "nearest" => GridSampleMode.Nearest,
            var other => throw node.Refuse($"attribute 'mode' is {Wording.Quote(other)}"),
        };
        var padding = node.Text("padding_mode", "zeros") switch
        {
            "zeros" => GridSamplePaddingMode.Zeros,
            "border" => GridSamplePaddingMode.Border,
            "reflection" => GridSamplePaddingMode.Reflection,
            var other => throw node.Refuse($"attribute 'padding_mode' is {Wording.Quote(other)}"),
        };
        return v =>
        {
            node.Fit(v, [.. v[x].shape[..2], .. v[grid].shape[1..^1]]);
            return nn.functional.grid_sample(v[x], v[grid], mode, padding, corners);
        };
    }
}
