using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Pooling over one to three spatial axes.
internal static partial class Operators
{
    private static Kernel MaxPool(OnnxNode node)
    {
        var (x, ceil) = (node.Input(0), node.Flag("ceil_mode"));
        var window = new Window(node);
        node.Int("storage_order", 0); // only the indices depend on it, and they are refused
        var kernel = window.Kernel ?? throw node.Refuse("attribute 'kernel_shape' is missing");
        node.HasValueInEveryWindow =
            !ceil
            && window.Dilations(kernel.Length).All(d => d == 1)
            && (node.Ints("pads") ?? []).Index().All(p => p.Item < kernel[p.Index % kernel.Length]);
        return v =>
        {
            var pads = window.Pads(v[x].shape, kernel, crops: true);
            var data = v[x];
            window.Fit(v, data.shape, data.shape[1], kernel, pads);
            // Other padding than torch's is written out, with values that no maximum takes.
            var written = !IsTorchs(pads, kernel);
            if (written)
                data = PadWith(data, window.WholeWindows(data.shape, kernel, pads, ceil), double.NegativeInfinity);
            if (written)
                pads = new (long, long)[pads.Length];
            long[] strides = window.Strides(kernel.Length),
                dilations = window.Dilations(kernel.Length);
            long[] padding = [.. pads.Select(p => p.Begin)];
            var up = ceil && !written;
            return kernel.Length switch
            {
                1 => nn.functional.max_pool1d(data, kernel[0], strides[0], padding[0], dilations[0], up),
                2 => nn.functional.max_pool2d(ChannelsLast(data), kernel, strides, padding, dilations, up),
                3 => nn.functional.max_pool3d(data, kernel, strides, padding, dilations, up),
                _ => throw new ArgumentException($"pooling over {kernel.Length} dimensions is not supported"),
            };
        };
    }

    private static Kernel AveragePool(OnnxNode node)
    {
        var (x, ceil, countPads) = (node.Input(0), node.Flag("ceil_mode"), node.Flag("count_include_pad"));
        var window = new Window(node);
        var kernel = window.Kernel ?? throw node.Refuse("attribute 'kernel_shape' is missing");
        if (window.Dilations(kernel.Length).Any(d => d != 1))
            throw node.Refuse("attribute 'dilations' is not 1");
        return v =>
        {
            var pads = window.Pads(v[x].shape, kernel, crops: true);
            window.Fit(v, v[x].shape, v[x].shape[1], kernel, pads);
            long[] strides = window.Strides(kernel.Length),
                none = Same(kernel.Length, 0);
            if (IsTorchs(pads, kernel))
                return Average(v[x], kernel, strides, [.. pads.Select(p => p.Begin)], ceil, countPads);
            // Other padding is written out. What does not count (pads, and what is beyond them) is divided out.
            var whole = window.WholeWindows(v[x].shape, kernel, pads, ceil);
            var means = Average(PadWith(v[x], whole, 0), kernel, strides, none, false, true);
            var counted = ones([1, 1, .. v[x].shape[2..]], dtype: v[x].dtype).On(v[x]);
            if (countPads)
                (counted, whole) = (PadWith(counted, pads, 1), [.. whole.Select((w, i) => (0L, w.End - pads[i].End))]);
            return means / Average(PadWith(counted, whole, 0), kernel, strides, none, false, true);
        };
    }

    // Images are pooled many channels at a time where these lie side by side in memory; one value after the other
    // libtorch takes ten times as long, and what follows is not slower either.
    private static Tensor ChannelsLast(Tensor x) => x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    /// <summary>
    /// The windows of a MaxPool: how an input of a shape is padded, and a view of a padded input as [batch, channels,
    /// windows, kernel].
    /// </summary>
    internal static (Func<long[], (long Begin, long End)[]> Pads, Func<Tensor, Tensor> View) PoolWindows(OnnxNode node)
    {
        var (window, ceil) = (new Window(node), node.Flag("ceil_mode"));
        var kernel = window.Kernel ?? throw node.Refuse("attribute 'kernel_shape' is missing");
        var (strides, dilations) = (window.Strides(kernel.Length), window.Dilations(kernel.Length));
        return (
            shape => window.WholeWindows(shape, kernel, window.Pads(shape, kernel, crops: true), ceil),
            x =>
            {
                for (var i = 0; i < kernel.Length; i++)
                {
                    var extent = dilations[i] * (kernel[i] - 1) + 1;
                    x = x.unfold(2 + i, extent, strides[i]).slice(-1, 0, extent, dilations[i]);
                }

                return x;
            }
        );
    }

