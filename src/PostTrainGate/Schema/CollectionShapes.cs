using System.Collections.Immutable;
using System.Text.Json.Nodes;
using PostTrainGate.Foundation;

namespace PostTrainGate.Schema;

/// <summary>A list of like values. Read as an immutable array of <typeparamref name="T"/>.</summary>
/// <param name="item">Shape of an item.</param>
/// <param name="example">For messages.</param>
/// <param name="fewest">Fewest items.</param>
/// <param name="most">Most items.</param>
internal sealed class ListShape<T>(Shape item, string example, int fewest = 1, int most = 1000) : Shape
{
    /// <summary>Whether an item may stand in it only once.</summary>
    public bool Distinct { get; init; }

    /// <inheritdoc/>
    internal override string Expected => $"a list such as {example}";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) =>
        $"list{(fewest == most ? $" of {fewest}" : "")}, each {item.Form(catalog)}";

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not ListNode list)
        {
            var single =
                fewest == 1 && node is ScalarNode { IsNull: false, Text.Length: < 40 } scalar
                    ? Wording.Plain(scalar.Text, 40)
                    : null;
            return Wrong(node, what, context, single is null ? null : $"write [{single}]");
        }

        if (list.Items.Length < fewest || list.Items.Length > most)
        {
            var count =
                fewest == most ? $"{fewest} items"
                : list.Items.Length > most ? $"at most {most} items"
                : fewest == 1 ? "at least 1 item"
                : $"at least {fewest} items";
            context.Report(
                DiagnosticCodes.PolicyRange,
                node.Position,
                $"{what} must have {count}, not {list.Items.Length}."
            );
            return null;
        }

        var items = list.Items.Select(i => (Node: i, Value: item.Read(i, $"Each item of {what}", context))).ToList();
        if (Distinct)
        {
            foreach (
                var twice in items.Where(i => i.Value is not null).GroupBy(i => i.Value).SelectMany(g => g.Skip(1))
            )
            {
                context.Report(
                    DiagnosticCodes.PolicyConflict,
                    twice.Node.Position,
                    $"{Wording.Quote(twice.Value is INamed named ? named.Name : $"{twice.Value}")} is in {what} "
                        + "twice; keep one."
                );
            }
        }

        return items.TrueForAll(i => i.Value is not null) ? items.Select(i => (T)i.Value!).ToImmutableArray() : null;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog)
    {
        var schema = new JsonObject
        {
            ["type"] = "array",
            ["items"] = item.Schema(catalog),
            ["minItems"] = fewest,
            ["maxItems"] = most,
        };
        if (Distinct)
            schema["uniqueItems"] = true;
        return schema;
    }
}

/// <summary>
/// A map whose keys are columns of the data. Read as an immutable array of <typeparamref name="T"/>, in the order of
/// the columns' names.
/// </summary>
/// <param name="item">Shape of what stands at a column.</param>
/// <param name="example">For messages.</param>
/// <param name="make">From the column and what was read.</param>
internal sealed class ByColumnShape<T>(Shape item, string example, Func<string, object, T> make) : Shape
{
    private static readonly TextShape Column = new("the name of a column");

    /// <inheritdoc/>
    internal override string Expected => $"a map of columns such as {example}";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => $"map of columns, each a {item.Form(catalog)}";

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not MapNode map)
            return Wrong(node, what, context);
        var seen = new Dictionary<string, SourcePosition>();
        var read = map
            .Entries.Where(e => !MapShape.IsTwice(e.Key, what, seen, context))
            .Select(e =>
                (
                    Name: (string?)Column.Read(e.Key, $"Each key of {what}", context),
                    Value: item.Read(e.Value, Wording.Quote(e.Key.Text), context)
                )
            )
            .ToList();
        return read.Count == map.Entries.Length && read.TrueForAll(e => e is { Name: not null, Value: not null })
            ? read.OrderBy(e => e.Name, StringComparer.Ordinal).Select(e => make(e.Name!, e.Value!)).ToImmutableArray()
            : null;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new() { ["type"] = "object", ["additionalProperties"] = item.Schema(catalog) };
}
