using PostTrainGate.Torch;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

// Comparison, choice, whole numbers and bits.
internal static partial class Operators
{
    private static Kernel Where(OnnxNode node)
    {
        var (condition, a, b) = (node.Input(0), node.Input(1), node.Input(2));
        return v =>
        {
            node.Fit(v, Broadcast(v[condition].shape, Broadcast(v[a].shape, v[b].shape)));
            return where(v[condition], v[a], v[b]);
        };
    }

    // The rest has the sign of the divisor, or with fmod that of what is divided.
    private static Kernel Mod(OnnxNode node) =>
        node.Flag("fmod")
            ? Elementwise((a, b) => Remainder(a, b, fmod))(node)
            : Elementwise((a, b) => Remainder(a, b, remainder))(node);

    // By -1 nothing remains of an integer; of the smallest one, processors refuse to say so.
    private static Tensor Remainder(Tensor a, Tensor b, Func<Tensor, Tensor, Tensor> function) =>
        is_floating_point(a) ? function(a, b) : function(a, b.masked_fill(b.eq(Scalars.Get(-1)), Scalars.Get(1)));

    private static Kernel BitShift(OnnxNode node) =>
        node.Text("direction", "") switch
        {
            "LEFT" => Elementwise(bitwise_left_shift)(node),
            "RIGHT" => Elementwise(bitwise_right_shift)(node),
            _ => throw node.Refuse("attribute 'direction' is neither LEFT nor RIGHT"),
        };

    private static Kernel IsInf(OnnxNode node)
    {
        var (x, negative, positive) = (
            node.Input(0),
            node.Int("detect_negative", 1) != 0,
            node.Int("detect_positive", 1) != 0
        );
        return (negative, positive) switch
        {
            (true, true) => v => v[x].isinf(),
            (true, false) => v => v[x].isneginf(),
            (false, true) => v => v[x].isposinf(),
            _ => v => zeros_like(v[x], dtype: ScalarType.Bool),
        };
    }
}
