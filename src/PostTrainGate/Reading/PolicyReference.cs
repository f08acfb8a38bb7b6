using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using PostTrainGate.Attacks;
using PostTrainGate.Corruptions;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Repairs;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>The parts of the documentation that come from what the reader checks and from the catalog.</summary>
public static class PolicyReference
{
    /// <summary>
    /// Names of the parts; each stands in a document between <c>&lt;!-- NAME --&gt;</c> and <c>&lt;!-- /NAME
    /// --&gt;</c>.
    /// </summary>
    public static ImmutableArray<string> Parts { get; } =
    ["keys", "metrics", "rates", "attacks", "corruptions", "repairs", "reports"];

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
        switch (part)
        {
            case "keys":
                KeyTables(text, catalog);
                break;
            case "metrics":
                Table(
                    text,
                    ["metric", "takes", "threshold", "what it is"],
                    catalog
                        .All<IMetric>()
                        .Select(m =>
                            (string[])[Code(m.Name), Takes(m), $"{Code(GatesShape.Bound(m))}, `drop`", m.Summary]
                        )
                );
                break;
            case "rates":
                Entries<Rate>("rate", "what it is");
                break;
            case "attacks":
                Entries<IAttack>("attack", "what it does");
                break;
            case "corruptions":
                Entries<Corruption>("corruption", "what it does");
                break;
            case "repairs":
                Entries<IRepair>("repair", "what it does");
                break;
            default:
                Entries<IReportWriter>("report", "what it is", r => r.Always ? " Always written." : "");
                break;
        }

        return text.ToString();

        void Entries<T>(string kind, string summary, Func<T, string>? more = null)
            where T : INamed =>
            Table(
                text,
                [kind, summary],
                catalog.All<T>().Select(e => (string[])[Code(e.Name), e.Summary + more?.Invoke(e)])
            );
    }

    // Single values in one table; each map under a heading of its own, which can be linked to.
    private static void KeyTables(StringBuilder text, ICatalog catalog)
    {
        string[] head = ["key", "value", "default", "meaning"];
        var sections = Rows(PolicyShape.Root, "", catalog).GroupBy(row => row[0].Trim('`').Split('.', '[')[0]).ToList();
        Table(text, head, sections.Where(s => s.Count() == 1).SelectMany(s => s));
        foreach (var section in sections.Where(s => s.Count() > 1))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n### `{section.Key}`\n\n");
            Table(text, head, section);
        }
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
        var needed = keys[true].Select(k => $"**{Code(k.Name)}**");
        return string.Join(", ", needed.Concat(keys[false].Select(k => Code(k.Name))));
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
