using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PostTrainGate.Foundation;

namespace PostTrainGate.Schema;

/// <summary>True or false. Read as bool.</summary>
internal sealed class FlagShape : Shape
{
    /// <inheritdoc/>
    internal override string Expected => "true or false";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "`true` or `false`";

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context) =>
        node switch
        {
            ScalarNode { Quoted: false, Text: "true" or "True" or "TRUE" } => true,
            ScalarNode { Quoted: false, Text: "false" or "False" or "FALSE" } => false,
            _ => Wrong(node, what, context),
        };

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) => new() { ["type"] = "boolean" };
}

/// <summary>Text that is not empty; numbers count as text, as they are written. Read as string.</summary>
internal sealed class TextShape(string expected = "text", int longest = 1000) : Shape
{
    /// <inheritdoc/>
    internal override string Expected => expected;

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "text";

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not ScalarNode { IsNull: false } scalar || scalar.Text.Length == 0)
            return Wrong(node, what, context);
        if (scalar.Text.Length <= longest)
            return scalar.Text;
        context.Report(
            DiagnosticCodes.PolicyRange,
            node.Position,
            $"{what} must have at most {longest} characters, not {scalar.Text.Length}."
        );
        return null;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new()
        {
            ["type"] = new JsonArray("string", "number", "boolean"),
            ["minLength"] = 1,
            ["maxLength"] = longest,
        };
}

/// <summary>A stretch of time: 10m, 90s, 1h30m. Read as TimeSpan.</summary>
internal sealed class DurationShape(TimeSpan longest) : Shape
{
    private const string Pattern = "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?";

    /// <inheritdoc/>
    internal override string Expected => "a time such as 90s, 10m or 1h30m";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "time such as `90s`, `10m`, `1h30m`";

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (
            node is not ScalarNode { Text.Length: > 0 } scalar
            || Regex.Match(scalar.Text, $@"{Pattern}\z") is not { Success: true } match
        )
            return Wrong(node, what, context);
        var time =
            TimeSpan.FromHours(Part(match, 1))
            + TimeSpan.FromMinutes(Part(match, 2))
            + TimeSpan.FromSeconds(Part(match, 3));
        if (time > TimeSpan.Zero && time <= longest)
            return time;
        context.Report(
            DiagnosticCodes.PolicyRange,
            node.Position,
            $"{what} must be above 0s and at most {longest.TotalHours:0}h, not {scalar.Text}."
        );
        return null;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new()
        {
            ["type"] = "string",
            ["minLength"] = 2,
            ["pattern"] = $"{Pattern}$",
        };

    private static int Part(Match match, int group) =>
        match.Groups[group] is { Success: true } part
            ? int.Parse(part.Value.AsSpan(0, part.Length - 1), CultureInfo.InvariantCulture)
            : 0;
}

/// <summary>A day, such as <c>2026-12-31</c>. Read as DateOnly.</summary>
internal sealed class DayShape : Shape
{
    private const string Form8601 = "yyyy-MM-dd";

    /// <inheritdoc/>
    internal override string Expected => "a day such as 2026-12-31";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "day such as `2026-12-31`";

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context) =>
        node is ScalarNode scalar
        && DateOnly.TryParseExact(scalar.Text, Form8601, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            ? day
            : Wrong(node, what, context);

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new() { ["type"] = "string", ["pattern"] = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" };
}

/// <summary>An amount of memory, such as <c>512MB</c> or <c>8GB</c>, in powers of 1024. Read as bytes.</summary>
internal sealed class SizeShape(long least, long most) : Shape
{
    private const string Pattern = "^([0-9]{1,6})(MB|GB)";

    /// <inheritdoc/>
    internal override string Expected => "a size such as 512MB or 8GB";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => "size such as `512MB`, `8GB`";

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not ScalarNode scalar || Regex.Match(scalar.Text, $@"{Pattern}\z") is not { Success: true } match)
            return Wrong(node, what, context);
        var bytes =
            long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            << (match.Groups[2].Value == "GB" ? 30 : 20);
        if (bytes >= least && bytes <= most)
            return bytes;
        context.Report(
            DiagnosticCodes.PolicyRange,
            node.Position,
            $"{what} must be from {least >> 20}MB to {most >> 30}GB, not {scalar.Text}."
        );
        return null;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) => new() { ["type"] = "string", ["pattern"] = $"{Pattern}$" };
}

/// <summary>One of a few words, the members of an enumeration in lower case. Read as the member.</summary>
/// <param name="spell">How a value is written; null: in small letters.</param>
internal sealed class ChoiceShape<T>(Func<string, string>? spell = null) : Shape
    where T : struct, Enum
{
    private IEnumerable<string> Words => Enum.GetNames<T>().Select(spell ?? (n => n.ToLowerInvariant()));

    /// <inheritdoc/>
    internal override string Expected => Wording.List(Words, "or");

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => Wording.List(Words.Select(w => $"`{w}`"), "or");

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not ScalarNode { IsNull: false } scalar)
            return Wrong(node, what, context);
        var index = Words.ToList().IndexOf(scalar.Text);
        return index >= 0
            ? Enum.GetValues<T>()[index]
            : Wrong(
                node,
                what,
                context,
                Wording.Nearest(scalar.Text, Words) is { } near ? $"did you mean '{near}'?" : null
            );
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new() { ["enum"] = new JsonArray([.. Words.Select(w => (JsonNode)w)]) };
}

/// <summary>The name of something in the catalog. Read as what it names.</summary>
/// <param name="kind">What it names: "attack".</param>
internal sealed class NameShape<T>(string kind) : Shape
    where T : INamed
{
    /// <inheritdoc/>
    internal override string Expected => $"the name of {(kind[0] is 'a' ? "an" : "a")} {kind}";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => kind;

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not ScalarNode { IsNull: false } scalar)
            return Wrong(node, what, context);
        var all = context.Catalog.All<T>().ToList();
        if (all.Find(n => n.Name == scalar.Text) is { } named)
            return named;
        var message = UnknownName.Message(kind, scalar.Text, all.Select(n => n.Name));
        context.Report(DiagnosticCodes.PolicyName, node.Position, message);
        return null;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new() { ["enum"] = new JsonArray([.. catalog.All<T>().Select(n => (JsonNode)n.Name)]) };
}

/// <summary>What is said of a name that the catalog lacks.</summary>
internal static class UnknownName
{
    /// <summary>The message.</summary>
    public static string Message(string kind, string name, IEnumerable<string> known)
    {
        var there = $"There is no {kind} {Wording.Quote(name)}";
        // The whole catalog would hide what was meant.
        if (Wording.Nearest(name, known) is { } near)
            return $"{there}; did you mean '{near}'?";
        var begins = known
            .Where(k => name.Length > 3 && k.StartsWith(name, StringComparison.OrdinalIgnoreCase))
            .ToList();
        if (begins.Count > 0)
            return $"{there}; did you mean {Wording.List(begins.Select(k => $"'{k}'"), "or")}?";
        var all = Wording.List(known);
        return $"{there}; {(all.Length == 0 ? "this version has none" : $"this version has {all}")}.";
    }
}
