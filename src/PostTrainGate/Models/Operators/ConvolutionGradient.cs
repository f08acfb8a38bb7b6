using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// A convolution of images of few channels whose gradient by the input is computed as a forward convolution: the first
/// layer of nearly every network of images, and half of the time of a pass. oneDNN's own backward kernel fills its
/// blocks of 16 channels whatever their number; of one channel it computes sixteen. Here r x r neighboring pixels
/// become channels of one strided convolution (sub-pixel convolution, Shi et al. 2016), which fills the blocks with
/// what is wanted.
/// </summary>
internal sealed class ConvolutionGradient : autograd.SingleTensorFunction<ConvolutionGradient>
{
    private const int Block = 16;

    /// <inheritdoc/>
    public override string Name => nameof(ConvolutionGradient);

    /// <summary>
    /// Side of the squares of pixels that pay best for a convolution over two axes, or 0 where libtorch's own gradient
    /// is as fast.
    /// </summary>
    /// <param name="weight">Shape of the weights, [outputs, channels, height, width].</param>
    /// <param name="strides">Per axis.</param>
    public static long Side(ReadOnlySpan<long> weight, ReadOnlySpan<long> strides)
    {
        var (channels, side, least) = (weight[1], 0L, 0.75 * Filled(weight[1]));
        for (var r = strides[0]; channels < Block && strides[0] == strides[1] && r <= 4; r += strides[0])
        {
            // Products computed for each one needed, of which there is one a stride: blocks that are not full, taps
            // that do not meet.
            var cost = Filled(channels * r * r);
            for (var axis = 0; axis < 2; axis++)
                cost *= (double)Taps(weight[2 + axis], strides[axis], r) * strides[axis] / weight[2 + axis];
            if (cost < least)
                (side, least) = (r, cost);
        }

        return side;

        static double Filled(long channels) => (double)((channels + Block - 1) / Block * Block) / channels;

        // The most that any padding makes it.
        static long Taps(long kernel, long stride, long r) => (r + kernel - 2) / stride + 1;
    }

    /// <summary>x, weight, bias or null, strides, padding, side. Weights get no gradient.</summary>
    public override Tensor forward(autograd.AutogradContext context, params object[] given)
    {
        var (x, weight, bias) = ((Tensor)given[0], (Tensor)given[1], (Tensor?)given[2]);
        var (strides, padding, side) = ((long[])given[3], (long[])given[4], (long)given[5]);
        context.save_for_backward([weight]);
        context.save_data(
            "axes",
            new[] { 2, 3 }.Select(axis => new Axis(x, weight, axis, strides, padding, side)).ToArray()
        );
        return nn.functional.conv2d(x, weight, bias, strides, padding);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (weight, axes) = (context.get_saved_variables()[0], (Axis[])context.get_data("axes"));
        var (height, width) = (axes[0], axes[1]);
        var (outputs, channels, side) = (weight.shape[0], weight.shape[1], height.Side);

        // [channels x side x side, outputs, taps, taps]; a tap that no weight meets reads the row of zeros behind the
        // last one.
        var kernel = nn
            .functional.pad(weight, [0, 1, 0, 1])
            .index_select(2, tensor(height.Taps).On(weight))
            .index_select(3, tensor(width.Taps).On(weight))
            .reshape(outputs, channels, side, height.TapCount, side, width.TapCount)
            .permute(1, 2, 4, 0, 3, 5)
            .reshape(channels * side * side, outputs, height.TapCount, width.TapCount);
        var (rows, columns) = (height.Pads(gradient.shape[2]), width.Pads(gradient.shape[3]));
        long[] written = [columns.Before, columns.After, rows.Before, rows.After];
        if (written.Any(w => w != 0))
            gradient = nn.functional.pad(gradient, written);
        var squares = Convolution.Apply(
            gradient,
            kernel,
            null,
            [height.Step, width.Step],
            [rows.Both, columns.Both],
            [1, 1],
            1
        );
        var pixels = nn.functional.pixel_shuffle(squares, side).narrow(2, 0, height.Size).narrow(3, 0, width.Size);
        return [pixels.contiguous().MoveToOuterDisposeScope(), null!, null!, null!, null!, null!];
    }

    /// <summary>
    /// One axis. Pixel side * i + p of the input has the gradient sum over outputs o of gradient[o] * weight[side * i +
    /// p + pad - stride * o]; with o = i * side / stride + t only the taps t depend on p.
    /// </summary>
    private sealed class Axis
    {
        private readonly long _first;

        public Axis(Tensor x, Tensor weight, int axis, long[] strides, long[] padding, long side)
        {
            var (kernel, stride, pad) = (weight.shape[axis], strides[axis - 2], padding[axis - 2]);
            (Size, Side, Step) = (x.shape[axis], side, side / stride);
            _first = -FloorDivide(kernel - 1 - pad, stride);
            TapCount = FloorDivide(side - 1 + pad, stride) - _first + 1;
            Taps = new long[side * TapCount];
            for (var i = 0; i < Taps.Length; i++)
            {
                var at = i / TapCount + pad - stride * (_first + i % TapCount);
                Taps[i] = at >= 0 && at < kernel ? at : kernel;
            }
        }

        /// <summary>Pixels of the input.</summary>
        public long Size { get; }

        /// <summary>Pixels of a square.</summary>
        public long Side { get; }

        /// <summary>Outputs from one square to the next.</summary>
        public long Step { get; }

        /// <summary>Outputs that a square takes part in.</summary>
        public long TapCount { get; }

        /// <summary>Per pixel of a square and tap the place in the kernel; one beyond it where there is none.</summary>
        public long[] Taps { get; }

        /// <summary>
        /// Zeros around so many outputs, so that every square has all its taps: on both sides, which cost nothing, and
        /// those that are missing then (below 0: outputs that are not wanted). Too many behind give squares that nobody
        /// reads.
        /// </summary>
        public (long Both, long Before, long After) Pads(long outputs)
        {
            var (before, both) = (-_first, Math.Max(0, -_first));
            var after = ((Size + Side - 1) / Side - 1) * Step + TapCount - before - outputs;
            return (both, before - both, Math.Max(0, after - both));
        }

        private static long FloorDivide(long a, long b) => (a - ((a % b) + b) % b) / b;
    }
}
