using PostTrainGate.Models.Onnx;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Products, activations, normalisation, constants.
internal static partial class Operators
{
    // ONNX divides integers as C does, toward zero.
    private static Tensor Divide(Tensor a, Tensor b) => is_floating_point(a) ? div(a, b) : div(a, b, RoundingMode.trunc).to_type(a.dtype);

    // Y = alpha * A' * B' + beta * C; the usual dense layer is one addmm.
    private static Kernel Gemm(OnnxNode node)
    {
        var (a, b, c) = (node.Input(0), node.Input(1), node.Optional(2));
        var (alpha, beta) = (node.Float("alpha", 1), node.Float("beta", 1));
        var (transA, transB) = (node.Flag("transA"), node.Flag("transB"));
        return v =>
        {
            var left = transA ? v[a].t() : v[a];
            var right = transB ? v[b].t() : v[b];
            if (c >= 0) return addmm(v[c], left, right, beta, alpha);
            var product = mm(left, right);
            return alpha == 1 ? product : product * alpha;
        };
    }

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
        if (min < 0 && max < 0) return v => v[x];
        return v => clamp(v[x], min < 0 ? null : v[min], max < 0 ? null : v[max]);
    }

    // Before operator set 13 the input is seen as a matrix: axes from `axis` on are one.
    private static Kernel OverClasses(OnnxNode node, Func<Tensor, long, Tensor> function)
    {
        var (x, axis) = (node.Input(0), node.Int("axis", node.Opset < 13 ? 1 : -1));
        if (node.Opset >= 13) return v => function(v[x], axis);
        return v =>
        {
            var first = Axis(axis, v[x].dim());
            return first == v[x].dim() - 1 ? function(v[x], first) : function(v[x].flatten(first), first).reshape(v[x].shape);
        };
    }

    // Inference: Y = (X - mean) / sqrt(var + epsilon) * scale + B, per channel.
    private static Kernel BatchNormalization(OnnxNode node)
    {
        var (x, scale, bias, mean, variance) = (node.Input(0), node.Input(1), node.Input(2), node.Input(3), node.Input(4));
        var epsilon = node.Float("epsilon", 1e-5f);
        node.Float("momentum", 0.9f); // only training uses it
        if (node.Int("training_mode", 0) != 0) throw node.Refuse("it is in training mode; export the model for inference");
        if (node.Int("spatial", 1) != 1) throw node.Refuse("attribute 'spatial' is 0, statistics per position are not supported");
        return v => nn.functional.batch_norm(v[x], v[mean], v[variance], v[scale], v[bias], training: false, eps: epsilon);
    }

    // Inference: the identity.
    private static Kernel Dropout(OnnxNode node)
    {
        var x = node.Input(0);
        node.Float("ratio", 0.5f);
        node.Int("seed", 0);
        if (node.Optional(2) >= 0)
        {
            using var training = (node.Constant(2) ?? throw node.Refuse("input 2 (training_mode) is not a constant")).to_type(ScalarType.Int64);
            if (training.numel() != 1 || training.data<long>()[0] != 0) throw node.Refuse("it is in training mode; export the model for inference");
        }

        node.Also(1, v => ones_like(v[x], dtype: ScalarType.Bool));
        return v => v[x];
    }

    private static Kernel Constant(OnnxNode node)
    {
        if (node.Attribute("value")?.T is { } dense)
        {
            // Read once: the kernel runs once, when the constant is folded.
            return _ =>
            {
                try { return OnnxTensors.Read(dense); }
                catch (FormatException e) { throw node.Refuse($"its tensor {e.Message}"); }
            };
        }

        if (node.Attribute("value_float") is { } f) return _ => tensor(f.F);
        if (node.Attribute("value_floats") is { } fs) return _ => tensor(fs.Floats.ToArray());
        if (node.Attribute("value_int") is { } i) return _ => tensor(i.I);
        if (node.Attribute("value_ints") is { } s) return _ => tensor(s.Ints.ToArray());
        throw node.Refuse("it holds no dense number");
    }

    private static Kernel Cast(OnnxNode node)
    {
        var (x, to) = (node.Input(0), (int)node.Int("to"));
        var type = OnnxTensors.TypeOf(to) ?? throw node.Refuse($"attribute 'to' asks for {(TensorProto.Types.DataType)to}");
        node.Int("saturate", 1); // only for 8-bit floats, which are refused
        return v => v[x].to_type(type);
    }
}
