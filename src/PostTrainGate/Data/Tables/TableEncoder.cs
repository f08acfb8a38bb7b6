using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Turns columns into inputs: numbers scaled, truth values as 0 and 1, text as a one-hot block. Scaling and categories
/// are fitted on the repair split alone. A category that only other splits have becomes a block of zeros, and a warning
/// tells how many rows have one.
/// </summary>
internal static partial class TableEncoder
{
    private const int MostCategories = 1000;

    /// <summary>
    /// The columns that are inputs, in the order of <c>features.only</c> where that is given, else in the order of the
    /// table. A model with an input a column takes the columns of their names.
    /// </summary>
    /// <exception cref="GateException">PTG3002, PTG3003.</exception>
    public static ImmutableArray<TableColumn> Features(Table table, string label, DataPolicy data, ModelInputs? wanted)
    {
        var (at, chosen) = (data.Position, data.Features);
        if (chosen.Only.Contains(label))
            throw at.Error(
                DiagnosticCodes.PolicyConflict,
                $"'features.only' names the label, {Wording.Quote(label)}; "
                    + "remove it, because a model must not see the label."
            );
        foreach (var name in chosen.Except)
            table.Column(name, "'features.except'", at);
        foreach (var name in chosen.Immutable)
            table.Column(name, "'features.immutable'", at);
        var columns =
            chosen.Only.IsEmpty && wanted is { Names.IsEmpty: false }
                ? [.. wanted.Names.Select(name => table.Column(name, "The model's input signature", at))]
            : chosen.Only.IsEmpty
                ? table.Columns.Where(c => c.Name != label && !chosen.Except.Contains(c.Name)).ToArray()
            : (TableColumn[])[.. chosen.Only.Select(name => table.Column(name, "'features.only'", at))];
        if (columns.Length == 0)
            throw at.Error(DiagnosticCodes.DataColumn, "No input columns are left.");

        var faults = columns
            .Select(c => (c.Name, Fault: Fault(c)))
            .Where(c => c.Fault is not null)
            .Select(c => new Diagnostic(
                DiagnosticCodes.DataValue,
                $"The column {Wording.Quote(c.Name)} {c.Fault}, or exclude it with 'features.except'.",
                at
            ));
        return faults.ToArray() is { Length: > 0 } all ? throw new GateException(all) : [.. columns];
    }

    /// <summary>
    /// Inputs [rows of the split, width] of each split, and which input columns belong to which column.
    /// </summary>
    /// <exception cref="GateException">PTG3003.</exception>
    public static (Tensor[] Inputs, FeatureLayout Layout) Encode(
        Table table,
        ImmutableArray<TableColumn> columns,
        EvaluationPolicy policy,
        int[][] splits,
        ModelInputs? wanted,
        List<Diagnostic> notes
    )
    {
        var at = policy.Data.Position;

        // Text first: its categories settle the width.
        var texts = columns.Where(c => c.Kind == ColumnKind.Text).ToArray();
        var codes = texts
            .Zip(table.Texts(texts, MostCategories))
            .ToDictionary(c => c.First, c => Known(c.First, c.Second, wanted, at));
        var blocks = new FeatureColumn[columns.Length];
        var categoryOf = new int[columns.Length][];
        List<Diagnostic> faults = [];
        for (int i = 0, start = 0; i < columns.Length; start += blocks[i++].Width)
        {
            blocks[i] = new(columns[i].Name, start, [])
            {
                Immutable = policy.Data.Features.Immutable.Contains(columns[i].Name),
            };
            if (!codes.TryGetValue(columns[i], out var c))
                continue;
            blocks[i] = blocks[i] with { Missing = c.Index!.Count(v => v < 0) };
            Refuse(blocks[i], wanted is not { Text: true });
            (blocks[i], categoryOf[i]) =
                wanted is { Text: true } ? Whole(blocks[i], c)
                : faults.Count > 0 ? (blocks[i], [])
                : Fit(blocks[i], c, splits, at, notes);
        }

        var width = blocks.Sum(b => b.Width);
        var largest = splits.Max(s => s.Length);
        if ((long)width * largest * sizeof(float) > int.MaxValue)
            throw at.Error(
                DiagnosticCodes.DataUnreadable,
                $"{largest} rows of {width} inputs need more than 2 GiB; use a sample of the rows."
            );
        var inputs = splits.Select(s => zeros(s.Length, width)).ToArray();
        int[] numbers = [.. Enumerable.Range(0, columns.Length).Where(i => !codes.ContainsKey(columns[i]))];
        foreach (var (i, values) in numbers.Zip(table.Numbers([.. numbers.Select(i => columns[i])])))
        {
            blocks[i] = blocks[i] with { Missing = values.Count(double.IsNaN) };
            Refuse(blocks[i], isEncoded: false);
            if (values.Count(double.IsInfinity) is > 0 and var infinite)
            {
                faults.Add(
                    new(
                        DiagnosticCodes.DataValue,
                        $"The column {Wording.Quote(columns[i].Name)} is infinite in "
                            + $"{DataProblem.Rows(infinite)}; correct or drop them.",
                        at
                    )
                );
            }

            if (faults.Count > 0)
                continue;
            blocks[i] = Fit(blocks[i], columns[i], values, splits[0], policy);
            WriteNumbers(inputs, splits, blocks[i], width, values);
        }

        if (faults.Count > 0)
            throw new GateException([.. faults]);
        for (var i = 0; i < columns.Length; i++)
            if (codes.TryGetValue(columns[i], out var c))
                WriteCategories(inputs, splits, blocks[i], width, c.Index!, categoryOf[i]);
        MissingValues.Note(
            [.. blocks.Where(b => b.Missing > 0).Select(b => (b.Name, b.Missing))],
            table.Rows,
            policy.Data,
            notes
        );
        return (inputs, new FeatureLayout([.. blocks]));

        // What the gate encodes by itself has no code for a value that is not there.
        void Refuse(FeatureColumn block, bool isEncoded)
        {
            if (block.Missing == 0 || (!isEncoded && policy.Data.Features.Missing == Missing.Keep))
                return;
            var why = isEncoded
                ? "a one-hot encoded column has no input for a missing value"
                : "'features.missing' is 'error'";
            faults.Add(
                new(
                    DiagnosticCodes.DataValue,
                    $"The column {Wording.Quote(block.Name)} is missing in {block.Missing} of "
                        + $"{DataProblem.Rows(table.Rows)}, and {why}: {MissingValues.Advice}.",
                    at
                )
            );
        }
    }

