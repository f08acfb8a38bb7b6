using System.Globalization;
using PostTrainGate.Models;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Repairs;

/// <summary>How far apart the weights of two models of one graph are.</summary>
/// <param name="Changed">Number of values that differ.</param>
/// <param name="Total">Number of values.</param>
/// <param name="Norm">Euclidean length of the difference.</param>
/// <param name="Relative">The same, over the length of the original.</param>
public sealed record WeightChange(long Changed, long Total, double Norm, double Relative)
{
    /// <summary>Compares every float parameter.</summary>
    public static WeightChange Between(OnnxClassifier before, OnnxClassifier after)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (changed, total, square, length) = (0L, 0L, 0.0, 0.0);
        foreach (var (name, old) in before.Parameters)
        {
            var difference = after.Parameters[name].to(ScalarType.Float64).sub(old);
            changed += difference.ne(0).sum().item<long>();
            total += old.numel();
            square += difference.Squared().sum().item<double>();
            length += old.to(ScalarType.Float64).Squared().sum().item<double>();
        }

        return new(changed, total, Math.Sqrt(square), length > 0 ? Math.Sqrt(square / length) : 0);
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Changed} of {Total} ({100.0 * Changed / Math.Max(1, Total):F1} %), "
                + $"norm {Norm:G3} ({100 * Relative:G3} % of the weight norm)"
        );
}
