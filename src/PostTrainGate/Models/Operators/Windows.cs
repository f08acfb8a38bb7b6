using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Convolution and pooling over one to three spatial axes.
internal static partial class Operators
{
    // Attributes that all of them share. Pads: begins of all spatial axes, then ends, as ONNX has them.
    private sealed class Window(OnnxNode node)
    {
        private readonly string _autoPad = node.Text("auto_pad", "NOTSET");
        private readonly long[]? _pads = node.Ints("pads");
        private readonly long[]? _strides = node.Ints("strides");
        private readonly long[]? _dilations = node.Ints("dilations");

        public long[]? Kernel { get; } = node.Ints("kernel_shape");

        public long[] Strides(int axes) => _strides ?? Same(axes, 1);

        public long[] Dilations(int axes) => _dilations ?? Same(axes, 1);

        // (begin, end) of each spatial axis for an input of this shape.
        public (long Begin, long End)[] Pads(long[] input, long[] kernel)
        {
            var axes = kernel.Length;
            if (_autoPad == "VALID") return new (long, long)[axes];
            if (_autoPad == "NOTSET") return [.. Enumerable.Range(0, axes).Select(i => _pads is null ? (0L, 0L) : (_pads[i], _pads[i + axes]))];
            var (strides, dilations) = (Strides(axes), Dilations(axes));
            return
            [
                .. Enumerable.Range(0, axes).Select(i =>
                {
                    var size = input[input.Length - axes + i];
                    var outputs = (size + strides[i] - 1) / strides[i];
                    var total = Math.Max(0, (outputs - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - size);
                    return _autoPad == "SAME_UPPER" ? (total / 2, total - total / 2) : (total - total / 2, total / 2);
                }),
            ];
        }

        public void Check()
        {
            if (_autoPad is not ("NOTSET" or "VALID" or "SAME_UPPER" or "SAME_LOWER")) throw node.Refuse($"auto_pad '{_autoPad}' is unknown");
            if (_pads?.Any(p => p < 0) == true) throw node.Refuse("attribute 'pads' has a negative size");
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
        window.Check();
        var groups = node.Int("group", 1);
        return v =>
        {
            var kernel = v[w].shape[2..];
            if (window.Kernel is { } stated && !stated.SequenceEqual(kernel)) throw new ArgumentException("kernel_shape is not the shape of the weights");
            var pads = window.Pads(v[x].shape, kernel);
            var data = v[x];
            if (!Symmetric(pads)) (data, pads) = (PadWith(data, pads, 0), new (long, long)[pads.Length]);
            var bias = b < 0 ? null : v[b];
            long[] strides = window.Strides(kernel.Length), padding = [.. pads.Select(p => p.Begin)], dilations = window.Dilations(kernel.Length);
            return Convolution.Apply(data, v[w], bias, strides, padding, dilations, groups);
        };
    }

    private static Kernel MaxPool(OnnxNode node)
    {
        var (x, ceil) = (node.Input(0), node.Flag("ceil_mode"));
        var window = new Window(node);
        window.Check();
        node.Int("storage_order", 0); // only the indices depend on it, and they are refused
        var kernel = window.Kernel ?? throw node.Refuse("attribute 'kernel_shape' is missing");
        return v =>
        {
            var pads = window.Pads(v[x].shape, kernel);
            var data = v[x];
            // torch pads evenly and by at most half a window; other padding is written out with values that no maximum takes.
            if (!Symmetric(pads) || pads.Where((p, i) => 2 * p.Begin > kernel[i]).Any())
                (data, pads) = (PadWith(data, pads, double.NegativeInfinity), new (long, long)[pads.Length]);
            long[] strides = window.Strides(kernel.Length), padding = [.. pads.Select(p => p.Begin)], dilations = window.Dilations(kernel.Length);
            return kernel.Length switch
            {
                1 => nn.functional.max_pool1d(data, kernel[0], strides[0], padding[0], dilations[0], ceil),
                2 => nn.functional.max_pool2d(data, kernel, strides, padding, dilations, ceil),
                3 => nn.functional.max_pool3d(data, kernel, strides, padding, dilations, ceil),
                _ => throw new ArgumentException($"pooling over {kernel.Length} axes"),
            };
        };
    }

    private static Kernel AveragePool(OnnxNode node)
    {
        var (x, ceil, countPads) = (node.Input(0), node.Flag("ceil_mode"), node.Flag("count_include_pad"));
        var window = new Window(node);
        window.Check();
        var kernel = window.Kernel ?? throw node.Refuse("attribute 'kernel_shape' is missing");
        if (window.Dilations(kernel.Length).Any(d => d != 1)) throw node.Refuse("attribute 'dilations' is not 1");
        return v =>
        {
            var pads = window.Pads(v[x].shape, kernel);
            long[] strides = window.Strides(kernel.Length), none = Same(kernel.Length, 0);
            if (Symmetric(pads) && pads.Select((p, i) => 2 * p.Begin <= kernel[i]).All(fits => fits))
                return Average(v[x], kernel, strides, [.. pads.Select(p => p.Begin)], ceil, countPads);
            // Padding that torch does not know is written out; without the pads in the count, the mean is a quotient of two means.
            var sums = Average(PadWith(v[x], pads, 0), kernel, strides, none, ceil, true);
            return countPads ? sums : sums / Average(PadWith(ones_like(v[x]), pads, 0), kernel, strides, none, ceil, true);
        };
    }

    private static Tensor Average(Tensor x, long[] kernel, long[] strides, long[] padding, bool ceil, bool countPads) => kernel.Length switch
    {
        1 => nn.functional.avg_pool1d(x, kernel[0], strides[0], padding[0], ceil, countPads),
        2 => nn.functional.avg_pool2d(x, kernel, strides, padding, ceil, countPads),
        3 => nn.functional.avg_pool3d(x, kernel, strides, padding, ceil, countPads),
        _ => throw new ArgumentException($"pooling over {kernel.Length} axes"),
    };
}
