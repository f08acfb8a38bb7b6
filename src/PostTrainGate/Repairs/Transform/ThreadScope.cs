using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// Small steps on one thread: handing a matrix product of some microseconds to a second one costs more than it saves,
/// and very much more while other work keeps the cores busy (990 steps of an MLP: 1.5 s instead of 41 s beside other
/// work).
/// </summary>
internal sealed class ThreadScope : IDisposable
{
    private const double Small = 2e7; // multiplications of a forward pass of a batch

    private readonly int _before = get_num_threads();

    /// <summary>One thread for small steps of a model without convolutions, as many as there were for others.</summary>
    /// <param name="model">
    /// The model; with one thread libtorch would leave small convolutions to a library that warns on some processors.
    /// </param>
    /// <param name="multiplications">Of a forward pass of one batch.</param>
    public ThreadScope(OnnxClassifier model, double multiplications)
    {
        if (multiplications < Small && model.Layers.All(l => l.Operator != "Conv"))
            set_num_threads(1);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (get_num_threads() != _before)
            set_num_threads(_before);
    }
}
