using System.Collections.Immutable;
using System.Runtime.InteropServices;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Turns columns into inputs: numbers scaled, truth values as 0 and 1, text as a one-hot block of its categories in
/// the order of the policy, else of their text. Scaling is fitted on the repair split alone, and so are categories that
/// the policy does not list where the model has just so many inputs: one that only other splits have then becomes a
/// block of zeros, and a warning tells how many rows have one.
/// </summary>
internal static partial class TableEncoder
{
    /// <summary>
    /// The columns that are inputs, in the order of <c>features.only</c> where that is given, else in the order of the
    /// table. A model with an input a column takes the columns of their names.
    /// </summary>
    /// <exception cref="GateException">PTG3002, PTG3003.</exception>
    public static ImmutableArray<TableColumn> Features(
        Table table,
        string label,
        DataPolicy data,
        ModelInputs? wanted,
        RowPlaces places
    )
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
        CheckCategories(table, columns, data, wanted);

        var faults = columns
            .Select(c => (c.Name, Fault: Fault(table, c, places)))
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
        RowPlaces places,
        List<Diagnostic> notes
    )
    {
        var at = policy.Data.Position;

        // Text first: its categories settle the width.
        var orders = policy.Data.Features.Categories.ToDictionary(o => o.Column);
        var texts = columns.Where(c => c.Kind == ColumnKind.Text || orders.ContainsKey(c.Name)).ToArray();
        var codes = texts
            .Zip(table.Texts(texts, MostCategories))
            .ToDictionary(
                c => c.First,
                c => Known(c.First, c.Second, wanted, orders.GetValueOrDefault(c.First.Name), places, at)
            );
        var blocks = new FeatureColumn[columns.Length];
        var categoryOf = new int[columns.Length][];
        List<Diagnostic> faults = [];
        var fitted = FitsRepair(codes.Values, columns.Length, splits[0], wanted) ? splits[0] : null;
        for (int i = 0, start = 0; i < columns.Length; start += blocks[i++].Width)
        {
            blocks[i] = new(columns[i].Name, start, [])
            {
                Immutable = policy.Data.Features.Immutable.Contains(columns[i].Name),
            };
            if (!codes.TryGetValue(columns[i], out var c))
                continue;
            blocks[i] = blocks[i] with { Missing = c.Index!.Count(v => v < 0) };
            Refuse(blocks[i], () => Array.FindIndex(c.Index!, v => v < 0), wanted is not { Text: true });
            (blocks[i], categoryOf[i]) =
                wanted is { Text: true } ? Whole(blocks[i], c)
                : faults.Count > 0 ? (blocks[i], [])
                : Fit(blocks[i], c, fitted, splits, at, notes);
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
            Refuse(blocks[i], () => Array.FindIndex(values, double.IsNaN), isEncoded: false);
            if (values.Count(double.IsInfinity) is > 0 and var infinite)
            {
                faults.Add(
                    new(
                        DiagnosticCodes.DataValue,
                        $"The column {Wording.Quote(columns[i].Name)} is infinite in "
                            + $"{DataProblem.Rows(infinite)}, first in "
                            + $"{places[Array.FindIndex(values, double.IsInfinity)]}; correct or drop them.",
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
        void Refuse(FeatureColumn block, Func<int> first, bool isEncoded)
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
                        + $"{DataProblem.Rows(table.Rows)}, first in {places[first()]}, and {why}: "
                        + $"{MissingValues.Advice}.",
                    at
                )
            );
        }
    }

    // An order that nothing is encoded by was meant for something.
    private static void CheckCategories(Table table, TableColumn[] columns, DataPolicy data, ModelInputs? wanted)
    {
        foreach (var (name, _) in data.Features.Categories)
        {
            table.Column(name, "'features.categories'", data.Position);
            var why =
                wanted is { Text: true } ? "the model reads text by itself"
                : columns.Any(c => c.Name == name) ? null
                : "that column is no input";
            if (why is not null)
                throw data.Position.Error(
                    DiagnosticCodes.PolicyConflict,
                    $"'features.categories' gives {Wording.Quote(name)} an order, but {why}; remove it."
                );
        }
    }

    private static string? Fault(Table table, TableColumn column, RowPlaces places) =>
        column.Kind != ColumnKind.Other ? null
        : column.Type == "JSON" ? MixedTypes.Fault(table, column, places)
        : $"has type {column.Type}, but inputs must be numbers, booleans or text; convert it";

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
