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
        if (part == "repairs")
        {
            Table(text, ["repair", "what it does"], names.Repairs.Select(r => (string[])[Code(r.Name), r.Summary]));
            return text.ToString();
        }

        Table(text, ["key", "value", "default", "meaning"], Rows(PolicyShape.Root, "", names));
        text.Append('\n');
        Table(
            text,
            ["metric", "takes", "threshold", "what it is"],
            names.Metrics.Select(m =>
                (string[])[Code(m.Name), Needs(m.Needs), $"{Code(GatesShape.Bound(m))}, `drop`", m.Summary]
            )
        );
        text.Append('\n');
        Table(text, ["rate", "what it is"], names.Rates.Select(r => (string[])[Code(r.Name), r.Summary]));
        text.Append('\n');
        Table(text, ["attack", "what it does"], names.Attacks.Select(a => (string[])[Code(a.Name), a.Summary]));
        text.Append('\n');
        Table(text, ["corruption", "what it does"], names.Corruptions.Select(c => (string[])[Code(c.Name), c.Summary]));
        text.Append('\n');
        Table(
            text,
            ["report", "what it is"],
            names.Reports.Select(r => (string[])[Code(r.Name), r.Always ? $"{r.Summary} Always written." : r.Summary])
        );
        return text.ToString();
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
