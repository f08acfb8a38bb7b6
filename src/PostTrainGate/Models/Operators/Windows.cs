using TorchSharp;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Convolution and pooling over one to three spatial axes.
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

        // (begin, end) of each spatial axis for an input of this shape. SAME with a stride beyond the kernel: ONNX Runtime's pooling crops,
        // its convolution does not.
        public (long Begin, long End)[] Pads(long[] input, long[] kernel, bool crops = false)
        {
            var axes = kernel.Length;
            if (_autoPad == "VALID") return new (long, long)[axes];
            if (_autoPad == "NOTSET" && _pads is null) return new (long, long)[axes];
            if (_autoPad == "NOTSET") return [.. Enumerable.Range(0, axes).Select(i => (_pads![i], _pads[i + axes]))];
            var (strides, dilations) = (Strides(axes), Dilations(axes));
            return
            [
                .. Enumerable.Range(0, axes).Select(i =>
                {
                    var size = input[input.Length - axes + i];
                    var outputs = (size + strides[i] - 1) / strides[i];
                    var total = (outputs - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - size;
                    if (!crops) total = Math.Max(0, total);
                    var begin = (_autoPad == "SAME_UPPER" ? total : total + 1) / 2;
                    return (begin, total - begin);
                }),
            ];
        }

        // Neither the padded input nor the result may be too large.
        public void Fit(Tensor[] v, long[] input, long channels, long[] kernel, (long Begin, long End)[] pads)
        {
            var (strides, dilations) = (Strides(kernel.Length), Dilations(kernel.Length));
            long[] padded = [.. pads.Select((p, i) => checked(input[i + 2] + p.Begin + p.End))];
            _node.Fit(v, [.. input[..2], .. padded]);
            var outputs = padded.Select((size, i) => (size - checked(dilations[i] * (kernel[i] - 1)) - 1) / strides[i] + 1);
            _node.Fit(v, [input[0], channels, .. outputs]);
        }

        // Padding that makes the last window end where the data does. With ceil_mode a window may reach over the end, if it starts before.
        public (long Begin, long End)[] WholeWindows(long[] input, long[] kernel, (long Begin, long End)[] pads, bool ceil)
        {
            var (strides, dilations) = (Strides(kernel.Length), Dilations(kernel.Length));
            return
            [
                .. pads.Select((p, i) =>
                {
                    var (size, extent) = (input[i + 2], dilations[i] * (kernel[i] - 1) + 1);
                    var rest = size + p.Begin + p.End - extent;
                    var steps = ceil ? (rest + strides[i] - 1) / strides[i] : rest / strides[i];
                    if (ceil && steps * strides[i] >= size + p.Begin) steps--;
                    return (p.Begin, steps * strides[i] + extent - size - p.Begin);
                }),
            ];
        }

        private long[]? Positive(string name, long least)
        {
            var numbers = _node.Ints(name);
            return numbers?.Any(n => n < least) == true ? throw _node.Refuse($"attribute '{name}' is below {least}") : numbers;
        }
    }

    private static long[] Same(int count, long value) => [.. Enumerable.Repeat(value, count)];

    private static long[] SpatialAxes(Tensor x) => [.. Enumerable.Range(2, (int)x.dim() - 2).Select(i => (long)i)];

    private static bool Symmetric((long Begin, long End)[] pads) => pads.All(p => p.Begin == p.End);

    private static Tensor PadWith(Tensor x, (long Begin, long End)[] pads, double value) =>
        nn.functional.pad(x, [.. pads.Reverse().SelectMany(p => new[] { p.Begin, p.End })], PaddingModes.Constant, value);

    private static Kernel Conv(OnnxNode node)
    {
        var (x, w, b) = (node.Input(0), node.Input(1), node.Optional(2));
        var window = new Window(node);
        var groups = node.Int("group", 1);
        return v =>
        {
            var kernel = v[w].shape[2..];
            if (window.Kernel is { } stated && !stated.SequenceEqual(kernel))
                throw new ArgumentException("kernel_shape is not the shape of the weights");
            var pads = window.Pads(v[x].shape, kernel);
            var data = v[x];
            window.Fit(v, data.shape, v[w].shape[0], kernel, pads);
            if (!Symmetric(pads)) (data, pads) = (PadWith(data, pads, 0), new (long, long)[pads.Length]);
            var bias = b < 0 ? null : v[b];
            long[] strides = window.Strides(kernel.Length), dilations = window.Dilations(kernel.Length);
            long[] padding = [.. pads.Select(p => p.Begin)];
            return Convolution.Apply(data, v[w], bias, strides, padding, dilations, groups);
        };
    }

    private static Kernel MaxPool(OnnxNode node)
    {
        var (x, ceil) = (node.Input(0), node.Flag("ceil_mode"));
        var window = new Window(node);
        node.Int("storage_order", 0); // only the indices depend on it, and they are refused
        var kernel = window.Kernel ?? throw node.Refuse("attribute 'kernel_shape' is missing");
        return v =>
        {
            var pads = window.Pads(v[x].shape, kernel, crops: true);
            var data = v[x];
            window.Fit(v, data.shape, data.shape[1], kernel, pads);
            // Other padding than torch's is written out, with values that no maximum takes.
            var written = !IsTorchs(pads, kernel);
            if (written) data = PadWith(data, window.WholeWindows(data.shape, kernel, pads, ceil), double.NegativeInfinity);
            if (written) pads = new (long, long)[pads.Length];
            long[] strides = window.Strides(kernel.Length), dilations = window.Dilations(kernel.Length);
            long[] padding = [.. pads.Select(p => p.Begin)];
            var up = ceil && !written;
            return kernel.Length switch
            {
                1 => nn.functional.max_pool1d(data, kernel[0], strides[0], padding[0], dilations[0], up),
                2 => nn.functional.max_pool2d(data, kernel, strides, padding, dilations, up),
                3 => nn.functional.max_pool3d(data, kernel, strides, padding, dilations, up),
                _ => throw new ArgumentException($"pooling over {kernel.Length} axes"),
            };
        };
    }

    private static Kernel AveragePool(OnnxNode node)
    {
        var (x, ceil, countPads) = (node.Input(0), node.Flag("ceil_mode"), node.Flag("count_include_pad"));
        var window = new Window(node);
        var kernel = window.Kernel ?? throw node.Refuse("attribute 'kernel_shape' is missing");
        if (window.Dilations(kernel.Length).Any(d => d != 1)) throw node.Refuse("attribute 'dilations' is not 1");
        return v =>
        {
            var pads = window.Pads(v[x].shape, kernel, crops: true);
            window.Fit(v, v[x].shape, v[x].shape[1], kernel, pads);
            long[] strides = window.Strides(kernel.Length), none = Same(kernel.Length, 0);
            if (IsTorchs(pads, kernel)) return Average(v[x], kernel, strides, [.. pads.Select(p => p.Begin)], ceil, countPads);
            // Other padding is written out. What does not count (pads, and what is beyond them) is divided out.
            var whole = window.WholeWindows(v[x].shape, kernel, pads, ceil);
            var means = Average(PadWith(v[x], whole, 0), kernel, strides, none, false, true);
            var counted = ones([1, 1, .. v[x].shape[2..]], dtype: v[x].dtype);
            if (countPads) (counted, whole) = (PadWith(counted, pads, 1), [.. whole.Select((w, i) => (0L, w.End - pads[i].End))]);
            return means / Average(PadWith(counted, whole, 0), kernel, strides, none, false, true);
        };
    }

    // torch pads both ends alike and by at most half a window.
    private static bool IsTorchs((long Begin, long End)[] pads, long[] kernel) =>
        Symmetric(pads) && pads.Select((p, i) => p.Begin >= 0 && 2 * p.Begin <= kernel[i]).All(fits => fits);

    private static Tensor Average(Tensor x, long[] kernel, long[] strides, long[] padding, bool ceil, bool countPads) =>
        kernel.Length switch
        {
            1 => nn.functional.avg_pool1d(x, kernel[0], strides[0], padding[0], ceil, countPads),
            2 => nn.functional.avg_pool2d(x, kernel, strides, padding, ceil, countPads),
            3 => nn.functional.avg_pool3d(x, kernel, strides, padding, ceil, countPads),
            _ => throw new ArgumentException($"pooling over {kernel.Length} axes"),
        };
}
