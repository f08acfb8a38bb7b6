using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using PostTrainGate.Foundation;

namespace PostTrainGate.Data;

/// <summary>
/// An SQL condition on one row. DuckDB's own parser says what it is made of, so that nothing but a condition gets
/// through: no further statement, no query inside it.
/// </summary>
internal static class Condition
{
    /// <summary>
    /// SQL that is 1 where the condition is true, 0 false, -1 neither; and the columns that it reads, in the order of
    /// the table.
    /// </summary>
    /// <param name="table">The table.</param>
    /// <param name="condition">The condition.</param>
    /// <param name="of">For messages: what it is a condition of.</param>
    /// <param name="at">Where the policy has it.</param>
    /// <exception cref="GateException">PTG3005.</exception>
    public static (string Truth, ImmutableArray<string> Columns) Check(
        Table table,
        string condition,
        string of,
        SourcePosition at
    )
    {
        if (condition.Length > DataLimits.ConditionLength)
            throw Wrong($"it has {condition.Length} characters; the limit is {DataLimits.ConditionLength}");
        try
        {
            var select = Table.Literal($"SELECT {condition}");
            // Deeper than the parts of a condition may lie, as each is several levels of JSON.
            using var parsed = JsonDocument.Parse(
                (string)table.Scalar($"SELECT json_serialize_sql({select})")!,
                new() { MaxDepth = 10_000 }
            );
            var root = parsed.RootElement;
            if (root.GetProperty("error").GetBoolean())
                throw Wrong(root.GetProperty("error_message").GetString()!);
            var statements = root.GetProperty("statements");
            if (
                statements.GetArrayLength() != 1
                || !IsExpression(statements[0].GetProperty("node"), out var expression)
            )
                throw Wrong("write a single condition on the columns of a row, such as age >= 25");
            var allowed = new ConditionParts(table);
            if (allowed.WhyNot(expression) is { } why)
                throw Wrong(why);
            var truth = $"coalesce(CAST(CAST(({condition}\n) AS BOOLEAN) AS INTEGER), -1)";
            if (!table.IsOfRows(truth))
                throw Wrong("a condition must be true or false for each row, not for all rows together");
            return (truth, [.. table.Columns.Select(c => c.Name).Where(allowed.Columns.Contains)]);
        }
        catch (DbException e)
        {
            throw Wrong(TableProblem.Reason(e));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw Wrong("it cannot be parsed; simplify it");
        }

        GateException Wrong(string why) =>
            at.Error(
                DiagnosticCodes.DataCondition,
                $"The condition {Wording.Quote(condition)} of {of} is invalid: {why}."
            );
    }

    // A bare SELECT of one unnamed expression, without any clause.
    private static bool IsExpression(JsonElement node, out JsonElement expression)
    {
        expression = default;
        if (
            node.GetProperty("type").GetString() != "SELECT_NODE"
            || node.GetProperty("select_list").GetArrayLength() != 1
        )
            return false;
        expression = node.GetProperty("select_list")[0];
        string[] clauses = ["where_clause", "having", "sample", "qualify"];
        return expression.GetProperty("alias").GetString() == ""
            && node.GetProperty("from_table").GetProperty("type").GetString() == "EMPTY"
            && node.GetProperty("modifiers").GetArrayLength() == 0
            && node.GetProperty("group_expressions").GetArrayLength() == 0
            && clauses.All(clause => node.GetProperty(clause).ValueKind == JsonValueKind.Null);
    }
}
