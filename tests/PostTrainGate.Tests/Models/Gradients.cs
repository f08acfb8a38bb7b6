using PostTrainGate.Models;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>Gradients of a compiled model against finite differences in double precision.</summary>
internal static class Gradients
{
    // <gradient, direction> against the slope along that direction, for the input and every parameter.
    public static void Check(CompiledModel compiled, Tensor x)
    {
        var state = compiled
            .State.Select(t =>
                t is null ? null!
                : t.is_floating_point() ? t.to(float64).detach()
                : t
            )
            .ToArray();
        List<int> leaves = [compiled.Graph.Input, .. compiled.Parameters.Values];
        state[compiled.Graph.Input] = x;
        Tensor? weights = null;
        Tensor Loss()
        {
            var output = compiled.Graph.Run(state, state[compiled.Graph.Input], [compiled.Output])[0];
            weights ??= randn(output.shape, dtype: float64);
            return (output * weights).sum();
        }

        foreach (var leaf in leaves)
            state[leaf].requires_grad_();
        var used = Loss();
        if (!used.requires_grad)
            return;
        used.backward();
        using var _ = no_grad();
        foreach (var leaf in leaves.Where(l => state[l].grad is not null))
        {
            const double h = 1e-7; // few values cross a kink on the way
            var direction = randn(state[leaf].shape, dtype: float64);
            state[leaf].add_(direction * h);
            var up = Loss().item<double>();
            state[leaf].sub_(direction * (2 * h));
            var down = Loss().item<double>();
            state[leaf].add_(direction * h);
            var slope = (up - down) / (2 * h);
            // The exponent of a negative number has no slope.
            var tolerance = double.IsNaN(slope) ? 0 : 1e-5 * Math.Max(1, Math.Abs(slope));
            Assert.Equal(slope, (state[leaf].grad! * direction).sum().item<double>(), tolerance);
        }
    }
}
