using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>How one column's categories and scale are fitted.</summary>
internal static partial class TableEncoder
{
    private const int MostCategories = 1000;

    // Text as it becomes an input: of few values, none of which is a number that was misread.
    private static Codes Known(
        TableColumn column,
        Codes codes,
        ModelInputs? wanted,
        CategoryOrder? order,
        RowPlaces places,
        SourcePosition at
    )
    {
        var name = Wording.Quote(column.Name);
        if (wanted is not { Text: true } && order is null)
            MisreadNumbers(name, codes, places, at);
        if (codes.Index is null)
            throw at.Error(
                DiagnosticCodes.DataValue,
                $"The {(column.Kind == ColumnKind.Text ? "text " : "")}column {name} has more than {MostCategories} "
                    + $"distinct values, such as {Wording.Quote(codes.Values[0])}; "
                    + "merge some, or exclude it with 'features.except'."
            );
        if (order is null)
            return codes;
        // Of text, 01 and 1 are two.
        if (column.Kind != ColumnKind.Text && TruthValues.Alike(order.Values) is var (first, again))
            throw at.Error(
                DiagnosticCodes.DataValue,
                $"'features.categories' lists {Wording.Quote(first)} and {Wording.Quote(again)} for the column "
                    + $"{Wording.Quote(order.Column)}, which are the same value; keep one."
            );
        return InOrder(order, codes, places, at);
    }

    // The codes by the places that the policy gives their values.
    private static Codes InOrder(CategoryOrder order, Codes codes, RowPlaces places, SourcePosition at)
    {
        int[] place = [.. codes.Values.Select(v => TruthValues.Find(order.Values, v))];
        var unlisted = codes.Values.Where((_, v) => place[v] < 0).ToArray();
        if (unlisted.Length == 0)
            return new(order.Values, [.. codes.Index!.Select(v => v < 0 ? v : place[v])]) { Listed = true };
        var rows = codes.Index!.Index().Where(v => v.Item >= 0 && place[v.Item] < 0).Select(v => v.Index).ToArray();
        var named = Wording.List(unlisted.Take(5).Select(Wording.Quote).Concat(More(unlisted.Length - 5)));
        throw at.Error(
            DiagnosticCodes.DataValue,
            $"The column {Wording.Quote(order.Column)} has {named} in {DataProblem.Rows(rows.Length)}, first in "
                + $"{places[rows[0]]}, and 'features.categories' does not list "
                + $"{(unlisted.Length == 1 ? "it" : "them")}; list every value that the model knows, and leave out "
                + "rows with others."
        );

        static IEnumerable<string> More(int count) => count > 0 ? [$"{count} more"] : [];
    }

