using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>A convolution without a bias, followed by a batch normalization as training leaves it.</summary>
internal static class NormalizedConvolution
{
    /// <summary>Writes it with random weights.</summary>
    /// <returns>Name of its output.</returns>
    public static string Write(
        OnnxWriter w,
        string name,
        string from,
        (long Inputs, long Outputs, long Kernel, long Stride) size,
        Generator random
    )
    {
        Tensor Draw(params long[] shape) => randn(shape, generator: random);
        var (inputs, outputs, kernel, stride) = size;
        var weight = Draw(outputs, inputs, kernel, kernel) / Math.Sqrt(inputs * kernel * kernel);
        var x = w.Node(
            "Conv",
            [from, w.Initializer($"{name}.weight", weight)],
            ("kernel_shape", (long[])[kernel, kernel]),
            ("pads", (long[])[kernel / 2, kernel / 2, kernel / 2, kernel / 2]),
            ("strides", (long[])[stride, stride])
        );
        return w.Node(
            "BatchNormalization",
            [
                x,
                w.Initializer($"{name}.scale", Draw(outputs).abs() + 0.5),
                w.Initializer($"{name}.shift", Draw(outputs)),
                w.Initializer($"{name}.mean", Draw(outputs)),
                w.Initializer($"{name}.variance", Draw(outputs).abs() + 0.5),
            ]
        );
    }

    /// <summary>The same as one would write it by hand.</summary>
    /// <param name="w">Weights by name.</param>
    /// <param name="name">Its name.</param>
    /// <param name="x">[batch, channels, height, width].</param>
    /// <param name="stride">Step.</param>
    /// <param name="training">Normalizes each batch by its own moments; the running ones follow.</param>
    public static Tensor Forward(Func<string, Tensor> w, string name, Tensor x, long stride, bool training)
    {
        var weight = w($"{name}.weight");
        var half = weight.shape[2] / 2;
        var y = nn.functional.conv2d(x, weight, strides: [stride, stride], padding: [half, half]);
        return nn.functional.batch_norm(
            y,
            w($"{name}.mean"),
            w($"{name}.variance"),
            w($"{name}.scale"),
            w($"{name}.shift"),
            training
        );
    }
}
