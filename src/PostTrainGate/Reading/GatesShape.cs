using System.Collections.Immutable;
using System.Text.Json.Nodes;
using PostTrainGate.Foundation;
using PostTrainGate.Metrics;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>An entry of <c>gates</c> as it was read.</summary>
/// <param name="Name">The metric as written, with its place.</param>
/// <param name="Metric">The metric; null when there is none of that name.</param>
/// <param name="Rule">What is said of it.</param>
internal sealed record GateEntry(ScalarNode Name, IMetric? Metric, Section Rule);

/// <summary>
/// The <c>gates</c> list: maps of one key, the metric. Read as an immutable array of <see cref="GateEntry"/>.
/// </summary>
internal sealed class GatesShape : Shape
{
    /// <inheritdoc/>
    internal override string Expected => "a list such as '- accuracy: { min: 0.9 }'";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "list of metrics";

    /// <inheritdoc/>
    internal override (string Between, MapShape Map)? Inner => ("[].METRIC", PolicyShape.Rule.Unknown);

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not ListNode list)
            return Wrong(node, what, context);
        if (list.Items.Length == 0)
        {
            context.Report(
                DiagnosticCodes.PolicyRange,
                node.Position,
                $"{what} must have at least 1 item, such as 'accuracy: {{ min: 0.9 }}', not 0."
            );
        }

        return list.Items.SelectMany(i => Entries(i, context)).ToImmutableArray();
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog)
    {
        var metrics = new JsonObject();
        foreach (var metric in catalog.All<IMetric>())
        {
            var rule = PolicyShape.Rule.For(metric).Schema(catalog);
            rule["description"] = metric.Summary;
            var thresholds = rule["properties"]!.AsObject().Where(p => p.Key is "min" or "max" or "drop");
            rule["anyOf"] = new JsonArray([
                .. thresholds.Select(p => new JsonObject { ["required"] = new JsonArray(p.Key) }),
            ]);
            metrics[metric.Name] = rule;
        }

        var item = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = metrics,
            ["additionalProperties"] = false,
            ["minProperties"] = 1,
            ["maxProperties"] = 1,
        };
        return new()
        {
            ["type"] = "array",
            ["items"] = item,
            ["minItems"] = 1,
        };
    }

    private static IEnumerable<GateEntry> Entries(PolicyNode item, ReadContext context)
    {
        if (item is not MapNode { Entries: [_, ..] } map)
        {
            var found = item is MapNode ? "an empty map" : item.Found;
            context.Report(
                DiagnosticCodes.PolicyType,
                item.Position,
                item is ScalarNode { IsNull: true }
                    ? "A gate is empty; write a metric with its threshold, such as 'accuracy: { min: 0.9 }'."
                    : $"A gate must be a metric with its threshold, such as 'accuracy: {{ min: 0.9 }}', not {found}."
            );
            yield break;
        }

        var first = map.Entries[0];
        if (map.Entries.Length > 1 && first.Value is ScalarNode { IsNull: true })
        {
            // The rule's keys are not indented below the metric: one slip, and the whole rule can still be checked.
            var beside = map.Entries[1].Key;
            context.Report(
                DiagnosticCodes.PolicyType,
                beside.Position,
                $"{Wording.Quote(beside.Text)} stands beside "
                    + $"{Wording.Quote(first.Key.Text)}; indent it by two more spaces to put it below."
            );
            yield return Entry(first.Key, new MapNode(item.Position, map.Entries[1..]), context);
            yield break;
        }

        if (NamedByKey(map, context) is { } key)
        {
            // As many tools want it: one slip too, and the settings beside it are the rule's.
            var (word, value) = map.Entries[key];
            var metric = (ScalarNode)value;
            context.Report(
                DiagnosticCodes.PolicyType,
                word.Position,
                $"Write the gate as '- {metric.Text}:' with its settings below, "
                    + $"not as '- {Wording.Plain(word.Text, 20)}: {metric.Text}'."
            );
            yield return Entry(metric, new MapNode(item.Position, map.Entries.RemoveAt(key)), context);
            yield break;
        }

        foreach (var (name, _) in map.Entries.Skip(1))
        {
            context.Report(
                DiagnosticCodes.PolicyType,
                name.Position,
                $"{Wording.Quote(name.Text)} stands in the same gate as "
                    + $"{Wording.Quote(first.Key.Text)}; give each metric a '-' of its own."
            );
        }

        foreach (var (name, rule) in map.Entries)
            yield return Entry(name, rule, context);
    }

    // Place of the entry whose value, and not whose key, is the name of a metric; null where there is none.
    private static int? NamedByKey(MapNode map, ReadContext context)
    {
        var names = context.Catalog.All<IMetric>().Select(m => m.Name).ToHashSet();
        return map.Entries.Any(e => names.Contains(e.Key.Text)) ? null
            : map.Entries.Index().Where(e => e.Item.Value is ScalarNode s && names.Contains(s.Text)).ToArray()
                is [var (place, _)]
                ? place
            : null;
    }

    /// <summary>The threshold that bounds a metric's value.</summary>
    public static string Bound(IMetric metric) => IsBoundByMax(metric) ? "max" : "min";

    /// <summary>Whether a maximum bounds a metric's value.</summary>
    public static bool IsBoundByMax(IMetric metric) => metric.Better is Better.NearZero or Better.Lower;

    private static GateEntry Entry(ScalarNode name, PolicyNode rule, ReadContext context)
    {
        var known = context.Catalog.All<IMetric>().ToList();
        var metric = known.Find(m => m.Name == name.Text);
        if (metric is null)
            context.Report(
                DiagnosticCodes.PolicyName,
                name.Position,
                UnknownName.Message("metric", name.Text, known.Select(m => m.Name))
            );
        var shape = metric is null ? PolicyShape.Rule.Unknown : PolicyShape.Rule.For(metric);
        var hint =
            metric is not null && rule is ScalarNode { Text: [(>= '0' and <= '9') or '.', ..] } value
                ? $"write '{metric.Name}: {{ {Bound(metric)}: {Wording.Plain(value.Text, 20)} }}'"
                : null;
        var section = shape.Read(rule, Wording.Quote(name.Text), name.Position, context, hint);
        return new(name, metric, section ?? new Section(name.Position) { IsFaulty = true });
    }
}