    private static string? Fault(TableColumn column) =>
        column.Kind != ColumnKind.Other
            ? null
            : $"has type {column.Type}, but inputs must be numbers, booleans or text; convert it";

    // Text as it becomes an input: of few values, none of which is a number that was misread.
    private static Codes Known(TableColumn column, Codes codes, ModelInputs? wanted, SourcePosition at)
    {
        var name = Wording.Quote(column.Name);
        if (wanted is not { Text: true })
            MisreadNumbers(name, codes.Values, at);
        return codes.Index is not null
            ? codes
            : throw at.Error(
                DiagnosticCodes.DataValue,
                $"The text column {name} has more than {MostCategories} distinct values, "
                    + $"such as {Wording.Quote(codes.Values[0])}; "
                    + "merge some, or exclude it with 'features.except'."
            );
    }

    // One "NA" makes a column of numbers a column of text, and so does a comma in place of the point; neither was
    // meant.
    private static void MisreadNumbers(string name, ImmutableArray<string> values, SourcePosition at)
    {
        var words = values
            .Where(v => !double.TryParse(v, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            .ToArray();
        if (words.Length > 1 && words.Count(v => DecimalComma().IsMatch(v)) is var commas && commas == words.Length)
        {
            throw at.Error(
                DiagnosticCodes.DataValue,
                $"The column {name} was read as text because its numbers use decimal commas "
                    + $"({Wording.Quote(words[0])}); use decimal points."
            );
        }

        var numbers = values.Length - words.Length;
        if (words.Length == 0 || numbers <= 10 || numbers < 0.8 * values.Length)
            return;
        throw at.Error(
            DiagnosticCodes.DataValue,
            $"The column {name} holds numbers except for {Wording.List(words.Take(5).Select(Wording.Quote))}; "
                + "drop those rows or correct them."
        );
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

    private static (FeatureColumn Block, int[] CategoryOf) Fit(
        FeatureColumn block,
        Codes codes,
        int[][] splits,
        SourcePosition at,
        List<Diagnostic> notes
    )
    {
        var seen = new bool[codes.Values.Length];
        foreach (var row in splits[0])
            seen[codes.Index![row]] = true;
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

    private static void WriteNumbers(Tensor[] inputs, int[][] splits, FeatureColumn block, int width, double[] values)
    {
        for (var s = 0; s < splits.Length; s++)
        {
            var cells = MemoryMarshal.Cast<byte, float>(inputs[s].bytes);
            for (var i = 0; i < splits[s].Length; i++)
                cells[i * width + block.Start] = block.Encode(values[splits[s][i]]);
        }
    }

    private static void WriteCategories(
        Tensor[] inputs,
        int[][] splits,
        FeatureColumn block,
        int width,
        int[] index,
        int[] categoryOf
    )
    {
        int Code(int row) => index[row] < 0 ? categoryOf.Length - 1 : index[row];
        for (var s = 0; s < splits.Length; s++)
        {
            var cells = MemoryMarshal.Cast<byte, float>(inputs[s].bytes);
            for (var i = 0; i < splits[s].Length; i++)
                if (categoryOf[Code(splits[s][i])] is >= 0 and var category)
                    cells[i * width + block.Start + category] = 1;
        }
    }
}
