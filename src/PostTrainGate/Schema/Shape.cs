using System.Text.Json.Nodes;
using PostTrainGate.Foundation;

namespace PostTrainGate.Schema;

/// <summary>
/// The shape of a value in the policy, described once: what it accepts, how a reader's message names that, and what
/// the JSON Schema says.
/// </summary>
public abstract class Shape
{
    /// <summary>For messages and tables: "a number such as 0.1".</summary>
    internal abstract string Expected { get; }

    /// <summary>For tables, in Markdown: "number above 0".</summary>
    internal abstract string Form(ICatalog catalog);

    /// <summary>The keys inside it, and what stands between its name and theirs; null where there are none.</summary>
    internal virtual (string Between, MapShape Map)? Inner => null;

    /// <summary>The value, or null when it was wrong, which was reported.</summary>
    /// <param name="node">The node.</param>
    /// <param name="what">What is read, as a message names it: <c>'min'</c>.</param>
    /// <param name="context">Takes reports.</param>
    internal abstract object? Read(PolicyNode node, string what, ReadContext context);

    /// <summary>The JSON Schema of it.</summary>
    internal abstract JsonObject Schema(ICatalog catalog);

    /// <summary>Reports that the node is no such value.</summary>
    private protected object? Wrong(
        PolicyNode node,
        string what,
        ReadContext context,
        string? hint = null,
        string? expected = null
    )
    {
        expected ??= Expected;
        var message = node is ScalarNode { IsNull: true }
            ? $"{what} is empty; it must be {expected}"
            : $"{what} must be {expected}, not {node.Found}";
        if (hint is not null)
            message += $"; {hint}";
        context.Report(DiagnosticCodes.PolicyType, node.Position, message.EndsWith('?') ? message : $"{message}.");
        return null;
    }
}

/// <summary>A key of a map.</summary>
public abstract class Key(string name, Shape shape, string summary)
{
    /// <summary>As written in the policy.</summary>
    public string Name => name;

    /// <summary>What its value looks like.</summary>
    public Shape Shape => shape;

    /// <summary>One sentence for the schema and the documentation.</summary>
    public string Summary => summary;

    /// <summary>Whether the map must have it.</summary>
    public bool Required => Example is not null;

    /// <summary>Where it may be left out, though it is required elsewhere; null: nowhere.</summary>
    internal Func<Section, bool>? Spared { get; init; }

    /// <summary>What could be written where it must not be left out; null when it may.</summary>
    public string? Example { get; init; }

    /// <summary>What holds when it is left out, as it would be written; null when there is nothing to write.</summary>
    public string? Default { get; init; }

    /// <summary>The value of <see cref="Default"/>; null when there is none.</summary>
    public abstract object? Standard { get; }

    /// <summary>The name it had before: whoever writes that is told this one.</summary>
    public string? Formerly { get; init; }

    /// <summary>
    /// What is said to whoever writes it; for keys that are refused with a reason instead of as unknown.
    /// </summary>
    public string? Refused { get; init; }
}

/// <summary>A key whose value is a <typeparamref name="T"/>.</summary>
public sealed class Key<T>(string name, Shape shape, string summary) : Key(name, shape, summary)
{
    private (bool IsRead, T? Value) _fallback;

    /// <inheritdoc/>
    public override object? Standard => Default is null ? null : Fallback();

    /// <summary>The value of <see cref="Key.Default"/>.</summary>
    public T? Fallback()
    {
        if (Default is null || _fallback.IsRead)
            return _fallback.Value;
        var context = new ReadContext("/", new EmptyCatalog());
        var value = (T?)Shape.Read(new ScalarNode(default, Default, quoted: false), Name, context);
        _fallback = (true, value);
        return value;
    }
}

/// <summary>A map that was read: the values of its keys and their places.</summary>
/// <param name="position">Where it stands: at the key that it is the value of.</param>
internal sealed class Section(SourcePosition position)
{
    private readonly Dictionary<string, (SourcePosition At, object? Value)> _entries = [];

    /// <summary>Where it stands.</summary>
    public SourcePosition Position => position;

    /// <summary>
    /// Whether it holds keys that were refused, so that a key that seems missing may stand in it under a wrong name.
    /// </summary>
    public bool IsFaulty { get; set; }

    /// <summary>The value, or its default when it was left out or wrong.</summary>
    public T? Get<T>(Key<T> key) => Read(key) is { } value ? (T)value : key.Fallback();

    /// <summary>The value; only one that stands in the file and was right.</summary>
    public bool TryGet<T>(Key<T> key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out T? value)
    {
        var read = Read(key);
        value = read is null ? default : (T)read;
        return read is not null;
    }

    /// <summary>The value, or its default, whatever its type; null when there is neither.</summary>
    public object? Value(Key key) => Read(key) ?? key.Standard;

    /// <summary>Whether the key stands in the file, its value right or wrong.</summary>
    public bool Has(Key key) => _entries.ContainsKey(key.Name);

    /// <summary>Where the key stands, or else the section.</summary>
    public SourcePosition At(Key key) => _entries.TryGetValue(key.Name, out var entry) ? entry.At : position;

    /// <summary>Sets what was read.</summary>
    public void Set(Key key, SourcePosition at, object? value) => _entries[key.Name] = (at, value);

    private object? Read(Key key) => _entries.GetValueOrDefault(key.Name).Value;
}
