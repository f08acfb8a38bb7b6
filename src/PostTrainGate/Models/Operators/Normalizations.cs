using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Values made comparable: by statistics that training found, of each input, or of neighbors.
internal static partial class Operators
{
    // Inference: Y = (X - mean) / sqrt(var + epsilon) * scale + B, per channel. The statistics have no gradient, as in
    // PyTorch.
    private static Kernel BatchNormalization(OnnxNode node)
    {
        var (x, scale, bias, mean, variance) = (
            node.Input(0),
            node.Input(1),
            node.Input(2),
            node.Input(3),
            node.Input(4)
        );
        var epsilon = node.Float("epsilon", 1e-5f);
        node.Float("momentum", 0.9f); // only training uses it
        // Before operator set 14, outputs beyond the first are the sign of training.
        if (node.Int("training_mode", 0) != 0 || (node.Opset < 14 && node.HasFurtherOutputs))
            throw node.Refuse("it is in training mode; export the model for inference");
        if (node.Int("spatial", 1) != 1)
            throw node.Refuse("attribute 'spatial' is 0; statistics per position are not supported");
        node.Normalizes = new(scale, bias, mean, variance, epsilon);
        return v =>
            nn.functional.batch_norm(v[x], v[mean].detach(), v[variance].detach(), v[scale], v[bias], eps: epsilon);
    }

    // Y = (X - mean) / sqrt(var + epsilon) * scale + B, over the axes from `axis` on.
    private static Kernel LayerNormalization(OnnxNode node)
    {
        var (x, scale, bias, axis) = (node.Input(0), node.Input(1), node.Optional(2), node.Int("axis", -1));
        var epsilon = node.Float("epsilon", 1e-5f);
        if (node.Int("stash_type", 1) != 1)
            throw node.Refuse("attribute 'stash_type' is not 1 (float32)");
        node.Also(1, v => v[x].mean(From(axis, v[x]), true));
        node.Also(2, v => v[x].var(From(axis, v[x]), false, true).Plus(epsilon).rsqrt());
        return v =>
        {
            var first = (int)Axis(axis, v[x].dim());
            return nn.functional.layer_norm(v[x], v[x].shape[first..], v[scale], bias < 0 ? null : v[bias], epsilon);
        };
    }

    // Each channel of each row by itself.
    private static Kernel InstanceNormalization(OnnxNode node)
    {
        var (x, scale, bias, epsilon) = (node.Input(0), node.Input(1), node.Input(2), node.Float("epsilon", 1e-5f));
        return v => nn.functional.group_norm(v[x], v[x].shape[1], v[scale], v[bias], epsilon);
    }

    // Groups of channels of each row; before operator set 21 scale and bias are one per group.
    private static Kernel GroupNormalization(OnnxNode node)
    {
        var (x, scale, bias, epsilon) = (node.Input(0), node.Input(1), node.Input(2), node.Float("epsilon", 1e-5f));
        var groups = node.Int("num_groups");
        if (node.Int("stash_type", 1) != 1)
            throw node.Refuse("attribute 'stash_type' is not 1 (float32)");
        return v =>
        {
            var each = node.Opset < 21 ? v[x].shape[1] / groups : 1;
            return nn.functional.group_norm(
                v[x],
                groups,
                PerChannel(v[scale], each),
                PerChannel(v[bias], each),
                epsilon
            );
        };

        static Tensor PerChannel(Tensor perGroup, long each) => perGroup.unsqueeze(1).expand(-1, each).flatten();
    }

    // Y = X / sqrt(mean(X^2) + epsilon) * scale, over the axes from `axis` on.
    private static Kernel RmsNormalization(OnnxNode node)
    {
        var (x, scale, axis, epsilon) = (
            node.Input(0),
            node.Input(1),
            node.Int("axis", -1),
            node.Float("epsilon", 1e-5f)
        );
        if (node.Int("stash_type", 1) != 1)
            throw node.Refuse("attribute 'stash_type' is not 1 (float32)");
        return v =>
        {
            var squares = v[x].Squared().mean(From(axis, v[x]), true);
            return v[x] * squares.Plus(epsilon).rsqrt() * v[scale];
        };
    }

    // Y = X / (bias + alpha / size * sum of squares over the channels around)^beta.
    private static Kernel Lrn(OnnxNode node)
    {
        var (x, size) = (node.Input(0), node.Int("size"));
        var (alpha, beta, bias) = (node.Float("alpha", 1e-4f), node.Float("beta", 0.75f), node.Float("bias", 1));
        if (size < 1)
            throw node.Refuse("attribute 'size' is below 1");
        return v =>
        {
            long[] sides = [.. new long[2 * (v[x].dim() - 2)], (size - 1) / 2, size / 2];
            var around = nn.functional.pad(v[x].Squared(), sides).unfold(1, size, 1).mean([-1L]);
            return v[x] / around.mul(Scalars.Get(alpha)).Plus(bias).pow(Scalars.Get(beta));
        };
    }

    private static Kernel LpNormalization(OnnxNode node)
    {
        var (x, axis, p) = (node.Input(0), node.Int("axis", -1), node.Int("p", 2));
        if (p is not (1 or 2))
            throw node.Refuse("attribute 'p' is neither 1 nor 2");
        return v =>
        {
            var norm = Root(Power(v[x], p).sum([axis], true), p);
            return v[x] / norm.clamp_min(Scalars.Get(Tiny));
        };
    }

    private static Kernel MeanVarianceNormalization(OnnxNode node)
    {
        var (x, axes) = (node.Input(0), node.Ints("axes") ?? [0, 2, 3]);
        return v =>
        {
            var centered = v[x] - v[x].mean(axes, true);
            return centered / Root(centered.Squared().mean(axes, true), 2).Plus(1e-9);
        };
    }

    // The axes from one on.
    private static long[] From(long axis, Tensor x)
    {
        var first = Axis(axis, x.dim());
        return [.. Enumerable.Range((int)first, (int)(x.dim() - first)).Select(i => (long)i)];
    }

    private const double Tiny = 1e-30;

    // |x|^p, and its inverse; kept above zero, where the slope of a root is infinite.
    private static Tensor Power(Tensor x, double p) =>
        p == 1 ? x.abs()
        : p == 2 ? x.Squared()
        : x.abs().pow(Scalars.Get(p));

    private static Tensor Root(Tensor x, double p) =>
        p == 1 ? x : x.clamp_min(Scalars.Get(Tiny)).pow(Scalars.Get(1 / p));
}
