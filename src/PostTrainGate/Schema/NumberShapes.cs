using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using PostTrainGate.Foundation;

namespace PostTrainGate.Schema;

/// <summary>Which numbers are right.</summary>
internal sealed record NumberRange(double Lower, double Upper, bool LowerOpen = false, bool UpperOpen = false)
{
    /// <summary>Every finite number.</summary>
    public static NumberRange Any { get; } = new(double.NegativeInfinity, double.PositiveInfinity);

    /// <summary>Above 0.</summary>
    public static NumberRange Positive { get; } = new(0, double.PositiveInfinity, LowerOpen: true);

    /// <summary>From 0 to 1.</summary>
    public static NumberRange Share { get; } = new(0, 1);

    /// <summary>Above 0 and below 1.</summary>
    public static NumberRange Part { get; } = new(0, 1, LowerOpen: true, UpperOpen: true);

    /// <summary>Above 0 and at most 1.</summary>
    public static NumberRange PartOrAll { get; } = new(0, 1, LowerOpen: true);

    /// <summary>Whether it is right.</summary>
    public bool Contains(double value) =>
        (LowerOpen ? value > Lower : value >= Lower) && (UpperOpen ? value < Upper : value <= Upper);

    /// <summary>In words, empty when every number is right.</summary>
    public string Words => Wording.List(Bounds());

    /// <summary>
    /// What to add for whoever gave a share above 1: its percentage, if it may well be meant as one. 1.8 may be meant as
    /// anything.
    /// </summary>
    /// <param name="value">What was given.</param>
    /// <param name="isPlain">Whether it was given as a plain number: what has a sign of percent is none of it.</param>
    public string Advice(double value, bool isPlain = true)
    {
        if (Lower < 0 || Upper > 1 || value <= 1)
            return "";
        var isPercent = isPlain && Contains(value / 100) && (value >= 10 || value == Math.Floor(value));
        return "; shares are from 0 to 1"
            + (isPercent ? $", so {Wording.Number(value)} percent is {Wording.Number(value / 100)}" : "");
    }

    /// <summary>Adds it to a schema.</summary>
    public void AddTo(JsonObject schema)
    {
        if (double.IsFinite(Lower))
            schema[LowerOpen ? "exclusiveMinimum" : "minimum"] = Lower;
        if (double.IsFinite(Upper))
            schema[UpperOpen ? "exclusiveMaximum" : "maximum"] = Upper;
    }

    private IEnumerable<string> Bounds()
    {
        if (double.IsFinite(Lower))
            yield return $"{(LowerOpen ? "above" : "at least")} {Wording.Number(Lower)}";
        if (double.IsFinite(Upper))
            yield return $"{(UpperOpen ? "below" : "at most")} {Wording.Number(Upper)}";
    }
}

/// <summary>A real number: 0.1, 8/255 or 50%. Read as double.</summary>
internal sealed class NumberShape(NumberRange range) : Shape
{
    private const string Digits = "[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?";
    private static readonly Regex Pattern = new($@"^{Digits}( ?%| ?/ ?{Digits})?\z");

    /// <inheritdoc/>
    internal override string Expected => "a number such as 0.1, 8/255 or 50%";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) => $"number {range.Words}".TrimEnd();

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not ScalarNode scalar || Parse(scalar.Text) is not { } value)
            return Wrong(node, what, context);
        var bare =
            !scalar.Text.Contains('%', StringComparison.Ordinal)
            && !scalar.Text.Contains('/', StringComparison.Ordinal);
        if (scalar.Quoted && bare)
            return Wrong(node, what, context, $"write {scalar.Text} without quotes");
        if (range.Contains(value))
            return value;
        context.Report(
            DiagnosticCodes.PolicyRange,
            node.Position,
            $"{what} must be {range.Words}, not {scalar.Text}{range.Advice(value, bare)}."
        );
        return null;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog)
    {
        var number = new JsonObject { ["type"] = "number" };
        range.AddTo(number);
        return new() { ["anyOf"] = new JsonArray(number, new JsonObject { ["$ref"] = "#/definitions/fraction" }) };
    }

    /// <summary>The JSON Schema of numbers that YAML takes for text.</summary>
    public static JsonObject Fraction() =>
        new()
        {
            ["type"] = "string",
            ["pattern"] = $"^{Digits} ?(%|/ ?{Digits})$",
            ["description"] = "A fraction such as 8/255 or a percentage such as 50%.",
        };

    private static double? Parse(string text)
    {
        if (text.Length > 40 || !Pattern.IsMatch(text))
            return null;
        var value = text.Split('/') switch
        {
            [var a, var b] => Plain(a) / Plain(b),
            _ when text.EndsWith('%') => Plain(text[..^1]) / 100,
            _ => Plain(text),
        };
        return double.IsFinite(value) ? value : null;
    }

    private static double Plain(string text) => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
}

/// <summary>A whole number. Read as int.</summary>
internal sealed class CountShape(int lower, int upper = int.MaxValue) : Shape
{
    /// <inheritdoc/>
    internal override string Expected => lower == upper ? $"the number {lower}" : "a whole number";

    /// <inheritdoc/>
    internal override string Form(ICatalog catalog) =>
        lower == upper ? $"{lower}"
        : upper < int.MaxValue ? $"whole number from {lower} to {upper}"
        : $"whole number from {lower}";

    /// <inheritdoc/>
    internal override object? Read(PolicyNode node, string what, ReadContext context)
    {
        if (node is not ScalarNode scalar || !Regex.IsMatch(scalar.Text, @"^[-+]?[0-9]{1,40}\z"))
            return Wrong(node, what, context);
        if (scalar.Quoted)
            return Wrong(node, what, context, $"write {scalar.Text} without quotes");
        if (int.TryParse(scalar.Text, CultureInfo.InvariantCulture, out var value) && value >= lower && value <= upper)
            return value;
        var range = lower == upper ? $"{lower}" : $"from {lower} to {upper}";
        context.Report(DiagnosticCodes.PolicyRange, node.Position, $"{what} must be {range}, not {scalar.Text}.");
        return null;
    }

    /// <inheritdoc/>
    internal override JsonObject Schema(ICatalog catalog) =>
        new()
        {
            ["type"] = "integer",
            ["minimum"] = lower,
            ["maximum"] = upper,
        };
}