    // torch pads both ends alike and by at most half a window.
    private static bool IsTorchs((long Begin, long End)[] pads, long[] kernel) =>
        Symmetric(pads) && pads.Select((p, i) => p.Begin >= 0 && 2 * p.Begin <= kernel[i]).All(fits => fits);

    private static Tensor Average(Tensor x, long[] kernel, long[] strides, long[] padding, bool ceil, bool countPads)
    {
        if (Tiles(x, kernel, strides, padding))
            return AverageOfTiles(x, kernel);
        return kernel.Length switch
        {
            1 => nn.functional.avg_pool1d(x, kernel[0], strides[0], padding[0], ceil, countPads),
            2 => nn.functional.avg_pool2d(x, kernel, strides, padding, ceil, countPads),
            3 => nn.functional.avg_pool3d(x, kernel, strides, padding, ceil, countPads),
            _ => throw new ArgumentException($"pooling over {kernel.Length} dimensions is not supported"),
        };
    }

    // Small windows that lie side by side and leave nothing over, as of LeNet and DenseNet.
    private static bool Tiles(Tensor x, long[] kernel, long[] strides, long[] padding)
    {
        if (!x.is_contiguous())
            return false;
        for (var i = 0; i < kernel.Length; i++)
            if (kernel[i] > 4 || strides[i] != kernel[i] || padding[i] != 0 || x.size(2 + i) % kernel[i] != 0)
                return false;
        return true;
    }

    // Sums of whole rows of values, axis by axis: libtorch, which takes window by window, needs twice to five times as
    // long.
    private static Tensor AverageOfTiles(Tensor x, long[] kernel)
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < kernel.Length; i++)
        {
            if (kernel[i] == 1)
                continue;
            var shape = x.shape;
            var parts = x.view([.. shape[..(2 + i)], shape[2 + i] / kernel[i], kernel[i], .. shape[(3 + i)..]])
                .unbind(3 + i);
            x = parts[0] + parts[1];
            foreach (var part in parts[2..])
                x.add_(part);
        }

        return x.div(Scalars.Get(kernel.Aggregate(1L, (a, b) => a * b))).MoveToOuterDisposeScope();
    }

    // The p-norm of every window.
    private static Kernel LpPool(OnnxNode node)
    {
        var (x, ceil, p) = (node.Input(0), node.Flag("ceil_mode"), node.Int("p", 2));
        var window = new Window(node);
        var kernel = window.Kernel ?? throw node.Refuse("attribute 'kernel_shape' is missing");
        if (window.Dilations(kernel.Length).Any(d => d != 1))
            throw node.Refuse("attribute 'dilations' is not 1");
        if (p < 1)
            throw node.Refuse("attribute 'p' is below 1");
        return v =>
        {
            var pads = window.Pads(v[x].shape, kernel, crops: true);
            window.Fit(v, v[x].shape, v[x].shape[1], kernel, pads);
            var whole = PadWith(Power(v[x], p), window.WholeWindows(v[x].shape, kernel, pads, ceil), 0);
            var means = Average(whole, kernel, window.Strides(kernel.Length), Same(kernel.Length, 0), false, true);
            return Root(means.mul(Scalars.Get(kernel.Aggregate(1L, (a, b) => a * b))), p);
        };
    }

    private static Kernel GlobalLpPool(OnnxNode node)
    {
        var (x, p) = (node.Input(0), node.Int("p", 2));
        if (p < 1)
            throw node.Refuse("attribute 'p' is below 1");
        return v => Root(Power(v[x], p).sum(SpatialAxes(v[x]), true), p);
    }
}
