using System.Text.Json.Nodes;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>What a path of the policy is for.</summary>
internal enum PathUse
{
    /// <summary>A file that is there.</summary>
    File,

    /// <summary>A file that is there, or a pattern that files match.</summary>
    Files,

    /// <summary>As <see cref="Files"/>, or a folder of folders of images.</summary>
    Data,

    /// <summary>A file that the gate writes.</summary>
    Output,

    /// <summary>A folder that the gate writes into.</summary>
    Folder,
}

/// <summary>A path relative to the policy's folder and inside it. Read as <see cref="PolicyPath"/>.</summary>
internal sealed class PathShape(PathUse use) : Shape
{
    /// <inheritdoc/>
    internal override string Expected =>
        use is PathUse.Files or PathUse.Data
            ? "a path or pattern such as data/*.csv"
            : "a path relative to the policy's folder";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) =>
        use switch
        {
            PathUse.Files => "path or pattern",
            PathUse.Data => "path, pattern or folder",
            PathUse.Folder => "path of a folder",
            _ => "path",
        };

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context) =>
        node is ScalarNode { IsNull: false, Text.Length: > 0 } scalar
            ? PolicyPaths.Resolve(scalar.Text, node.Position, what, use, context)
            : Wrong(node, what, context);

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) => new() { ["type"] = "string", ["minLength"] = 1 };
}
