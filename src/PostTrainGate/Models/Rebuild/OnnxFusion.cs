using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Runs steps that follow each other in cheaper ways, where nobody asks for the value between. A pass over a batch of
/// images is bound by memory: what counts is how often all values of a layer are read and written.
/// </summary>
internal static class OnnxFusion
{
    // What these compute lies in memory of its own that no gradient needs, so that what follows may overwrite it.
    private static readonly string[] Overwritten = ["Conv", "Gemm", "MatMul", "BatchNormalization", "Add", "MaxPool"];

    /// <summary>A normalization's slots.</summary>
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

    /// <summary>The steps of a plan with pairs merged: what they compute is the same, their gradients too.</summary>
    /// <param name="steps">In an order that can be run.</param>
    /// <param name="taps">Slots that are asked for.</param>
    public static IReadOnlyList<OnnxGraph.Step> Merge(IReadOnlyList<OnnxGraph.Step> steps, ReadOnlySpan<int> taps)
    {
        int[] kept = [.. taps];
        return Pairs(Pairs(Pairs(steps, kept, Normalized), kept, Pooled), kept, Rectified);
    }

    // Each step and the one that alone reads its value, replaced by what the rule makes of both; null: they stay as
    // they are.
    private static List<OnnxGraph.Step> Pairs(
        IReadOnlyList<OnnxGraph.Step> steps,
        int[] kept,
        Func<OnnxGraph.Step, OnnxGraph.Step, OnnxGraph.Step[]?> rule
    )
    {
        var readers = steps.SelectMany(s => s.Inputs).CountBy(i => i).ToDictionary();
        var merged = new List<OnnxGraph.Step>();
        foreach (var step in steps)
        {
            var before = step.Inputs.Length == 0 ? -1 : merged.FindLastIndex(s => s.Output == step.Inputs[0]);
            if (
                before >= 0
                && readers[step.Inputs[0]] == 1
                && !kept.Contains(step.Inputs[0])
                && rule(merged[before], step) is { } both
            )
            {
                merged.RemoveAt(before);
                merged.AddRange(both);
            }
            else
            {
                merged.Add(step);
            }
        }

        return merged;
    }

    // A convolution and the batch normalization behind it are one convolution: scale (w x + b - mean) / deviation +
    // shift has other weights, made at every pass, as a repair may change what they come from. An error is most likely
    // one of the convolution's shapes.
    private static OnnxGraph.Step[]? Normalized(OnnxGraph.Step conv, OnnxGraph.Step step)
    {
        if (step.IsInTraining || step.Rebuild.Normalizes is not { } norm || conv.Rebuild.Convolves is not { } weights)
            return null;
        if (conv.OutputName != conv.Node.Output[0])
            return null; // has one already
        int[] inputs = [.. conv.Inputs, .. step.Inputs[1..]];
        return
        [
            conv with
            {
                OutputName = step.OutputName,
                Output = step.Output,
                Inputs = inputs,
                Kernel = v => Run(v, conv, step, weights, norm),
            },
        ];
    }

    // The largest of rectified values is the largest value, rectified: that is done on the few that are left.
    private static OnnxGraph.Step[]? Pooled(OnnxGraph.Step relu, OnnxGraph.Step pool)
    {
        if (relu.Node.OpType != "Relu" || !pool.Rebuild.HasValueInEveryWindow)
            return null;
        var between = relu.Output;
        Tensor Pool(Tensor[] v) => pool.Kernel(With(v, between, v[relu.Inputs[0]]));
        return
        [
            pool with
            {
                OutputName = relu.OutputName,
                Inputs = relu.Inputs,
                Output = between,
                Kernel = Pool,
            },
            relu with
            {
                OutputName = pool.OutputName,
                Inputs = [between],
                Output = pool.Output,
                Kernel = v => v[between].relu(),
            },
        ];

        static Tensor[] With(Tensor[] values, int slot, Tensor value)
        {
            values[slot] = value;
            return values;
        }
    }

    // In place, and once: what is rectified stays as it is, and its gradient needs it so. A part of a larger tensor is
    // left alone, since its gradient would be put together from the whole.
    private static OnnxGraph.Step[]? Rectified(OnnxGraph.Step step, OnnxGraph.Step relu)
    {
        if (relu.Node.OpType != "Relu" || !Overwritten.Contains(step.Node.OpType))
            return null;
        var renamed = step with { OutputName = relu.OutputName, Output = relu.Output, IsRectified = true };
        return [step.IsRectified ? renamed : renamed with { Kernel = v => Rectify(step.Kernel(v)) }];
    }

    private static Tensor Rectify(Tensor fresh)
    {
        if (Fills(fresh))
            return fresh.relu_();
        using (fresh)
            return fresh.relu();
    }

    // Whether its values lie side by side, in whatever order of axes.
    private static bool Fills(Tensor x)
    {
        long last = 1;
        for (var axis = 0; axis < x.dim(); axis++)
            last += (x.size(axis) - 1) * x.stride(axis);
        return last == x.numel();
    }

    private static Tensor Run(
        Tensor[] v,
        OnnxGraph.Step conv,
        OnnxGraph.Step step,
        Convolved weights,
        Normalization norm
    )
    {
        using var scope = NewDisposeScope();
        var bias = weights.Bias < 0 ? null : v[weights.Bias];
        if (
            is_grad_enabled()
            && (
                v[weights.Weight].requires_grad
                || bias?.requires_grad == true
                || v[norm.Scale].requires_grad
                || v[norm.Shift].requires_grad
            )
        )
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
