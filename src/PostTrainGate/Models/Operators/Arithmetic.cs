using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Products and sums.
internal static partial class Operators
{
    // ONNX divides integers as C does, toward zero. The smallest integer by -1 has no result, and ends a process that
    // asks for it.
    private static Tensor Divide(Tensor a, Tensor b)
    {
        if (is_floating_point(a))
            return div(a, b);
        var minus = b.eq(Scalars.Get(-1));
        return where(minus, a.neg(), div(a, b.masked_fill(minus, Scalars.Get(1)), RoundingMode.trunc).to_type(a.dtype));
    }

    // Two or more values, folded; broadcasts as NumPy does.
    private static Func<OnnxNode, Kernel> Variadic(
        Func<Tensor, Tensor, Tensor> function,
        Func<Tensor, int, Tensor>? last = null
    ) =>
        node =>
        {
            var inputs = node.Inputs.ToArray();
            return v =>
            {
                node.Fit(v, inputs.Select(i => v[i].shape).Aggregate(Broadcast));
                var all = inputs.Skip(1).Aggregate(v[inputs[0]], (sum, i) => function(sum, v[i]));
                return last is null ? all : last(all, inputs.Length);
            };
        };

    // Y = alpha * A' * B' + beta * C; the usual dense layer is one addmm.
    private static Kernel Gemm(OnnxNode node)
    {
        var (a, b, c) = (node.Input(0), node.Input(1), node.Optional(2));
        var (alpha, beta) = (node.Float("alpha", 1), node.Float("beta", 1));
        var (transA, transB) = (node.Flag("transA"), node.Flag("transB"));
        var usual = !transA && transB && c >= 0 && alpha == 1 && beta == 1; // one native call
        return v =>
        {
            if (usual && v[a].dim() == 2 && v[b].dim() == 2 && v[c].dim() == 1)
            {
                node.Fit(v, v[a].size(0), v[b].size(0));
                return nn.functional.linear(v[a], v[b], v[c]);
            }

            var left = transA ? v[a].t() : v[a];
            var right = transB ? v[b].t() : v[b];
            node.Fit(v, left.shape[0], right.shape[1]);
            if (c >= 0)
                return addmm(v[c], left, right, beta, alpha);
            var product = mm(left, right);
            return alpha == 1 ? product : product.mul(Scalars.Get(alpha));
        };
    }

    private static Kernel MatMul(OnnxNode node)
    {
        var (a, b) = (node.Input(0), node.Input(1));
        return v =>
        {
            var (left, right) = (v[a].shape, v[b].shape);
            // What disagrees has to be told before: no exception comes out of this call of the library.
            if (left.Length == 0 || right.Length == 0 || left[^1] != right[right.Length > 1 ? ^2 : ^1])
                throw new ArgumentException("the inner dimensions of the two matrices differ");
            if (left.Length > 1 && right.Length > 1)
            {
                if (!Broadcasts(left[..^2], right[..^2]))
                    throw new ArgumentException("the batch dimensions of the two matrices do not match");
                node.Fit(v, [.. Broadcast(left[..^2], right[..^2]), left[^2], right[^1]]);
            }

            if (v[a].dtype != v[b].dtype)
                throw new ArgumentException($"one matrix is {v[a].dtype}, the other {v[b].dtype}");
            return matmul(v[a], v[b]);
        };
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
            if (node.Known(1) != 0 && (training.numel() != 1 || training.item<long>() != 0))
                throw node.Refuse("it is in training mode; export the model for inference");
        }

        node.Also(1, v => ones_like(v[x], dtype: ScalarType.Bool));
        return v => v[x];
    }

    // The size of the result is known before anything is multiplied: that of the labels it keeps.
    private static Kernel Einsum(OnnxNode node)
    {
        var equation = node.Text("equation", "").Replace(" ", "", StringComparison.Ordinal);
        var inputs = node.Inputs.ToArray();
        var (terms, kept) = equation.Split("->") switch
        {
            [var left, var right] => (left.Split(','), right),
            [var left] => (
                left.Split(','),
                "..." + string.Concat(left.Where(l => char.IsLetter(l) && left.Count(l.Equals) == 1))
            ),
            _ => throw node.Refuse("attribute 'equation' has two arrows"),
        };
        if (terms.Length != inputs.Length)
            throw node.Refuse("attribute 'equation' does not have a term for each input");
        return v =>
        {
            Dictionary<char, long> sizes = [];
            long[] rest = [];
            for (var i = 0; i < terms.Length; i++)
            {
                var (shape, at) = (v[inputs[i]].shape, terms[i].IndexOf("...", StringComparison.Ordinal));
                var (before, after) = at < 0 ? (terms[i], "") : (terms[i][..at], terms[i][(at + 3)..]);
                if (at < 0 ? before.Length != shape.Length : before.Length + after.Length > shape.Length)
                    throw new ArgumentException($"term {i} does not match its input");
                if (at >= 0)
                    rest = Broadcast(rest, shape[before.Length..^after.Length]);
                foreach (var (label, size) in before.Zip(shape).Concat(after.Zip(shape[^after.Length..])))
                    sizes[label] = Math.Max(sizes.GetValueOrDefault(label), size);
            }

            if (!kept.Contains('.', StringComparison.Ordinal))
                rest = [];
            node.Fit(v, [.. kept.Where(l => l != '.').Select(l => sizes.GetValueOrDefault(l)), .. rest]);
            return einsum(equation, [.. inputs.Select(i => v[i])]);
        };
    }
}
