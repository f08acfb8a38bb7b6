using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using PostTrainGate.Metrics;

namespace PostTrainGate.Policy;

/// <summary>The parts of the documentation that come from what the reader checks and from the catalog.</summary>
public static class PolicyReference
{
    /// <summary>Names of the parts; each stands in a document between <c>&lt;!-- NAME --&gt;</c> and <c>&lt;!-- /NAME --&gt;</c>.</summary>
    public static ImmutableArray<string> Parts { get; } =
    ["keys", "metrics", "rates", "attacks", "corruptions", "repairs", "reports"];

    /// <summary>A document with every part brought up to date; a part whose two lines it lacks is left out.</summary>
    public static string Update(string document) => Update(document, PolicyNames.Catalog);

    internal static string Update(string document, PolicyNames names)
    {
        foreach (var part in Parts)
        {
            var (begin, end) = ($"<!-- {part} -->", $"<!-- /{part} -->");
            var from = document.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
            var to = document.IndexOf(end, StringComparison.Ordinal);
            if (from >= begin.Length && to >= from)
                document = $"{document[..from]}\n\n{Markdown(part, names)}\n{document[to..]}";
        }

        return document;
    }

    /// <summary>One of <see cref="Parts"/> as Markdown.</summary>
    internal static string Markdown(string part, PolicyNames names)
    {
        var text = new StringBuilder();
        switch (part)
        {
            case "keys":
                KeyTables(text, names);
                break;
            case "metrics":
                Table(
                    text,
                    ["metric", "takes", "threshold", "what it is"],
                    names.Metrics.Select(m =>
                        (string[])[Code(m.Name), Needs(m.Needs), $"{Code(GatesShape.Bound(m))}, `drop`", m.Summary]
                    )
                );
                break;
            case "rates":
                Table(text, ["rate", "what it is"], names.Rates.Select(r => (string[])[Code(r.Name), r.Summary]));
                break;
            case "attacks":
                Table(text, ["attack", "what it does"], names.Attacks.Select(a => (string[])[Code(a.Name), a.Summary]));
                break;
            case "corruptions":
                Table(
                    text,
                    ["corruption", "what it does"],
                    names.Corruptions.Select(c => (string[])[Code(c.Name), c.Summary])
                );
                break;
            case "repairs":
                Table(text, ["repair", "what it does"], names.Repairs.Select(r => (string[])[Code(r.Name), r.Summary]));
                break;
            default:
                Table(
                    text,
                    ["report", "what it is"],
                    names.Reports.Select(r =>
                        (string[])[Code(r.Name), r.Always ? $"{r.Summary} Always written." : r.Summary]
                    )
                );
                break;
        }

        return text.ToString();
    }

    // Single values in one table; each map under a heading of its own, which can be linked to.
    private static void KeyTables(StringBuilder text, PolicyNames names)
    {
        string[] head = ["key", "value", "default", "meaning"];
        var sections = Rows(PolicyShape.Root, "", names).GroupBy(row => row[0].Trim('`').Split('.', '[')[0]).ToList();
        Table(text, head, sections.Where(s => s.Count() == 1).SelectMany(s => s));
        foreach (var section in sections.Where(s => s.Count() > 1))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n### `{section.Key}`\n\n");
            Table(text, head, section);
        }
    }

    /// <summary>Every key of the policy as the documentation writes it, in the order of the schema.</summary>
    internal static IEnumerable<string> Keys(PolicyNames names) =>
        Rows(PolicyShape.Root, "", names).Select(row => row[0].Trim('`'));

    private static IEnumerable<string[]> Rows(MapShape map, string prefix, PolicyNames names)
    {
        foreach (var key in map.Keys(names).Where(k => k.Refused is null))
        {
            var standard =
                key.Default is { } value ? Code(value)
                : !key.Required ? ""
                : map.Partial ? "required where taken"
                : "required";
            yield return [Code(prefix + key.Name), key.Shape.Form(names), standard, key.Summary];
            if (key.Shape.Inner is not var (between, inner))
                continue;
            foreach (var row in Rows(inner, $"{prefix}{key.Name}{between}.", names))
                yield return row;
        }
    }

    private static string Needs(MetricNeeds needs) =>
        Wording.List(
            Enum.GetValues<MetricNeeds>()
                .Where(n => n != MetricNeeds.None && needs.HasFlag(n))
                .SelectMany(Keys)
                .Select(Code)
        );

    private static string[] Keys(MetricNeeds need) =>
        need switch
        {
            MetricNeeds.Certificate => ["epsilon"],
            MetricNeeds.Smoothing => ["sigma", "epsilon"],
            MetricNeeds.Distance => ["attack"],
            MetricNeeds.Corruptions => [],
            _ => [need.ToString().ToLowerInvariant()],
        };

    private static void Table(StringBuilder text, string[] head, IEnumerable<string[]> rows)
    {
        foreach (var row in rows.Prepend([.. head.Select(_ => "---")]).Prepend(head))
            text.Append("| ")
                .AppendJoin(" | ", row.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))
                .Append(" |\n");
    }

    private static string Code(string text) => $"`{text}`";
}
