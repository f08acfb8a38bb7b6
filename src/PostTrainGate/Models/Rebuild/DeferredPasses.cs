using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Passes whose values would not fit in memory up to the pass backward. Each is run in parts that keep nothing; what it
/// gives is a leaf. When the leaves have their gradients, the parts are run again, one by one, and push the weights.
/// </summary>
internal sealed class DeferredPasses : IDisposable
{
    private readonly List<(OnnxClassifier Model, Tensor Inputs, string[] Taps, Tensor[] Values)> _passes = [];

    /// <summary>Runs a pass without a graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">[batch, input shape].</param>
    /// <param name="taps">As of <see cref="OnnxClassifier.Values"/>.</param>
    /// <returns>The values, whose gradients wait here; the caller disposes them.</returns>
    public Tensor[] Run(OnnxClassifier model, Tensor inputs, string[] taps)
    {
        Tensor[] values;
        using (no_grad())
            values = model.Values(inputs, taps);
        foreach (var value in values)
            value.requires_grad_().DetachFromDisposeScope();
        _passes.Add((model, inputs.detach().DetachFromDisposeScope(), taps, values));
        return [.. values.Select(v => v.alias())];
    }

    /// <summary>Carries the gradients of the leaves on to the weights; then it holds no pass any more.</summary>
    public void Backward()
    {
        foreach (var (model, inputs, taps, values) in _passes)
        {
            using var scope = NewDisposeScope();
            Tensor[] pushes = [.. values.Select(v => v.grad ?? zeros_like(v))];
            Parts.Of(inputs.size(0), model.RowsPerPass(gradients: true), of =>
            {
                autograd.backward(model.Values(of(inputs), taps), [.. pushes.Select(of)]);
                return [];
            });
        }

        Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, inputs, _, values) in _passes)
        {
            inputs.Dispose();
            foreach (var value in values)
                value.Dispose();
        }

        _passes.Clear();
    }
}
