using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Runs a convolution and the batch normalisation behind it as one convolution: scale (w x + b - mean) / deviation + shift is again one,
/// with other weights. They are made at every pass, as a repair may change what they come from; next to a pass over all values of a
/// batch that costs nothing. Only where nobody asks for the value between, and no weight asks for a gradient.
/// </summary>
internal static class OnnxFusion
{
    /// <summary>A normalisation's slots.</summary>
    /// <param name="Scale">Slot of the scale, [channels]; so are the others.</param>
    /// <param name="Shift">Slot of the shift.</param>
    /// <param name="Mean">Slot of the mean.</param>
    /// <param name="Variance">Slot of the variance.</param>
    /// <param name="Epsilon">Added to the variance.</param>
    internal sealed record Normalization(int Scale, int Shift, int Mean, int Variance, double Epsilon);

    /// <summary>A convolution whose weights can be others than its own.</summary>
    /// <param name="Weight">Slot of the weights, [channels, ...].</param>
    /// <param name="Bias">Slot of the bias, or -1.</param>
    /// <param name="Apply">All values, weights and bias to the result.</param>
    internal sealed record Convolved(int Weight, int Bias, Func<Tensor[], Tensor, Tensor?, Tensor> Apply);

    /// <summary>The steps of a plan with pairs merged.</summary>
    /// <param name="steps">In an order that can be run.</param>
    /// <param name="taps">Slots that are asked for.</param>
    public static IReadOnlyList<OnnxGraph.Step> Merge(IReadOnlyList<OnnxGraph.Step> steps, ReadOnlySpan<int> taps)
    {
        var readers = steps.SelectMany(s => s.Inputs).CountBy(i => i).ToDictionary();
        var producer = steps.ToDictionary(s => s.Output);
        var merged = new List<OnnxGraph.Step>(steps);
        foreach (var step in steps)
        {
            if (step.Rebuild.Normalizes is not { } norm || !producer.TryGetValue(step.Inputs[0], out var conv) || conv.Rebuild.Convolves is not { } weights) continue;
            if (readers[conv.Output] > 1 || taps.Contains(conv.Output)) continue;
            merged.Remove(conv);
            // An error is most likely one of the convolution's shapes.
            merged[merged.IndexOf(step)] = conv with
            {
                OutputName = step.OutputName,
                Output = step.Output,
                Inputs = [.. conv.Inputs, .. step.Inputs[1..]],
                Kernel = v => Run(v, conv, step, weights, norm),
            };
        }

        return merged;
    }

    private static Tensor Run(Tensor[] v, OnnxGraph.Step conv, OnnxGraph.Step step, Convolved weights, Normalization norm)
    {
        using var scope = NewDisposeScope();
        var bias = weights.Bias < 0 ? null : v[weights.Bias];
        if (is_grad_enabled() && (v[weights.Weight].requires_grad || bias?.requires_grad == true || v[norm.Scale].requires_grad || v[norm.Shift].requires_grad))
        {
            v[conv.Output] = conv.Kernel(v);
            return step.Kernel(v).MoveToOuterDisposeScope();
        }

        var scale = v[norm.Scale] * v[norm.Variance].Plus(norm.Epsilon).rsqrt();
        var shift = v[norm.Shift] - (bias is null ? v[norm.Mean] : v[norm.Mean] - bias) * scale;
        var weight = v[weights.Weight];
        long[] perChannel = [-1, .. Enumerable.Repeat(1L, (int)weight.dim() - 1)];
        return weights.Apply(v, weight * scale.reshape(perChannel), shift).MoveToOuterDisposeScope();
    }
}
