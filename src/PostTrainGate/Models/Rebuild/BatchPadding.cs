using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Batches in few sizes. oneDNN prepares a kernel for every shape that it meets and keeps a thousand of them; an attack
/// whose rows leave one by one would fill memory with kernels for every number of rows there is. Rows of zeros, at most
/// one in ten, are cheaper.
/// </summary>
internal static class BatchPadding
{
    private static readonly string[] Prepared = ["Conv", "ConvTranspose"];

    /// <summary>Whether a graph has steps whose kernels are prepared by shape.</summary>
    public static bool Helps(OnnxGraph graph) => graph.Steps.Any(s => Prepared.Contains(s.Node.OpType));

    /// <summary>
    /// The batch with rows of zeros behind it, so that its size is one of few; itself where it is one.
    /// </summary>
    /// <param name="x">[rows, ...].</param>
    public static Tensor Fill(Tensor x)
    {
        var rows = x.size(0);
        var step =
            rows > 100 ? 10
            : rows > 50 ? 5
            : rows > 20 ? 2
            : 1;
        if (rows % step == 0)
            return x;
        long[] behind = new long[2 * x.dim()]; // pairs of the last axis first
        behind[^1] = step - rows % step;
        return nn.functional.pad(x, behind);
    }
}
