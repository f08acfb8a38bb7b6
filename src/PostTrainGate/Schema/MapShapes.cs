using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PostTrainGate.Foundation;

namespace PostTrainGate.Schema;

/// <summary>A map with known keys. Read as <see cref="Section"/>, also when some of its values were wrong.</summary>
/// <param name="keys">Its keys; some may depend on the catalog.</param>
internal sealed class MapShape(Func<ICatalog, IEnumerable<Key>> keys) : Shape
{
    /// <summary>With the same keys whatever the catalog holds.</summary>
    public MapShape(params Key[] keys)
        : this(_ => keys) { }

    /// <summary>Whether keys may be missing, since it is not known which are needed.</summary>
    public bool Partial { get; init; }

    /// <inheritdoc/>
    internal override string Expected => "a map of keys and values";

    /// <summary>Its keys.</summary>
    public IEnumerable<Key> Keys(ICatalog catalog) => keys(catalog);

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "map";

    /// <inheritdoc/>
    internal override (string Between, MapShape Map)? Inner => ("", this);

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context) =>
        Read(node, what, node.Position, context);

    /// <summary>"a map with the keys a and b".</summary>
    public string Listed(ICatalog catalog)
    {
        var known = keys(catalog).Where(k => k.Refused is null).Select(k => k.Name).ToList();
        return $"a map with the {(known.Count == 1 ? "key" : "keys")} {Wording.List(known)}";
    }

    /// <summary>
    /// Reads it where the place to name is another than its first key: the key that it is the value of.
    /// </summary>
    public Section? Read(PolicyNode node, string what, SourcePosition at, ReadContext context, string? hint = null)
    {
        var all = keys(context.Catalog).ToList();
        var known = all.Where(k => k.Refused is null).ToList();
        if (node is not MapNode map)
        {
            Wrong(node, what, context, hint, Listed(context.Catalog));
            return null;
        }

        var section = new Section(at);
        var seen = new Dictionary<string, SourcePosition>();
        var misspelt = new HashSet<string>();
        var merges = false;
        foreach (var (name, value) in map.Entries)
        {
            if (IsTwice(name, what, seen, context))
                continue;
            if (known.Find(k => k.Name == name.Text) is { } key)
                section.Set(key, name.Position, ReadValue(key, value, name.Position, context));
            else
            {
                section.IsFaulty = true;
                if (name is { Text: "<<", Quoted: false })
                    merges = true;
                if (all.Find(k => k.Name == name.Text) is { Refused: { } reason })
                    context.Report(DiagnosticCodes.PolicyConflict, name.Position, reason);
                else if (known.Find(k => k.Formerly == name.Text) is { } renamed)
                {
                    misspelt.Add(renamed.Name);
                    var message = $"{Wording.Quote(name.Text)} is now called '{renamed.Name}'; rename it.";
                    context.Report(DiagnosticCodes.PolicyKey, name.Position, message);
                }
                else if (Unknown(name, what, known, context) is { } near)
                    misspelt.Add(near);
            }
        }

        foreach (
            var key in known.Where(k =>
                k.Required
                && !Partial
                && !merges
                && !section.Has(k)
                && !misspelt.Contains(k.Name)
                && k.Spared?.Invoke(section) != true
            )
        )
            context.Report(
                DiagnosticCodes.PolicyMissingKey,
                at,
                $"{what} needs '{key.Name}'; add it, such as '{key.Example}'."
            );
        return section;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog)
    {
        var known = keys(catalog).Where(k => k.Refused is null).ToList();
        var properties = new JsonObject();
        foreach (var key in known)
            properties[key.Name] = Described(key, catalog);
        var schema = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = properties,
            ["additionalProperties"] = false,
        };
        var required = known.Where(k => k.Required && k.Spared is null).Select(k => (JsonNode)k.Name).ToArray();
        if (required.Length > 0)
            schema["required"] = new JsonArray(required);
        return schema;
    }

    /// <summary>Whether a key stood there before, which is reported.</summary>
    public static bool IsTwice(
        ScalarNode name,
        string what,
        Dictionary<string, SourcePosition> seen,
        ReadContext context
    )
    {
        if (seen.TryAdd(name.Text, name.Position))
            return false;
        context.Report(
            DiagnosticCodes.PolicyKey,
            name.Position,
            $"{Wording.Quote(name.Text)} is in {what} twice, first on line {seen[name.Text].Line}; keep one."
        );
        return true;
    }

    private static object? ReadValue(Key key, PolicyNode value, SourcePosition at, ReadContext context)
    {
        var what = $"'{key.Name}'";
        return key.Shape is MapShape map ? map.Read(value, what, at, context) : key.Shape.Read(value, what, context);
    }

    private static string? Unknown(ScalarNode name, string what, List<Key> known, ReadContext context)
    {
        var near = Wording.Nearest(name.Text, known.Select(k => k.Name));
        var right =
            near is not null ? $"did you mean '{near}'?"
            : name.Text == "<<" ? "merge keys are not supported; write the keys out."
            : $"its keys are {Wording.List(known.Select(k => k.Name))}.";
        context.Report(
            DiagnosticCodes.PolicyKey,
            name.Position,
            $"{Wording.Quote(name.Text)} is not a key of {what}; {right}"
        );
        return near;
    }

    private static JsonObject Described(Key key, ICatalog catalog)
    {
        var schema = key.Shape.Schema(catalog);
        schema["description"] = key.Summary;
        if (key.Default is not null)
            schema["default"] = SchemaText.Literal(key.Default);
        return schema;
    }
}

