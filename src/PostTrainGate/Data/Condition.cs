using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>
/// An SQL condition on one row. DuckDB's own parser says what it is made of, so that nothing but a condition gets through: no further
/// statement, no query inside it.
/// </summary>
internal static class Condition
{
    /// <summary>
    /// SQL that is 1 where the condition is true, 0 false, -1 neither; and the columns that it reads, in the order of the table.
    /// </summary>
    /// <exception cref="GateException">PTG3005.</exception>
    public static (string Truth, ImmutableArray<string> Columns) Check(Table table, string condition, GroupPolicy group)
    {
        try
        {
            var select = Table.Literal($"SELECT {condition}");
            using var parsed = JsonDocument.Parse((string)table.Scalar($"SELECT json_serialize_sql({select})")!);
            var root = parsed.RootElement;
            if (root.GetProperty("error").GetBoolean()) throw Wrong(root.GetProperty("error_message").GetString()!);
            var statements = root.GetProperty("statements");
            if (statements.GetArrayLength() != 1 || !IsExpression(statements[0].GetProperty("node"), out var expression))
                throw Wrong("it has to be one condition on the columns of a row, such as age >= 25");
            HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
            Collect(expression, names);
            var truth = $"coalesce(CAST(CAST(({condition}\n) AS BOOLEAN) AS INTEGER), -1)";
            if (!table.IsOfRows(truth)) throw Wrong("it has to be true or false of every row, not of all rows together");
            return (truth, [.. table.Columns.Select(c => c.Name).Where(names.Contains)]);
        }
        catch (DbException e)
        {
            throw Wrong(Table.FirstLine(e));
        }

        GateException Wrong(string why) => group.Position.Error(DiagnosticCodes.DataCondition,
            $"The condition {Wording.Quote(condition)} of the group {Wording.Quote(group.Name)} does not run: {why}.");

        void Collect(JsonElement node, HashSet<string> names)
        {
            if (node.ValueKind == JsonValueKind.Array)
            {
                foreach (var item in node.EnumerateArray()) Collect(item, names);
            }
            else if (node.ValueKind == JsonValueKind.Object)
            {
                if (node.TryGetProperty("class", out var kind) && kind.GetString() is "SUBQUERY" or "STAR")
                    throw Wrong("it may look at one row only, through the names of columns");
                if (node.TryGetProperty("column_names", out var path)) names.UnionWith(path.EnumerateArray()
                    .Select(name => name.GetString()!));
                foreach (var property in node.EnumerateObject()) Collect(property.Value, names);
            }
        }
    }

    // A bare SELECT of one unnamed expression, without any clause.
    private static bool IsExpression(JsonElement node, out JsonElement expression)
    {
        expression = default;
        if (node.GetProperty("type").GetString() != "SELECT_NODE" || node.GetProperty("select_list").GetArrayLength() != 1) return false;
        expression = node.GetProperty("select_list")[0];
        string[] clauses = ["where_clause", "having", "sample", "qualify"];
        return expression.GetProperty("alias").GetString() == ""
            && node.GetProperty("from_table").GetProperty("type").GetString() == "EMPTY"
            && node.GetProperty("modifiers").GetArrayLength() == 0
            && node.GetProperty("group_expressions").GetArrayLength() == 0
            && clauses.All(clause => node.GetProperty(clause).ValueKind == JsonValueKind.Null);
    }
}
