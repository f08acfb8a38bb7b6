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
    private readonly List<(string Name, long Start, long[] Shape)> _places = [];

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
        long start = 0;
        foreach (var (name, mask) in slice.Masks)
        {
            if (!throughMoves && mask is not null && !mask.any().item<bool>())
                continue;
            var parameter = model.Parameters[name];
            chosen.Add((parameter, mask));
            _places.Add((name, start, parameter.shape));
            start += parameter.numel();
        }

        // Where nothing may change there is nothing to lay side by side.
        Vector = (
            chosen.Count == 0 ? zeros(0) : cat([.. chosen.Select(c => c.Parameter.reshape(-1))], 0)
        ).DetachFromDisposeScope();
        _original = Vector.clone().DetachFromDisposeScope();
        if (chosen.Any(c => c.Mask is { } m && !m.all().item<bool>()))
        {
            _mask = cat([.. chosen.Select(c => (c.Mask ?? ones_like(c.Parameter, ScalarType.Bool)).reshape(-1))], 0)
                .DetachFromDisposeScope();
        }

        Gradients = Bind(model);
    }

    /// <summary>[n]: the tuned values; the model's parameters are views of it.</summary>
    public Tensor Vector { get; }

    /// <summary>[n]: filled by a backward pass while <see cref="AskForGradients"/> is on.</summary>
    public Tensor Gradient => Gradients.Vector;

    /// <summary>The parameters of the model that it was made for, and their gradients.</summary>
    public WeightGradients Gradients { get; }

    /// <summary>Number of values that may change.</summary>
    public long Free => _mask is null ? Vector.numel() : _mask.sum().item<long>();

    /// <summary>
    /// Turns the gradients of the parameters on or off; on, a backward pass adds to <see cref="Gradient"/>.
    /// </summary>
    public void AskForGradients(bool on) => Gradients.Ask(on);

    /// <summary>Lets a model of the same graph share the tuned values, with gradients of its own.</summary>
    public WeightGradients Bind(OnnxClassifier model)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var gradient = zeros_like(Vector);
        var bound = new List<(Tensor, Tensor)>();
        foreach (var (name, start, shape) in _places)
        {
            var parameter = model.Parameters[name];
            var count = parameter.numel();
            parameter.set_(Vector.narrow(0, start, count).view(shape));
            bound.Add((parameter, gradient.narrow(0, start, count).view(shape).DetachFromDisposeScope()));
        }

        return new(gradient.DetachFromDisposeScope(), bound);
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
        Gradients.Dispose();
        Vector.Dispose();
        _original.Dispose();
        _mask?.Dispose();
    }
}

/// <summary>The tuned parameters of one model and their gradients, side by side in one vector.</summary>
/// <param name="vector">[n].</param>
/// <param name="bound">Each parameter, and the view of the vector that its gradient is.</param>
internal sealed class WeightGradients(Tensor vector, IReadOnlyList<(Tensor Parameter, Tensor Gradient)> bound)
    : IDisposable
{
    /// <summary>[n]: filled by a backward pass while <see cref="Ask"/> is on.</summary>
    public Tensor Vector => vector;

    /// <summary>Turns the gradients on or off; on, a backward pass adds to <see cref="Vector"/>.</summary>
    public void Ask(bool on)
    {
        foreach (var (parameter, gradient) in bound)
        {
            parameter.requires_grad_(on);
            parameter.grad = on ? gradient : null;
        }
    }

    /// <summary>Lets go of the gradients; the model keeps its values.</summary>
    public void Dispose()
    {
        Ask(false);
        foreach (var (_, gradient) in bound)
            gradient.Dispose();
        vector.Dispose();
    }
}
