using System.Collections.Immutable;
using System.Text;
using PostTrainGate.Metrics;

namespace PostTrainGate.Policy;

/// <summary>The parts of the documentation that come from what the reader checks and from the catalog.</summary>
public static class PolicyReference
{
    /// <summary>Names of the parts; each stands in a document between <c>&lt;!-- NAME --&gt;</c> and <c>&lt;!-- /NAME --&gt;</c>.</summary>
    public static ImmutableArray<string> Parts { get; } = ["policy reference", "repairs"];

    /// <summary>A document with every part brought up to date; a part whose two lines it lacks is left out.</summary>
    public static string Update(string document) => Update(document, Catalog.Default);

    internal static string Update(string document, ICatalog catalog)
    {
        foreach (var part in Parts)
        {
            var (begin, end) = ($"<!-- {part} -->", $"<!-- /{part} -->");
            var from = document.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
            var to = document.IndexOf(end, StringComparison.Ordinal);
            if (from >= begin.Length && to >= from)
                document = $"{document[..from]}\n\n{Markdown(part, catalog)}\n{document[to..]}";
        }

        return document;
    }

    /// <summary>One of <see cref="Parts"/> as Markdown.</summary>
    internal static string Markdown(string part, ICatalog catalog)
    {
        var text = new StringBuilder();
        if (part == "repairs")
        {
            Table(text, ["repair", "what it does"], catalog.All<IRepair>().Select(r => (string[])[Code(r.Name), r.Summary]));
            return text.ToString();
        }

        Table(text, ["key", "value", "default", "meaning"], Rows(PolicyShape.Root, "", catalog));
        text.Append('\n');
        Table(
            text,
            ["metric", "takes", "threshold", "what it is"],
            catalog.All<IMetric>().Select(m =>
                (string[])[Code(m.Name), Takes(m), $"{Code(GatesShape.Bound(m))}, `drop`", m.Summary]
            )
        );
        text.Append('\n');
        Table(text, ["rate", "what it is"], catalog.All<Rate>().Select(r => (string[])[Code(r.Name), r.Summary]));
        text.Append('\n');
        Table(text, ["attack", "what it does"], catalog.All<IAttack>().Select(a => (string[])[Code(a.Name), a.Summary]));
        text.Append('\n');
        Table(text, ["corruption", "what it does"], catalog.All<Corruption>().Select(c => (string[])[Code(c.Name), c.Summary]));
        text.Append('\n');
        Table(
            text,
            ["report", "what it is"],
            catalog.All<IReportWriter>().Select(r => (string[])[Code(r.Name), r.Always ? $"{r.Summary} Always written." : r.Summary])
        );
        return text.ToString();
    }

    /// <summary>Every key of the policy as the documentation writes it, in the order of the schema.</summary>
    internal static IEnumerable<string> Keys(ICatalog catalog) =>
        Rows(PolicyShape.Root, "", catalog).Select(row => row[0].Trim('`'));

    private static IEnumerable<string[]> Rows(MapShape map, string prefix, ICatalog catalog)
    {
        foreach (var key in map.Keys(catalog).Where(k => k.Refused is null))
        {
            var standard =
                key.Default is { } value ? Code(value)
                : !key.Required ? ""
                : map.Partial ? "required where taken"
                : "required";
            yield return [Code(prefix + key.Name), key.Shape.Form(catalog), standard, key.Summary];
            if (key.Shape.Inner is not var (between, inner))
                continue;
            foreach (var row in Rows(inner, $"{prefix}{key.Name}{between}.", catalog))
                yield return row;
        }
    }

    // What it cannot do without, then the rest.
    private static string Takes(IMetric metric)
    {
        var keys = PolicyShape.Rule.Own(metric).ToLookup(k => k.Required);
        var optional = string.Join(", ", keys[false].Select(k => Code(k.Name)));
        var needed = string.Join(", ", keys[true].Select(k => $"**{Code(k.Name)}**"));
        return string.Join(", ", new[] { needed, optional }.Where(t => t.Length > 0));
    }

    private static void Table(StringBuilder text, string[] head, IEnumerable<string[]> rows)
    {
        foreach (var row in rows.Prepend([.. head.Select(_ => "---")]).Prepend(head))
            text.Append("| ")
                .AppendJoin(" | ", row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))
                .Append(" |\n");
    }

    private static string Code(string text) => $"`{text}`";
}
