using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Certification;

/// <summary>The smallest and the largest value of each element.</summary>
/// <param name="Lower">Of the graph's type.</param>
/// <param name="Upper">The same shape.</param>
internal sealed record Interval(Tensor Lower, Tensor Upper) : IDisposable
{
    /// <summary>The middle.</summary>
    public Tensor Center => Lower.Plus(Upper).mul(Scalars.Get(0.5));

    /// <summary>Half the width.</summary>
    public Tensor Radius => (Upper - Lower).mul(Scalars.Get(0.5));

    /// <summary>The interval of each row that an index names.</summary>
    public Interval Rows(Tensor index) => new(Lower.index_select(0, index), Upper.index_select(0, index));

    /// <summary>What lies in both.</summary>
    public Interval And(Interval other) => new(maximum(Lower, other.Lower), minimum(Upper, other.Upper));

    /// <summary>Keeps it beyond every dispose scope, until it is disposed.</summary>
    public Interval Keep() => new(Lower.DetachFromDisposeScope(), Upper.DetachFromDisposeScope());

    /// <inheritdoc/>
    public void Dispose()
    {
        Lower.Dispose();
        Upper.Dispose();
    }
}
