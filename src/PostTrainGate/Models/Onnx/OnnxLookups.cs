using System.Collections.Immutable;

namespace PostTrainGate.Models.Onnx;

/// <summary>Inputs that are names rather than amounts: a table is looked up by them, as words are by their ids.</summary>
internal static class OnnxLookups
{
    // What an id passes on its way without becoming another one.
    private static readonly string[] Keeping =
    [
        "Cast",
        "Clip",
        "Concat",
        "Flatten",
        "Identity",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    ];

    /// <summary>Names of the inputs that do nothing but look something up.</summary>
    public static ImmutableArray<string> Find(OnnxFile file) =>
        [.. file.Inputs.Select(i => i.Name).Where(name => IsId(file, name))];

    // Every way that the value takes has to end so, and at least one in a table.
    private static bool IsId(OnnxFile file, string input)
    {
        HashSet<string> ids = [input];
        var isLookedUp = false;
        foreach (var node in file.Graph.Node) // each after those that it reads
        {
            foreach (var value in node.Input.Where(ids.Contains).Distinct().ToArray())
            {
                if (Ends(node, value))
                    isLookedUp |= node.OpType is "Gather" or "OneHot";
                else if (Keeping.Contains(node.OpType) && node.Input[0] == value)
                    ids.UnionWith(node.Output);
                else
                    return false;
            }
        }

        return isLookedUp && !file.Graph.Output.Any(o => ids.Contains(o.Name));
    }

    // A mask of an id, such as that of padding, is none of its amounts either.
    private static bool Ends(NodeProto node, string value) =>
        node.OpType switch
        {
            "Gather" => node.Input[1] == value && node.Input[0] != value,
            "OneHot" => node.Input[0] == value,
            "Equal" or "Not" or "Shape" => true,
            _ => false,
        };
}