/// <summary>A map whose keys the user names. Read as an immutable array of (name, section).</summary>
internal sealed class NamedShape(MapShape value) : Shape
{
    private const string Pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,63}";

    /// <inheritdoc/>
    internal override string Expected => "a map of names and what they stand for";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "map of names";

    /// <inheritdoc/>
    internal override (string Between, MapShape Map)? Inner => (".NAME", value);

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not MapNode map)
            return Wrong(node, what, context);
        var seen = new Dictionary<string, SourcePosition>();
        var named = ImmutableArray.CreateBuilder<(ScalarNode, Section)>();
        foreach (var (name, entry) in map.Entries)
        {
            if (MapShape.IsTwice(name, what, seen, context))
                continue;
            if (!Regex.IsMatch(name.Text, $@"{Pattern}\z"))
            {
                context.Report(
                    DiagnosticCodes.PolicyType,
                    name.Position,
                    $"The name {Wording.Quote(name.Text)} in {what} must be letters, digits, '_' and '-', at most "
                        + "64, no digit or '-' first."
                );
            }

            var section = value.Read(entry, Wording.Quote(name.Text), name.Position, context);
            named.Add((name, section ?? new Section(name.Position) { IsFaulty = true }));
        }

        return named.ToImmutable();
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new()
        {
            ["type"] = "object",
            ["patternProperties"] = new JsonObject { [$"{Pattern}$"] = value.Schema(catalog) },
            ["additionalProperties"] = false,
        };
}

/// <summary>A map, or false to do without, or true for its defaults. Read as false or <see cref="Section"/>.</summary>
internal sealed class SwitchShape(MapShape map) : Shape
{
    private static readonly FlagShape Flag = new();

    /// <inheritdoc/>
    internal override string Expected => "false or a map of keys and values";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "map, or `false`";

    /// <inheritdoc/>
    internal override (string Between, MapShape Map)? Inner => ("", map);

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context) =>
        node switch
        {
            MapNode => map.Read(node, what, context),
            ScalarNode { Quoted: false, Text: "true" or "True" or "TRUE" } => new Section(node.Position),
            ScalarNode { Quoted: false, Text: "false" or "False" or "FALSE" } => false,
            _ => Wrong(node, what, context, expected: $"false or {map.Listed(context.Catalog)}"),
        };

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new() { ["anyOf"] = new JsonArray(map.Schema(catalog), Flag.Schema(catalog)) };
}
