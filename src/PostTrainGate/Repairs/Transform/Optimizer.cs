using TorchSharp;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>
/// An optimizer over one flat vector: a handful of tensor operations a step, however many parameters the vector is made
/// of.
/// </summary>
/// <remarks>
/// Here as in every loop of the repairs, numbers that go into tensor operations are held in a <see cref="Scalar"/>
/// until after the call: TorchSharp does not, and when another thread collects garbage meanwhile, the finalizer frees
/// the number under the call.
/// </remarks>
public abstract class Optimizer : IDisposable
{
    /// <summary>Changes <paramref name="weights"/> in place; gradients are off.</summary>
    /// <param name="weights">[n].</param>
    /// <param name="gradient">[n]; may be changed.</param>
    /// <param name="rate">Learning rate of this step.</param>
    public abstract void Step(Tensor weights, Tensor gradient, double rate);

    /// <summary>Forgets the past.</summary>
    public abstract void Reset();

    /// <inheritdoc/>
    public void Dispose()
    {
        Reset();
        GC.SuppressFinalize(this);
    }
}

/// <summary>Adam (Kingma and Ba 2015), with the epsilon of Keras, which both papers' releases use.</summary>
public sealed class Adam(double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-7) : Optimizer
{
    private Tensor? _first,
        _second;
    private int _time;

    /// <inheritdoc/>
    public override void Step(Tensor weights, Tensor gradient, double rate)
    {
        _first ??= zeros_like(weights).DetachFromDisposeScope();
        _second ??= zeros_like(weights).DetachFromDisposeScope();
        _time++;
        using Scalar keep1 = beta1,
            take1 = 1 - beta1,
            keep2 = beta2,
            take2 = 1 - beta2,
            small = epsilon;
        _first.mul_(keep1).add_(gradient, take1);
        _second.mul_(keep2).addcmul_(gradient, gradient, take2);
        // As Keras: epsilon beside the biased root.
        var unbiased = Math.Sqrt(1 - Math.Pow(beta2, _time)) / (1 - Math.Pow(beta1, _time));
        using Scalar change = -rate * unbiased;
        weights.addcdiv_(_first, _second.sqrt().add_(small), change);
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        _first?.Dispose();
        _second?.Dispose();
        (_first, _second, _time) = (null, null, 0);
    }
}

/// <summary>Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013, in PyTorch's form).</summary>
public sealed class Sgd(double momentum = 0.9) : Optimizer
{
    private Tensor? _velocity;

    /// <inheritdoc/>
    public override void Step(Tensor weights, Tensor gradient, double rate)
    {
        _velocity ??= zeros_like(weights).DetachFromDisposeScope();
        using Scalar keep = momentum,
            change = -rate;
        _velocity.mul_(keep).add_(gradient);
        weights.add_(gradient.add_(_velocity, keep), change);
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        _velocity?.Dispose();
        _velocity = null;
    }
}
