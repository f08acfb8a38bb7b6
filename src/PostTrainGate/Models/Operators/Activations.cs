using PostTrainGate.Foundation;
using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Activations, and what stands at the end of a classifier.
internal static partial class Operators
{
    private static Kernel LeakyRelu(OnnxNode node)
    {
        var (x, alpha) = (node.Input(0), node.Float("alpha", 0.01f));
        return v => nn.functional.leaky_relu(v[x], alpha);
    }

    // Bounds are attributes before operator set 11 and optional inputs since, which may be parameters.
    private static Kernel Clip(OnnxNode node)
    {
        var x = node.Input(0);
        if (node.Opset < 11)
        {
            var (low, high) = (node.Float("min", float.MinValue), node.Float("max", float.MaxValue));
            return v => v[x].clamp(low, high);
        }

        var (min, max) = (node.Optional(1), node.Optional(2));
        if (min < 0 && max < 0)
            return v => v[x];
        return v => clamp(v[x], min < 0 ? null : v[min], max < 0 ? null : v[max]);
    }

    // Before operator set 13 the input is seen as a matrix: axes from `axis` on are one.
    private static Kernel OverClasses(OnnxNode node, Func<Tensor, long, Tensor> function)
    {
        var (x, axis) = (node.Input(0), node.Int("axis", node.Opset < 13 ? 1 : -1));
        if (node.Opset >= 13)
            return v => function(v[x], axis);
        return v =>
        {
            var first = Axis(axis, v[x].dim());
            return first == v[x].dim() - 1
                ? function(v[x], first)
                : function(v[x].flatten(first), first).reshape(v[x].shape);
        };
    }

    private static Tensor Hardmax(Tensor x, long axis) =>
        IsAt(x.argmax(axis, true), axis, x.shape[Axis(axis, x.dim())]).to_type(x.dtype);

    // gamma * (x where positive, alpha * (e^x - 1) elsewhere); the exponent stays negative so that no gradient is
    // infinite.
    private static Func<OnnxNode, Kernel> Exponential(float alpha, float gamma) =>
        node =>
        {
            var x = node.Input(0);
            var a = node.Float("alpha", alpha);
            var g = gamma == 1 ? 1 : node.Float("gamma", gamma);
            return v =>
                v[x].relu().Plus(v[x].clamp_max(Scalars.Get(0)).expm1().mul(Scalars.Get(a))).mul(Scalars.Get(g));
        };

    private static Kernel HardSigmoid(OnnxNode node)
    {
        var (x, alpha, beta) = (node.Input(0), node.Float("alpha", 0.2f), node.Float("beta", 0.5f));
        return v => v[x].mul(Scalars.Get(alpha)).Plus(beta).clamp(Scalars.Get(0), Scalars.Get(1));
    }

    private static Kernel Gelu(OnnxNode node)
    {
        var x = node.Input(0);
        return node.Text("approximate", "none") switch
        {
            "none" => v => v[x] * v[x].mul(Scalars.Get(Math.Sqrt(0.5))).erf().Plus(1).div(Scalars.Get(2)),
            "tanh" => v =>
            {
                var inner = v[x].Plus(v[x].pow(Scalars.Get(3)).mul(Scalars.Get(0.044715)));
                return v[x] * inner.mul(Scalars.Get(Math.Sqrt(2 / Math.PI))).tanh().Plus(1).div(Scalars.Get(2));
            },
            var other => throw node.Refuse($"attribute 'approximate' is {Wording.Quote(other)}"),
        };
    }

    private static Kernel Celu(OnnxNode node)
    {
        var (x, alpha) = (node.Input(0), node.Float("alpha", 1));
        return v =>
            v[x].relu().Plus(v[x].clamp_max(Scalars.Get(0)).div(Scalars.Get(alpha)).expm1().mul(Scalars.Get(alpha)));
    }

    private static Kernel ThresholdedRelu(OnnxNode node)
    {
        var (x, alpha) = (node.Input(0), node.Float("alpha", 1));
        return v => where(v[x].gt(Scalars.Get(alpha)), v[x], zeros_like(v[x]));
    }

    private static Kernel Shrink(OnnxNode node)
    {
        var (x, bias, lambda) = (node.Input(0), node.Float("bias", 0), node.Float("lambd", 0.5f));
        return v =>
            where(
                v[x].lt(Scalars.Get(-lambda)),
                v[x].Plus(bias),
                where(v[x].gt(Scalars.Get(lambda)), v[x].Plus(-bias), zeros_like(v[x]))
            );
    }

    private static Kernel Swish(OnnxNode node)
    {
        var (x, alpha) = (node.Input(0), node.Float("alpha", 1));
        return v => v[x] * v[x].mul(Scalars.Get(alpha)).sigmoid();
    }

    private static Kernel PRelu(OnnxNode node)
    {
        var (x, slope) = (node.Input(0), node.Input(1));
        return v => v[x].relu().Plus(v[x].clamp_max(Scalars.Get(0)) * v[slope]);
    }
}