    // One "NA" makes a column of numbers a column of text, and so does a comma in place of the point; neither was
    // meant.
    private static void MisreadNumbers(string name, Codes codes, RowPlaces places, SourcePosition at)
    {
        var values = codes.Values;
        var words = values
            .Where(v => !double.TryParse(v, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            .ToArray();
        if (words.Length > 1 && words.Count(v => DecimalComma().IsMatch(v)) is var commas && commas == words.Length)
        {
            throw at.Error(
                DiagnosticCodes.DataValue,
                $"The column {name} was read as text because its numbers use decimal commas "
                    + $"({Wording.Quote(words[0])}{First(words[0])}); use decimal points."
            );
        }

        var numbers = values.Length - words.Length;
        if (words.Length == 0 || numbers <= 10 || numbers < 0.8 * values.Length)
            return;
        throw at.Error(
            DiagnosticCodes.DataValue,
            $"The column {name} holds numbers except for {Wording.List(words.Take(5).Select(Wording.Quote))}"
                + $"{First(words[0])}; drop those rows or correct them."
        );

        string First(string word) =>
            codes.Index is { } index ? $", first in {places[Array.IndexOf(index, values.IndexOf(word))]}" : "";
    }

    [GeneratedRegex(@"^\s*[+-]?[0-9]+(\.[0-9]{3})*,[0-9]+\s*$")]
    private static partial Regex DecimalComma();

    // Text that the model reads itself: nothing is fitted, so that no value is unknown; one that is missing is empty
    // text, in the last place of those that tell where a value's category is.
    private static (FeatureColumn Block, int[] CategoryOf) Whole(FeatureColumn block, Codes codes)
    {
        var categories = block.Missing > 0 && !codes.Values.Contains("") ? codes.Values.Add("") : codes.Values;
        return (
            block with
            {
                Categories = categories,
            },
            [.. Enumerable.Range(0, codes.Values.Length), categories.IndexOf("")]
        );
    }

    // Whether the model was made for the categories of the repair split, and there are more of them.
    private static bool FitsRepair(IEnumerable<Codes> texts, int columns, int[] repair, ModelInputs? wanted)
    {
        if (wanted is not { Text: false, Shape: [var width] })
            return false;
        Codes[] all = [.. texts];
        long numbers = columns - all.Length;
        return numbers + all.Sum(c => c.Values.Length) != width
            && numbers + all.Sum(c => Seen(c, repair).Count(s => s)) == width;
    }

    private static bool[] Seen(Codes codes, int[]? rows)
    {
        var seen = new bool[codes.Values.Length];
        if (rows is null || codes.Listed)
            Array.Fill(seen, true);
        foreach (var row in rows ?? [])
            if (codes.Index![row] is >= 0 and var category)
                seen[category] = true;
        return seen;
    }

    private static (FeatureColumn Block, int[] CategoryOf) Fit(
        FeatureColumn block,
        Codes codes,
        int[]? fitted,
        int[][] splits,
        SourcePosition at,
        List<Diagnostic> notes
    )
    {
        var seen = Seen(codes, fitted);
        var categoryOf = new int[seen.Length];
        var categories = ImmutableArray.CreateBuilder<string>();
        for (var c = 0; c < seen.Length; c++)
        {
            categoryOf[c] = seen[c] ? categories.Count : -1;
            if (seen[c])
                categories.Add(codes.Values[c]);
        }

        if (splits.Skip(1).Sum(s => s.Count(row => !seen[codes.Index![row]])) is > 0 and var unseen)
        {
            var values = Wording.List(codes.Values.Where((_, c) => !seen[c]).Take(5).Select(Wording.Quote));
            notes.Add(
                new(
                    DiagnosticCodes.DataValue,
                    $"{DataProblem.Rows(unseen)} outside the repair split have a value of "
                        + $"{Wording.Quote(block.Name)} that the repair split lacks ({values}); "
                        + "their one-hot inputs are all 0.",
                    at,
                    Severity.Warning
                )
            );
        }

        return (block with { Categories = categories.ToImmutable() }, categoryOf);
    }

    private static FeatureColumn Fit(
        FeatureColumn block,
        TableColumn column,
        double[] values,
        int[] rows,
        EvaluationPolicy policy
    )
    {
        rows = [.. rows.Where(row => !double.IsNaN(values[row]))];
        var scale = column.Kind == ColumnKind.Boolean ? Scaling.None : policy.Data.Features.Scale;
        var (offset, divisor) = scale switch
        {
            Scaling.MinMax => MinMax(values, rows),
            Scaling.Standard => Standard(values, rows),
            _ => (0, column.Kind == ColumnKind.Boolean ? 1 : 1 / policy.Input.Scale),
        };
        // A constant column becomes 0.
        var scaled = block with { Offset = offset, Divisor = divisor == 0 ? 1 : divisor };
        return scaled.Seen(rows.Select(row => values[row]));
    }

    private static (double Offset, double Divisor) MinMax(double[] values, int[] rows)
    {
        var (least, most) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (var row in rows)
            (least, most) = (Math.Min(least, values[row]), Math.Max(most, values[row]));
        return rows.Length == 0 ? (0, 1) : (least, most - least);
    }

    // Population deviation, as scikit-learn's StandardScaler has it.
    private static (double Offset, double Divisor) Standard(double[] values, int[] rows)
    {
        if (rows.Length == 0)
            return (0, 1);
        double mean = 0,
            squares = 0;
        foreach (var row in rows)
            mean += values[row] / rows.Length;
        foreach (var row in rows)
            squares += (values[row] - mean) * (values[row] - mean);
        return (mean, Math.Sqrt(squares / rows.Length));
    }
}
