using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>Convolution over one to three axes whose values and gradients are right on every processor.</summary>
/// <remarks>
/// oneDNN 3.7 in libtorch 2.10 keeps channels in blocks of up to 16. On some processors (an AMD EPYC with AVX-512 among
/// them) its reorder leaves the rest of an incomplete block unset and the convolution sums over it: forward values are
/// wrong from 17 input channels on, input gradients for any number of output channels that is no multiple of 16, by
/// tens of percent up to NaN and differently in every run. An attack that follows such a gradient is weak, and a gate
/// that believes it is too kind. Here blocks are filled with channels of zeros, as oneDNN itself means to do, so that
/// there is nothing it could leave unset.
/// </remarks>
internal static class Convolution
{
    private const long Block = 16;

    /// <summary>Convolves.</summary>
    /// <param name="x">[batch, channels, axes], float32.</param>
    /// <param name="weight">[outputs, channels / groups, kernel].</param>
    /// <param name="bias">[outputs], or null.</param>
    /// <param name="strides">Per axis.</param>
    /// <param name="padding">Per axis, on both sides.</param>
    /// <param name="dilations">Per axis.</param>
    /// <param name="groups">Groups of channels; grouped kernels of oneDNN do not sum over a rest.</param>
    /// <returns>[batch, outputs, axes].</returns>
    public static Tensor Apply(
        Tensor x,
        Tensor weight,
        Tensor? bias,
        long[] strides,
        long[] padding,
        long[] dilations,
        long groups
    )
    {
        NnPack.TurnOff();
        var axes = strides.Length;
        var (outputs, inputs) = (weight.shape[0], weight.shape[1]);
        var fixedWeights = !weight.requires_grad && bias?.requires_grad != true;
        if (
            x.requires_grad
            && fixedWeights
            && is_grad_enabled()
            && axes == 2
            && groups == 1
            && x.dtype == ScalarType.Float32
            && dilations.All(d => d == 1)
            && ConvolutionGradient.Side(weight.shape, strides) is > 0 and var side
        )
        {
            return ConvolutionGradient.apply(x, weight, bias!, strides, padding, side);
        }

        // Doubles never go through oneDNN. Fewer than a block of input channels stay as they are; outputs are summed
        // over in the gradient only.
        var (moreInputs, moreOutputs) =
            groups > 1 || x.dtype == ScalarType.Float64
                ? (0, 0)
                : (inputs > Block ? Rest(inputs) : 0, x.requires_grad ? Rest(outputs) : 0);
        if (moreInputs + moreOutputs == 0)
            return Plain(x, weight, bias, strides, padding, dilations, groups);

        using var scope = NewDisposeScope();
        long[] none = new long[2 * axes];
        if (moreInputs > 0)
            x = nn.functional.pad(x, [.. none, 0, moreInputs]);
        weight = nn.functional.pad(weight, [.. none, 0, moreInputs, 0, moreOutputs]);
        if (bias is not null && moreOutputs > 0)
            bias = nn.functional.pad(bias, [0, moreOutputs]);
        return Plain(x, weight, bias, strides, padding, dilations, groups)
            .narrow(1, 0, outputs)
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Convolves backwards: every input spreads the kernel. Its sum over input channels is that of a gradient.
    /// </summary>
    /// <param name="x">[batch, channels, axes], float32.</param>
    /// <param name="weight">[channels, outputs / groups, kernel].</param>
    /// <param name="strides">Per axis.</param>
    /// <param name="dilations">Per axis.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <returns>[batch, outputs, axes]; nothing is cut off.</returns>
    public static Tensor Transposed(Tensor x, Tensor weight, long[] strides, long[] dilations, long groups)
    {
        NnPack.TurnOff();
        var (inputs, outputs) = (weight.shape[0], weight.shape[1]);
        if (groups > 1 || Rest(inputs) + Rest(outputs) == 0)
            return PlainTransposed(x, weight, strides, dilations, groups);

        using var scope = NewDisposeScope();
        long[] none = new long[2 * strides.Length];
        x = nn.functional.pad(x, [.. none, 0, Rest(inputs)]);
        weight = nn.functional.pad(weight, [.. none, 0, Rest(outputs), 0, Rest(inputs)]);
        return PlainTransposed(x, weight, strides, dilations, groups).narrow(1, 0, outputs).MoveToOuterDisposeScope();
    }

    private static Tensor PlainTransposed(Tensor x, Tensor w, long[] strides, long[] dilations, long groups) =>
        strides.Length switch
        {
            1 => nn.functional.conv_transpose1d(x, w, stride: strides[0], dilation: dilations[0], groups: groups),
            2 => nn.functional.conv_transpose2d(x, w, strides: strides, dilation: dilations, groups: groups),
            3 => nn.functional.conv_transpose3d(x, w, strides: strides, dilation: dilations, groups: groups),
            _ => throw new ArgumentException($"convolution over {strides.Length} dimensions is not supported"),
        };

    private static long Rest(long channels) => (Block - channels % Block) % Block;

    private static Tensor Plain(
        Tensor x,
        Tensor w,
        Tensor? b,
        long[] strides,
        long[] padding,
        long[] dilations,
        long groups
    ) =>
        strides.Length switch
        {
            1 => nn.functional.conv1d(x, w, b, strides[0], padding[0], dilations[0], groups),
            2 => nn.functional.conv2d(x, w, b, strides, padding, dilations, groups),
            3 => nn.functional.conv3d(x, w, b, strides, padding, dilations, groups),
            _ => throw new ArgumentException($"convolution over {strides.Length} dimensions is not supported"),
        };
}
