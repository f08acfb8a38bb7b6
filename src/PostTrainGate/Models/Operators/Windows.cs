using PostTrainGate.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Convolution over one to three spatial axes, and what it shares with pooling.
internal static partial class Operators
{
    // Attributes that all of them share. Pads: begins of all spatial axes, then ends, as ONNX has them.
    private sealed class Window
    {
        private readonly OnnxNode _node;
        private readonly string _autoPad;
        private readonly long[]? _pads;
        private readonly long[]? _strides;
        private readonly long[]? _dilations;

        public Window(OnnxNode node)
        {
            _node = node;
            _autoPad = node.Text("auto_pad", "NOTSET");
            Kernel = Positive("kernel_shape", 1);
            _pads = Positive("pads", 0);
            _strides = Positive("strides", 1);
            _dilations = Positive("dilations", 1);
            if (_autoPad is not ("NOTSET" or "VALID" or "SAME_UPPER" or "SAME_LOWER"))
                throw node.Refuse($"auto_pad {Wording.Quote(_autoPad)} is unknown");
        }

        public long[]? Kernel { get; }

        public long[] Strides(int axes) => _strides ?? Same(axes, 1);

        public long[] Dilations(int axes) => _dilations ?? Same(axes, 1);

        // (begin, end) of each spatial axis for an input of this shape. SAME with a stride beyond the kernel: ONNX
        // Runtime's pooling crops, its convolution does not.
        public (long Begin, long End)[] Pads(long[] input, long[] kernel, bool crops = false)
        {
            var axes = kernel.Length;
            if (_autoPad == "VALID")
                return new (long, long)[axes];
            if (_autoPad == "NOTSET" && _pads is null)
                return new (long, long)[axes];
            if (_autoPad == "NOTSET")
                return [.. Enumerable.Range(0, axes).Select(i => (_pads![i], _pads[i + axes]))];
            var (strides, dilations) = (Strides(axes), Dilations(axes));
            return
            [
                .. Enumerable
                    .Range(0, axes)
                    .Select(i =>
                    {
                        var size = input[input.Length - axes + i];
                        var outputs = (size + strides[i] - 1) / strides[i];
                        var total = (outputs - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - size;
                        if (!crops)
                            total = Math.Max(0, total);
                        var begin = (_autoPad == "SAME_UPPER" ? total : total + 1) / 2;
                        return (begin, total - begin);
                    }),
            ];
        }

        // (begin, end) of what a transposed convolution cuts off its full result.
        public (long Begin, long End)[] TransposedPads(long[] input, long[] full, long[]? target)
        {
            var same = _autoPad is "SAME_UPPER" or "SAME_LOWER";
            if (target is null && !same)
                return Pads(input, full);
            if (target is { } given && given.Length < full.Length)
                throw new ArgumentException("output_shape has too few dimensions");
            var strides = Strides(full.Length);
            return
            [
                .. full.Select(
                    (size, i) =>
                    {
                        var wanted = target is null
                            ? input[i + 2] * strides[i]
                            : target[target.Length - full.Length + i];
                        var total = Math.Max(0, size - wanted);
                        var begin = _autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
                        // A larger result than the full one grows at its end.
                        return (begin, (target is null ? total : size - wanted) - begin);
                    }
                ),
            ];
        }

        // Neither the padded input nor the result may be too large.
        public void Fit(Tensor[] v, long[] input, long channels, long[] kernel, (long Begin, long End)[] pads)
        {
            var (strides, dilations) = (Strides(kernel.Length), Dilations(kernel.Length));
            long[] padded = [.. pads.Select((p, i) => checked(input[i + 2] + p.Begin + p.End))];
            _node.Fit(v, [.. input[..2], .. padded]);
            var outputs = padded.Select(
                (size, i) => (size - checked(dilations[i] * (kernel[i] - 1)) - 1) / strides[i] + 1
            );
            _node.Fit(v, [input[0], channels, .. outputs]);
        }

        // Padding that makes the last window end where the data does. With ceil_mode a window may reach over the end,
        // if it starts before.
        public (long Begin, long End)[] WholeWindows(
            long[] input,
            long[] kernel,
            (long Begin, long End)[] pads,
            bool ceil
        )
        {
            var (strides, dilations) = (Strides(kernel.Length), Dilations(kernel.Length));
            return
            [
                .. pads.Select(
                    (p, i) =>
                    {
                        var (size, extent) = (input[i + 2], dilations[i] * (kernel[i] - 1) + 1);
                        var rest = size + p.Begin + p.End - extent;
                        var steps = ceil ? (rest + strides[i] - 1) / strides[i] : rest / strides[i];
                        if (ceil && steps * strides[i] >= size + p.Begin)
                            steps--;
                        return (p.Begin, steps * strides[i] + extent - size - p.Begin);
                    }
                ),
            ];
        }

        private long[]? Positive(string name, long least)
        {
            var numbers = _node.Ints(name);
            return numbers?.Any(n => n < least) == true
                ? throw _node.Refuse($"attribute '{name}' is below {least}")
                : numbers;
        }
    }

