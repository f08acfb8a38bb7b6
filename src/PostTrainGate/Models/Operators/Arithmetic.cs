using PostTrainGate.Models.Onnx;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Products, sums, normalisation, constants.
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
            node.Fit(v, left.shape[0], right.shape[1]);
            if (c >= 0) return addmm(v[c], left, right, beta, alpha);
            var product = mm(left, right);
            return alpha == 1 ? product : product.mul(Scalars.Of(alpha));
        };
    }

    private static Kernel MatMul(OnnxNode node)
    {
        var (a, b) = (node.Input(0), node.Input(1));
        return v =>
        {
            var (left, right) = (v[a].shape, v[b].shape);
            if (left.Length > 1 && right.Length > 1) node.Fit(v, [.. Broadcast(left[..^2], right[..^2]), left[^2], right[^1]]);
            return matmul(v[a], v[b]);
        };
    }

    // Inference: Y = (X - mean) / sqrt(var + epsilon) * scale + B, per channel. The statistics have no gradient, as in PyTorch.
    private static Kernel BatchNormalization(OnnxNode node)
    {
        var (x, scale, bias, mean, variance) = (node.Input(0), node.Input(1), node.Input(2), node.Input(3), node.Input(4));
        var epsilon = node.Float("epsilon", 1e-5f);
        node.Float("momentum", 0.9f); // only training uses it
        if (node.Int("training_mode", 0) != 0) throw node.Refuse("it is in training mode; export the model for inference");
        if (node.Int("spatial", 1) != 1) throw node.Refuse("attribute 'spatial' is 0, statistics per position are not supported");
        return v => nn.functional.batch_norm(v[x], v[mean].detach(), v[variance].detach(), v[scale], v[bias], eps: epsilon);
    }

    // Inference: the identity.
    private static Kernel Dropout(OnnxNode node)
    {
        var x = node.Input(0);
        node.Float("ratio", 0.5f);
        node.Int("seed", 0);
        if (node.Optional(2) >= 0)
        {
            var mode = node.Constant(2) ?? throw node.Refuse("input 2 (training_mode) is not a constant");
            using var training = mode.to_type(ScalarType.Int64);
            if (training.numel() != 1 || training.item<long>() != 0)
                throw node.Refuse("it is in training mode; export the model for inference");
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

    // Y = (X - mean) / sqrt(var + epsilon) * scale + B, over the axes from `axis` on.
    private static Kernel LayerNormalization(OnnxNode node)
    {
        var (x, scale, bias, axis) = (node.Input(0), node.Input(1), node.Optional(2), node.Int("axis", -1));
        var epsilon = node.Float("epsilon", 1e-5f);
        if (node.Int("stash_type", 1) != 1) throw node.Refuse("attribute 'stash_type' is not 1 (float32)");
        return v =>
        {
            var first = (int)Axis(axis, v[x].dim());
            return nn.functional.layer_norm(v[x], v[x].shape[first..], v[scale], bias < 0 ? null : v[bias], epsilon);
        };
    }

    // Two or more values, folded; broadcasts as NumPy does.
    private static Func<OnnxNode, Kernel> Variadic(Func<Tensor, Tensor, Tensor> function) => node =>
    {
        var inputs = node.Inputs.ToArray();
        return v =>
        {
            node.Fit(v, inputs.Select(i => v[i].shape).Aggregate(Broadcast));
            return inputs.Skip(1).Aggregate(v[inputs[0]], (sum, i) => function(sum, v[i]));
        };
    };

    // Axes are an attribute before operator set 18 (of ReduceSum: 13) and an optional input since; none means all.
    private static Func<OnnxNode, Kernel> Reduce(Func<Tensor, long[], bool, Tensor> function) => node =>
    {
        var (x, keep, noop) = (node.Input(0), node.Int("keepdims", 1) != 0, node.Flag("noop_with_empty_axes"));
        var axes = node.Integers("axes", 1);
        return v =>
        {
            var over = axes?.Invoke(v) ?? [];
            if (over.Length > 0) return function(v[x], over, keep);
            return noop ? v[x] : function(v[x], [.. Enumerable.Range(0, (int)v[x].dim()).Select(i => (long)i)], keep);
        };
    };
}
