using PostTrainGate.Foundation;

namespace PostTrainGate.Data;

/// <summary>Columns of JSON whose values are of more than one type, which are no inputs.</summary>
internal static class MixedTypes
{
    private const int LongestValue = 40;

    private static readonly string[] Names = ["numbers", "text", "truth values", "lists", "objects"];

    /// <summary>What most values of the column are, and where the first one is that is not.</summary>
    public static string Fault(Table table, TableColumn column, RowPlaces places)
    {
        var types = table.Integers(
            $"CASE coalesce(json_type({column.Sql}), 'NULL') WHEN 'NULL' THEN -1 WHEN 'VARCHAR' THEN 1 "
                + "WHEN 'BOOLEAN' THEN 2 WHEN 'ARRAY' THEN 3 WHEN 'OBJECT' THEN 4 ELSE 0 END"
        );
        var counts = types.Where(t => t >= 0).CountBy(t => t).ToArray();
        if (counts.Length == 0)
            return "holds no value; fill it in";
        var usual = counts.MaxBy(t => t.Value).Key;
        var others = types.Index().Where(t => t.Item >= 0 && t.Item != usual).Select(t => t.Index).ToArray();
        if (others.Length == 0)
            return $"holds {Names[usual]}, but inputs must be numbers, booleans or text; convert it";
        var value = table.Texts(
            $"SELECT json_extract_string({column.Sql}, '$') FROM source OFFSET {others[0]} LIMIT 1"
        )[0];
        var shown = value.Length > LongestValue ? $"{value[..LongestValue]}..." : value;
        return $"holds {Names[usual]}, but in {DataProblem.Rows(others.Length)} something else, such as "
            + $"{Wording.Quote(shown)} in {places[others[0]]}; correct it";
    }
}
