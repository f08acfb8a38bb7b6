using System.Collections.Immutable;
using PostTrainGate.Foundation;

namespace PostTrainGate.Schema;

/// <summary>A node of the policy's YAML, with its place. An alias is the very node that its anchor names.</summary>
/// <param name="position">Where it starts.</param>
/// <param name="extent">Its size with every alias written out.</param>
internal abstract class PolicyNode(SourcePosition position, Extent extent)
{
    /// <summary>Where it starts.</summary>
    public SourcePosition Position => position;

    /// <summary>Its size with every alias written out.</summary>
    public Extent Extent => extent;

    /// <summary>How a message calls what it found.</summary>
    public abstract string Found { get; }
}

/// <summary>Size of a node with every alias written out: what a walk over it costs.</summary>
/// <param name="Height">Levels, 1 for a scalar.</param>
/// <param name="Nodes">Nodes, keys included.</param>
/// <param name="Characters">Characters of all scalars.</param>
internal readonly record struct Extent(int Height, long Nodes, long Characters)
{
    /// <summary>The size of a collection of these.</summary>
    public static Extent Around(IEnumerable<PolicyNode> children)
    {
        var (height, nodes, characters) = (0, 0L, 0L);
        foreach (var child in children)
        {
            height = Math.Max(height, child.Extent.Height);
            nodes += child.Extent.Nodes;
            characters += child.Extent.Characters;
        }

        return new(height + 1, nodes + 1, characters);
    }
}

/// <summary>A scalar.</summary>
internal sealed class ScalarNode(SourcePosition position, string text, bool quoted)
    : PolicyNode(position, new(1, 1, text.Length))
{
    /// <summary>Its text, without quotes.</summary>
    public string Text => text;

    /// <summary>Whether quotes or a block style make it text whatever it looks like.</summary>
    public bool Quoted => quoted;

    /// <summary>Whether YAML reads it as no value.</summary>
    public bool IsNull => !quoted && text is "" or "~" or "null" or "Null" or "NULL";

    /// <inheritdoc/>
    public override string Found =>
        IsNull ? "empty"
        : Quoted ? $"the text {Wording.Quote(text)}"
        : Wording.Quote(text);
}

/// <summary>A sequence.</summary>
internal sealed class ListNode(SourcePosition position, ImmutableArray<PolicyNode> items)
    : PolicyNode(position, Extent.Around(items))
{
    /// <summary>Its items.</summary>
    public ImmutableArray<PolicyNode> Items => items;

    /// <inheritdoc/>
    public override string Found => "a list";
}

/// <summary>A mapping; keys may repeat, which is for the shape to report.</summary>
internal sealed class MapNode(SourcePosition position, ImmutableArray<(ScalarNode Key, PolicyNode Value)> entries)
    : PolicyNode(position, Extent.Around(entries.SelectMany(e => new[] { e.Key, e.Value })))
{
    /// <summary>Its entries, in the order of the file.</summary>
    public ImmutableArray<(ScalarNode Key, PolicyNode Value)> Entries => entries;

    /// <inheritdoc/>
    public override string Found => "a map";
}
