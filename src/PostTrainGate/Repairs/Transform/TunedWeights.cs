using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// The parameters of a model that a recipe may touch, laid side by side in one vector that they are views of, and their
/// gradients in another: an optimizer step, a reset, a copy is then one operation each, whatever the number of
/// parameters.
/// </summary>
internal sealed class TunedWeights : IDisposable
{
    private readonly List<Tensor> _parameters = [];
    private readonly List<Tensor> _views = [];
    private readonly Tensor _original;
    private readonly Tensor? _mask; // 1 where a value may change; null: everywhere

    /// <summary>Rebinds the parameters of <paramref name="model"/> that <paramref name="slice"/> names.</summary>
    /// <param name="model">The model to tune; it keeps working when this is disposed.</param>
    /// <param name="slice">What may change.</param>
    /// <param name="throughMoves">
    /// Whether a parameter of which nothing may change takes part all the same, to be reset later.
    /// </param>
    public TunedWeights(OnnxClassifier model, WeightSlice slice, bool throughMoves)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var chosen = new List<(Tensor Parameter, Tensor? Mask)>();
        foreach (var (name, mask) in slice.Masks)
        {
            if (throughMoves || mask is null || mask.any().item<bool>())
                chosen.Add((model.Parameters[name], mask));
        }

        Vector = cat([.. chosen.Select(c => c.Parameter.reshape(-1))], 0).DetachFromDisposeScope();
        Gradient = zeros_like(Vector).DetachFromDisposeScope();
        _original = Vector.clone().DetachFromDisposeScope();
        if (chosen.Any(c => c.Mask is { } m && !m.all().item<bool>()))
        {
            _mask = cat([.. chosen.Select(c => (c.Mask ?? ones_like(c.Parameter, ScalarType.Bool)).reshape(-1))], 0)
                .DetachFromDisposeScope();
        }

        long start = 0;
        foreach (var (parameter, mask) in chosen)
        {
            var shape = parameter.shape;
            var count = parameter.numel();
            parameter.set_(Vector.narrow(0, start, count).view(shape));
            _views.Add(Gradient.narrow(0, start, count).view(shape).DetachFromDisposeScope());
            _parameters.Add(parameter);
            start += count;
        }
    }

    /// <summary>[n]: the tuned values; the model's parameters are views of it.</summary>
    public Tensor Vector { get; }

    /// <summary>[n]: filled by a backward pass while <see cref="AskForGradients"/> is on.</summary>
    public Tensor Gradient { get; }

    /// <summary>Number of values that may change.</summary>
    public long Free => _mask is null ? Vector.numel() : _mask.sum().item<long>();

    /// <summary>
    /// Turns the gradients of the parameters on or off; on, a backward pass adds to <see cref="Gradient"/>.
    /// </summary>
    public void AskForGradients(bool on)
    {
        for (var i = 0; i < _parameters.Count; i++)
        {
            _parameters[i].requires_grad_(on);
            _parameters[i].grad = on ? _views[i] : null;
        }
    }

    /// <summary>Removes the gradient of what may not change.</summary>
    public void MaskGradient()
    {
        if (_mask is not null)
            Gradient.mul_(_mask);
    }

    /// <summary>Puts back, bit for bit, what may not change.</summary>
    public void Project()
    {
        if (_mask is null)
            return;
        using var projected = where(_mask, Vector, _original);
        Vector.copy_(projected);
    }

    /// <summary>A state to return to; the caller disposes it.</summary>
    public Tensor Save() => Vector.clone().DetachFromDisposeScope();

    /// <summary>Returns to a state.</summary>
    public void Restore(Tensor state) => Vector.copy_(state);

    /// <summary>Back to the original.</summary>
    public void Reset() => Vector.copy_(_original);

    /// <summary>Lets go of the gradients; the model keeps the tuned values.</summary>
    public void Dispose()
    {
        AskForGradients(false);
        foreach (var view in _views)
            view.Dispose();
        Vector.Dispose();
        Gradient.Dispose();
        _original.Dispose();
        _mask?.Dispose();
    }
}
