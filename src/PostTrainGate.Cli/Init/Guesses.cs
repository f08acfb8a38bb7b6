using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models;

namespace PostTrainGate.Cli.Init;

/// <summary>What names and values of columns suggest. Every guess is shown, and can be given instead.</summary>
internal static class Guesses
{
    /// <summary>Share of rows that a group must have, so that its interval is of use.</summary>
    private const double LeastShare = 0.05;

    private const int MostLevels = 8;

    private static readonly string[] LabelNames =
    [
        "label",
        "labels",
        "target",
        "class",
        "y",
        "outcome",
        "result",
        "approved",
        "default",
        "income",
        "credit",
        "digit",
        "species",
        "diagnosis",
        "survived",
        "churn",
        "fraud",
    ];

    private static readonly string[] SensitiveWords =
    [
        "sex",
        "gender",
        "race",
        "ethnicity",
        "ethnic",
        "nationality",
        "age",
        "religion",
        "disability",
        "foreign",
    ];

    private static readonly string[] FavorableWords =
    [
        "good",
        "yes",
        "1",
        "true",
        "approved",
        "accepted",
        "granted",
        "paid",
        "hired",
        ">50k",
        "positive",
    ];

    /// <summary>The column that most likely holds the labels; null where none can.</summary>
    public static ColumnLook? Label(DataLook data, ModelInspection model)
    {
        var inputs = model.Inputs.Length > 1 ? model.Inputs.Select(i => i.Name).ToHashSet() : [];
        return data
            .Columns.Select((column, place) => (column, Score: Score(column, place)))
            .Where(c => c.Score > 0)
            .OrderByDescending(c => c.Score)
            .FirstOrDefault()
            .column;

        int Score(ColumnLook column, int place)
        {
            var values = column.Values.Select(v => v.Text).ToHashSet();
            if (values.Count < 2 || column.Missing > 0 || (model.Classes is { } classes && values.Count > classes))
                return 0;
            var score = place == data.Columns.Length - 1 ? 2 : 1;
            if (model.Classes == values.Count)
                score += 3;
            if (!model.ClassNames.IsEmpty && values.IsSubsetOf(model.ClassNames))
                score += 6;
            if (Array.IndexOf(LabelNames, column.Name.ToLowerInvariant()) >= 0)
                score += 4;
            return inputs.Contains(column.Name) && model.ClassNames.IsEmpty ? score - 2 : score;
        }
    }

    /// <summary>Columns that a group could be made of.</summary>
    public static IEnumerable<ColumnLook> Groupable(DataLook data, string? label) =>
        data.Columns.Where(c => c.Name != label && Group(c, data.Rows, null) is not null);

    /// <summary>Columns whose names say that people must not be treated by them.</summary>
    public static ImmutableArray<string> Sensitive(DataLook data, string? label) =>
        [.. Groupable(data, label).Where(c => Words(c.Name).Any(SensitiveWords.Contains)).Select(c => c.Name).Take(3)];

    /// <summary>The label that people want, of two.</summary>
    public static string? Favorable(ColumnLook label) =>
        label.Values.Select(v => v.Text).FirstOrDefault(v => FavorableWords.Contains(v.ToLowerInvariant()))
        ?? label.Values.LastOrDefault()?.Text;

    /// <summary>A group of a column; null where its levels are too many or too small.</summary>
    public static DraftGroup? Group(ColumnLook column, int rows, string? name)
    {
        name ??= column.Name;
        var levels = column.Values;
        if (column.Kind == ColumnKind.Number && (levels.IsEmpty || levels.Length > MostLevels))
            return Number(column, rows, name);
        if (levels.Length is < 2 or > MostLevels || levels.Min(l => l.Count) < LeastRows(rows))
            return null;
        return new(name, $"column: {Draft.Yaml(column.Name)}", $"{Wording.List(levels.Select(l => l.Text), "or")}");
    }

    /// <summary>Why a column makes no group, as the end of a sentence.</summary>
    public static string WhyNoGroup(ColumnLook column, int rows)
    {
        if (column.Kind == ColumnKind.Number && column.Values.Length is 0 or > MostLevels)
            return "whose numbers cannot be cut into two groups of enough rows";
        if (column.Values.Length is < 2 or > MostLevels)
            return $"which has {(column.Values.IsEmpty ? "too many" : column.Values.Length)} levels, "
                + $"not 2 to {MostLevels}";
        var (text, count) = column.Values.MinBy(l => l.Count)!;
        return $"whose level {Wording.Quote(text)} has {count} rows of the {LeastRows(rows):0} that a group needs here";
    }

    private static double LeastRows(int rows) => Math.Ceiling(Math.Max(10, rows * LeastShare));

    // 25 is where studies of credit cut ages; else both sides get the same number of rows.
    private static DraftGroup? Number(ColumnLook column, int rows, string name)
    {
        var cut = Words(column.Name).Contains("age") && Above(column, 25) is { } above && Fair(above) ? 25 : Median();
        if (Above(column, cut) is { } over && !Fair(over))
            return null;
        var number = cut.ToString("0.####", CultureInfo.InvariantCulture);
        var sql = Plain(column.Name) ? column.Name : Table.Identifier(column.Name);
        return new(
            name,
            $"where: '{sql.Replace("'", "''", StringComparison.Ordinal)} > {number}'",
            "the others are compared with those that meet the condition"
        );

        bool Fair(int some) => some >= rows * LeastShare && some <= rows * (1 - LeastShare);

        double Median()
        {
            var seen = 0;
            foreach (var value in column.Values)
                if ((seen += value.Count) >= rows / 2)
                    return double.Parse(value.Text, CultureInfo.InvariantCulture);
            return (column.Lowest + column.Highest) / 2;
        }
    }

    private static int? Above(ColumnLook column, double cut) =>
        column.Values.IsEmpty
            ? null
            : column.Values.Where(v => double.Parse(v.Text, CultureInfo.InvariantCulture) > cut).Sum(v => v.Count);

    private static bool Plain(string name) => name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private static string[] Words(string name) =>
        name.ToLowerInvariant().Split(['_', '-', ' ', '.'], StringSplitOptions.RemoveEmptyEntries);
}
