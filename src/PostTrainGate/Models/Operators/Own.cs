using static TorchSharp.torch;

namespace PostTrainGate.Models;

// What a file does to a row before its first node. Values are those that the file gets; gradients go straight through
// (Bengio, Léonard and Courville 2013), so that an attack is not blind to columns of text and of integers.
internal static partial class Operators
{
    /// <summary>Domain of operators that no file has: lowered graphs use them.</summary>
    public const string OwnDomain = "posttraingate";

    /// <summary>Operators of lowered graphs by name.</summary>
    public static IReadOnlyDictionary<string, Func<OnnxNode, Kernel>> Own { get; } =
        new Dictionary<string, Func<OnnxNode, Kernel>>
        {
            // [batch, categories]: 1 at the category that has the largest share, 0 elsewhere.
            ["Category"] = StraightThrough(x => IsAt(x.argmax(1, true), 1, x.size(1)).to_type(x.dtype)),
            ["Whole"] = StraightThrough(x => x.round()),
        };

    private static Func<OnnxNode, Kernel> StraightThrough(Func<Tensor, Tensor> function) =>
        node =>
        {
            var x = node.Input(0);
            return v =>
            {
                var value = function(v[x].detach());
                return is_grad_enabled() && v[x].requires_grad ? v[x] + (value - v[x].detach()) : value;
            };
        };
}
