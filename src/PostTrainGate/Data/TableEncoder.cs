using System.Collections.Immutable;
using System.Runtime.InteropServices;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Turns columns into inputs: numbers scaled, truth values as 0 and 1, text as a one-hot block. Scaling and categories are fitted on the
/// repair split alone. A category that only other splits have becomes a block of zeros, and a warning tells how many rows have one.
/// </summary>
internal static class TableEncoder
{
    private const int MostCategories = 1000;

    /// <summary>Inputs [rows of the split, width] of each split, and which input columns belong to which column.</summary>
    /// <exception cref="GateException">PTG3003.</exception>
    public static (Tensor[] Inputs, FeatureLayout Layout) Encode(Table table, ImmutableArray<TableColumn> columns, GatePolicy policy, int[][] splits, List<Diagnostic> notes)
    {
        var position = policy.Data.Position;

        // Text first: its categories settle the width.
        var codes = columns.Select(c => c.Kind == ColumnKind.Text ? Categories(table, c, position) : null).ToArray();
        var blocks = new FeatureColumn[columns.Length];
        var categoryOf = new int[columns.Length][];
        for (int i = 0, start = 0; i < columns.Length; start += blocks[i++].Width)
        {
            (blocks[i], categoryOf[i]) = codes[i] is { } c ? Fit(columns[i], c, start, splits, position, notes) : (new FeatureColumn(columns[i].Name, start, []), []);
        }

        var width = blocks.Sum(b => b.Width);
        var largest = splits.Max(s => s.Length);
        if ((long)width * largest * sizeof(float) > int.MaxValue)
            throw Problem(DiagnosticCodes.DataUnreadable, $"{largest} rows of {width} inputs need more than 2 GiB; take a sample of the rows", position);
        var inputs = splits.Select(s => zeros(s.Length, width)).ToArray();
        for (var i = 0; i < columns.Length; i++)
        {
            if (codes[i] is { } c)
            {
                WriteCategories(inputs, splits, blocks[i], width, c.Index, categoryOf[i]);
                continue;
            }

            var values = table.Numbers(columns[i]);
            var unusable = values.Count(v => !double.IsFinite(v));
            if (unusable > 0) throw Problem(DiagnosticCodes.DataValue, $"the column {Wording.Quote(columns[i].Name)} is not a finite number in {Rows(unusable)}; correct or drop them", position);
            blocks[i] = Fit(blocks[i], columns[i], values, splits[0], policy);
            WriteNumbers(inputs, splits, blocks[i], width, values);
        }

        return (inputs, new FeatureLayout([.. blocks]));
    }

    /// <summary>
    /// The columns that are inputs, in the order of <c>features.only</c> where that is given, else in the order of the table. Each has a value in
    /// every row.
    /// </summary>
    /// <exception cref="GateException">PTG3002, PTG3003.</exception>
    public static ImmutableArray<TableColumn> Features(Table table, string label, DataPolicy data)
    {
        if (data.Features.Only.Contains(label)) throw Problem(DiagnosticCodes.PolicyConflict, $"features.only names {Wording.Quote(label)}, the label: a model must not see what it is to tell", data.Position);
        foreach (var name in data.Features.Except) table.Column(name, "features.except", data.Position);
        var columns = data.Features.Only.IsEmpty
            ? table.Columns.Where(c => c.Name != label && !data.Features.Except.Contains(c.Name)).ToArray()
            : [.. data.Features.Only.Select(name => table.Column(name, "features.only", data.Position))];
        if (columns.Length == 0) throw Problem(DiagnosticCodes.DataColumn, "no column is left to be an input", data.Position);
        var odd = columns.Where(c => c.Kind == ColumnKind.Other).Select(c => new Diagnostic(DiagnosticCodes.DataValue,
            $"the column {Wording.Quote(c.Name)} is of type {c.Type}; inputs are numbers, true or false, or text: leave it out with features.except or convert it", data.Position)).ToArray();
        if (odd.Length > 0) throw new GateException(odd);
        var missing = columns.Select(c => (c.Name, Count: table.Long($"SELECT count(*) - count({c.Sql}) FROM source"))).Where(c => c.Count > 0).Select(c => new Diagnostic(DiagnosticCodes.DataValue,
            $"the column {Wording.Quote(c.Name)} has no value in {c.Count} of {Rows(table.Rows)}; fill them in, drop the rows, or leave the column out with features.except", data.Position)).ToArray();
        if (missing.Length > 0) throw new GateException(missing);
        return [.. columns];
    }