    private static long[] Same(int count, long value) => [.. Enumerable.Repeat(value, count)];

    private static long[] SpatialAxes(Tensor x) => [.. Enumerable.Range(2, (int)x.dim() - 2).Select(i => (long)i)];

    private static bool Symmetric((long Begin, long End)[] pads) => pads.All(p => p.Begin == p.End);

    internal static Tensor PadWith(Tensor x, (long Begin, long End)[] pads, double value) =>
        nn.functional.pad(
            x,
            [.. pads.Reverse().SelectMany(p => new[] { p.Begin, p.End })],
            PaddingModes.Constant,
            value
        );

    private static Kernel Conv(OnnxNode node)
    {
        var (x, w, b) = (node.Input(0), node.Input(1), node.Optional(2));
        var window = new Window(node);
        var groups = node.Int("group", 1);
        node.Convolves = new(w, b, Apply);
        return v => Apply(v, v[w], b < 0 ? null : v[b]);

        Tensor Apply(Tensor[] v, Tensor weight, Tensor? bias)
        {
            var kernel = weight.shape[2..];
            if (window.Kernel is { } stated && !stated.SequenceEqual(kernel))
                throw new ArgumentException("kernel_shape differs from the shape of the weights");
            var pads = window.Pads(v[x].shape, kernel);
            var data = v[x];
            window.Fit(v, data.shape, weight.shape[0], kernel, pads);
            if (!Symmetric(pads))
                (data, pads) = (PadWith(data, pads, 0), new (long, long)[pads.Length]);
            long[] strides = window.Strides(kernel.Length),
                dilations = window.Dilations(kernel.Length);
            long[] padding = [.. pads.Select(p => p.Begin)];
            return Convolution.Apply(data, weight, bias, strides, padding, dilations, groups);
        }
    }

    // Every input spreads the kernel over the output; pads are cut off, output_padding is added behind.
    private static Kernel ConvTranspose(OnnxNode node)
    {
        var (x, w, b) = (node.Input(0), node.Input(1), node.Optional(2));
        var window = new Window(node);
        var (groups, more, target) = (node.Int("group", 1), node.Ints("output_padding"), node.Ints("output_shape"));
        return v =>
        {
            var (input, kernel) = (v[x].shape, v[w].shape[2..]);
            if (window.Kernel is { } stated && !stated.SequenceEqual(kernel))
                throw new ArgumentException("kernel_shape differs from the shape of the weights");
            long[] strides = window.Strides(kernel.Length),
                dilations = window.Dilations(kernel.Length);
            long[] behind = more ?? Same(kernel.Length, 0);
            long[] full =
            [
                .. kernel.Select((k, i) => checked(strides[i] * (input[i + 2] - 1) + (k - 1) * dilations[i] + 1)),
            ];
            var pads = window.TransposedPads(input, [.. full.Zip(behind, (f, m) => f + m)], target);
            var channels = v[w].shape[1] * groups;
            node.Fit(v, [input[0], channels, .. full]);
            node.Fit(v, [input[0], channels, .. full.Select((f, i) => f + behind[i] - pads[i].Begin - pads[i].End)]);
            var spread = Convolution.Transposed(v[x], v[w], strides, dilations, groups);
            (long, long)[] sides = [.. pads.Select((p, i) => (-p.Begin, behind[i] - p.End))];
            if (sides.Any(s => s != (0, 0)))
                spread = PadWith(spread, sides, 0);
            return b < 0 ? spread : spread + v[b].reshape([-1, .. Same(kernel.Length, 1)]);
        };
    }
}
