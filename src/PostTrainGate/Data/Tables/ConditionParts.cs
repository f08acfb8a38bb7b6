using System.Text.Json;
using PostTrainGate.Foundation;

namespace PostTrainGate.Data;

/// <summary>
/// What a condition may be made of: the columns of one row, constants, and functions that give the same for the same
/// row and cost little whatever their arguments. Everything that is not listed is refused: DuckDB has hundreds of
/// functions, among them such that wait, read files, draw random numbers or make gigabytes out of one value.
/// </summary>
/// <param name="table">Its columns are those that may be named.</param>
internal sealed class ConditionParts(Table table)
{
    /// <summary>Names of the columns that the condition reads, in any case.</summary>
    public HashSet<string> Columns { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Why an expression of DuckDB's parser is no condition; null where it is one. Collects <see cref="Columns"/>.
    /// </summary>
    public string? WhyNot(JsonElement expression) => OfAny(expression, 0);

    private string? OfAny(JsonElement node, int depth)
    {
        if (node.ValueKind == JsonValueKind.Array)
            return node.EnumerateArray().Select(n => OfAny(n, depth)).FirstOrDefault(w => w is not null);
        if (node.ValueKind != JsonValueKind.Object)
            return null;
        if (node.TryGetProperty("class", out var kind) && kind.ValueKind == JsonValueKind.String)
        {
            if (++depth > DataLimits.ConditionDepth)
                return $"it is nested more than {DataLimits.ConditionDepth} levels deep";
            if (OfExpression(node, kind.GetString()!) is { } why)
                return why;
            // A constant's own value and a cast's type are no expressions.
            if (kind.GetString() == "CONSTANT")
                return null;
        }

        return node.EnumerateObject().Select(p => OfAny(p.Value, depth)).FirstOrDefault(w => w is not null);
    }

    private string? OfExpression(JsonElement node, string kind) =>
        kind switch
        {
            "SUBQUERY" or "STAR" => "it may use only the columns of a single row",
            "WINDOW" => "a condition must be true or false for each row, not for all rows together",
            "PARAMETER" => "it uses a parameter, which has no value here",
            _ when !ConditionWords.Classes.Contains(kind) => $"it uses {Plain(kind)}, which is not allowed",
            "COLUMN_REF" => OfColumn([
                .. node.GetProperty("column_names").EnumerateArray().Select(n => n.GetString()!),
            ]),
            "FUNCTION" => OfFunction(node),
            "OPERATOR" when !ConditionWords.Operators.Contains(node.GetProperty("type").GetString()!) =>
                $"it uses {Plain(node.GetProperty("type").GetString()!)}, which is not allowed",
            "CAST" when !ConditionWords.Types.Contains(node.GetProperty("cast_type").GetProperty("id").GetString()!) =>
                $"it converts to {Plain(node.GetProperty("cast_type").GetProperty("id").GetString()!)}, "
                    + "which is not allowed",
            _ => null,
        };

    // Words such as current_date and user are read as columns too, and are values of the moment where there is no such
    // column.
    private string? OfColumn(string[] path)
    {
        var name = table
            .Columns.FirstOrDefault(c => path.Take(2).Contains(c.Name, StringComparer.OrdinalIgnoreCase))
            ?.Name;
        if (name is not null)
            Columns.Add(name);
        var near = Wording.Nearest(path[^1], [.. table.Columns.Select(c => c.Name)]);
        return name is not null
            ? null
            : $"the data has no column {Wording.Quote(string.Join('.', path))}"
                + (near is null ? "" : $"; did you mean {Wording.Quote(near)}?");
    }

    private static string? OfFunction(JsonElement node)
    {
        var name = node.GetProperty("function_name").GetString()!;
        var bare =
            !IsFilled(node, "filter")
            && !IsFilled(node, "order_bys", "orders")
            && !node.GetProperty("distinct").GetBoolean();
        if (ConditionWords.Aggregates.Contains(name))
            return "a condition must be true or false for each row, not for all rows together";
        if (!bare || !ConditionWords.Functions.Contains(name) || IsFilled(node, "schema") || IsFilled(node, "catalog"))
            return $"the function {Wording.Quote(name)} is not allowed here; "
                + $"conditions may use functions such as {{+, abs, lower, contains, year}}";
        if (!ConditionWords.Patterns.Contains(name))
            return null;
        var pattern =
            node.GetProperty("children") is var arguments && arguments.GetArrayLength() > 1 ? arguments[1] : default;
        if (
            pattern.ValueKind != JsonValueKind.Object
            || pattern.GetProperty("class").GetString() != "CONSTANT"
            || !pattern.GetProperty("value").TryGetProperty("value", out var text)
            || text.ValueKind != JsonValueKind.String
        )
            return "a pattern must be a text constant";
        var wild = text.GetString()!.Count(c => c is '%' or '_');
        return
            name.Contains('~', StringComparison.Ordinal)
            && text.GetString()!.Contains('_', StringComparison.Ordinal)
            && wild > 20
            ? "its pattern has more than 20 wildcards"
            : null;
    }

    private static bool IsFilled(JsonElement node, string property, string? inner = null) =>
        node.TryGetProperty(property, out var value)
        && (
            inner is null
                ? value.ValueKind is not JsonValueKind.Null
                    && !(value.ValueKind == JsonValueKind.String && value.GetString() == "")
                : value.ValueKind == JsonValueKind.Object
                    && value.TryGetProperty(inner, out var list)
                    && list.GetArrayLength() > 0
        );

    private static string Plain(string word) => word.Replace('_', ' ').ToLowerInvariant();
}