    private static Codes Categories(Table table, TableColumn column, SourcePosition position)
    {
        var name = Wording.Quote(column.Name);
        var codes = table.Codes(column, numbersInText: false, MostCategories)
            ?? throw Problem(DiagnosticCodes.DataValue, $"the text column {name} has more than {MostCategories} different values; leave it out with features.except or make it coarser", position);
        // One "NA" makes a column of numbers a column of text, which is never what was meant.
        var numbers = codes.Values.Count(v => double.TryParse(v, System.Globalization.CultureInfo.InvariantCulture, out _));
        if (numbers > 10 && numbers < codes.Values.Length && numbers >= 0.8 * codes.Values.Length)
        {
            var others = codes.Values.Where(v => !double.TryParse(v, System.Globalization.CultureInfo.InvariantCulture, out _)).Take(5).Select(Wording.Quote);
            throw Problem(DiagnosticCodes.DataValue, $"the column {name} holds numbers but for {Wording.List(others)}; leave those cells empty or drop the rows", position);
        }

        return codes;
    }

    private static (FeatureColumn Block, int[] CategoryOf) Fit(TableColumn column, Codes codes, int start, int[][] splits, SourcePosition position, List<Diagnostic> notes)
    {
        var seen = new bool[codes.Values.Length];
        foreach (var row in splits[0]) seen[codes.Index[row]] = true;
        var categoryOf = new int[seen.Length];
        var categories = ImmutableArray.CreateBuilder<string>();
        for (var c = 0; c < seen.Length; c++)
        {
            categoryOf[c] = seen[c] ? categories.Count : -1;
            if (seen[c]) categories.Add(codes.Values[c]);
        }

        var unseen = splits.Skip(1).Sum(s => s.Count(row => !seen[codes.Index[row]]));
        if (unseen > 0)
        {
            var values = Wording.List(codes.Values.Where((_, c) => !seen[c]).Take(5).Select(Wording.Quote));
            notes.Add(new(DiagnosticCodes.DataValue, $"{Rows(unseen)} outside the repair split have a value of {Wording.Quote(column.Name)} that it lacks ({values}); all inputs of the column are 0 there",
                position, Severity.Warning));
        }

        return (new FeatureColumn(column.Name, start, categories.ToImmutable()), categoryOf);
    }

    private static FeatureColumn Fit(FeatureColumn block, TableColumn column, double[] values, int[] rows, GatePolicy policy)
    {
        var scale = column.Kind == ColumnKind.Boolean ? Scaling.None : policy.Data.Features.Scale;
        var (offset, divisor) = scale switch
        {
            Scaling.MinMax => MinMax(values, rows),
            Scaling.Standard => Standard(values, rows),
            _ => (0, column.Kind == ColumnKind.Boolean ? 1 : 1 / policy.Input.Scale),
        };
        return block with { Offset = offset, Divisor = divisor == 0 ? 1 : divisor }; // a constant column becomes 0
    }

    private static (double Offset, double Divisor) MinMax(double[] values, int[] rows)
    {
        var (least, most) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (var row in rows) (least, most) = (Math.Min(least, values[row]), Math.Max(most, values[row]));
        return (least, most - least);
    }

    // Population deviation, as scikit-learn's StandardScaler has it.
    private static (double Offset, double Divisor) Standard(double[] values, int[] rows)
    {
        double mean = 0, squares = 0;
        foreach (var row in rows) mean += values[row] / rows.Length;
        foreach (var row in rows) squares += (values[row] - mean) * (values[row] - mean);
        return (mean, Math.Sqrt(squares / rows.Length));
    }

    private static void WriteNumbers(Tensor[] inputs, int[][] splits, FeatureColumn block, int width, double[] values)
    {
        for (var s = 0; s < splits.Length; s++)
        {
            var cells = MemoryMarshal.Cast<byte, float>(inputs[s].bytes);
            for (var i = 0; i < splits[s].Length; i++) cells[i * width + block.Start] = (float)((values[splits[s][i]] - block.Offset) / block.Divisor);
        }
    }

    private static void WriteCategories(Tensor[] inputs, int[][] splits, FeatureColumn block, int width, int[] index, int[] categoryOf)
    {
        for (var s = 0; s < splits.Length; s++)
        {
            var cells = MemoryMarshal.Cast<byte, float>(inputs[s].bytes);
            for (var i = 0; i < splits[s].Length; i++)
                if (categoryOf[index[splits[s][i]]] is >= 0 and var category) cells[i * width + block.Start + category] = 1;
        }
    }

    private static string Rows(long count) => count == 1 ? "1 row" : $"{count} rows";

    private static GateException Problem(string code, string message, SourcePosition position) => new(new Diagnostic(code, message, position));
}
