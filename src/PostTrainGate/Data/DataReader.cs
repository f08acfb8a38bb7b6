using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>Reads the rows a policy names, encodes them, and splits them.</summary>
public static class DataReader
{
    private const int RowsAtOnce = 1000;

    /// <summary>
    /// The three splits: disjoint, seeded, stratified by label and group; encoders fitted on the repair split.
    /// </summary>
    /// <remarks>
    /// Inputs come in the data's own units, in which epsilon and <c>input.bounds</c> count: after <c>features.scale</c>
    /// or
    /// <c>input.scale</c>. Values outside the bounds are an error when the policy gives bounds or attacks, since then
    /// the unit is wrong. Columns with a fitted scale are the exception: other splits may well leave the range of the
    /// repair split, as they will in production; their values are kept as they are, and a note tells.
    /// </remarks>
    /// <exception cref="GateException">PTG3xxx with the place in the policy.</exception>
    public static DataSplits Read(EvaluationPolicy policy) => Read(policy, null);

    /// <summary>The same for a model that takes columns of a table by itself.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="wanted">What that model takes; null: rows of numbers.</param>
    /// <param name="formats">Kinds of files; null: <see cref="DataFormat.All"/>.</param>
    internal static DataSplits Read(
        EvaluationPolicy policy,
        ModelInputs? wanted,
        ImmutableArray<DataFormat>? formats = null
    )
    {
        using var scope = NewDisposeScope();
        var (data, source) = (policy.Data, policy.Data.Source);
        List<Diagnostic> notes = [];
        var (array, columns, labelName) = FormatOf(source, formats ?? DataFormat.All).Read(policy, wanted, notes);
        using var table = columns;
        if (table.Rows == 0)
            throw source.Position.Error(DiagnosticCodes.DataEmpty, $"{Wording.Quote(source.Text)} has no rows.");

        if (labelName is null)
            throw data.Position.Error(
                DiagnosticCodes.DataColumn,
                "'data.label' is missing; name the column that holds the labels."
            );
        var label = table.Column(labelName, "'data.label'", data.Position);
        var whole = new RowPlaces(source, policy.Folder, table.Rows, null);
        var features = array is null ? TableEncoder.Features(table, labelName, data, wanted, whole) : [];
        notes.AddRange(ColumnNames.Unnamed(table, features, source));
        var all = table.Rows;
        var kept = array is null && data.Features.Missing == Missing.Drop ? table.Drop(features) : null;
        MissingValues.Dropped(all - table.Rows, table.Rows, data, notes);
        var places = new RowPlaces(source, policy.Folder, all, kept);
        var (classes, labels) = Labels(table, label, data, places, notes);
        var favorable = ClassReader.Favorable(classes, data);
        var groups = GroupReader.Read(table, policy.Groups);
        var strata = policy
            .Groups.Where(g => g.Cross.IsEmpty)
            .Select(g => (IReadOnlyList<int>)groups[g.Name].LevelOf)
            .ToArray();
        var splits = Splitter.Split(labels, strata, data.Splits, policy.Seed, Trained(table, data, labelName));
        // Shares that the policy does not name stand nowhere.
        var at = data.Splits.Position == default ? data.Position : data.Splits.Position;
        CheckSplits(splits, labels, classes, at, notes);
        notes.AddRange(
            policy
                .Groups.Where(g => g.Cross.IsEmpty)
                .SelectMany(g =>
                    GroupReader.Notes(table, g, groups[g.Name].Levels.Length, groups[g.Name].LevelOf.Count(l => l < 0))
                )
        );

        var (inputs, layout) = array is null
            ? TableEncoder.Encode(table, features, policy, splits, wanted, places, notes)
            : (array.dtype == ScalarType.Byte ? [] : Rows(array, splits, policy, places, notes), null);
        EvaluationSet[] sets = [.. splits.Select(Set)];
        InputBounds.Check(sets, layout, policy, notes);
        return new DataSplits(sets[0], sets[1], sets[2]) { Diagnostics = [.. notes] };

        EvaluationSet Set(int[] rows, int split)
        {
            var chosen = tensor(rows.Select(r => (long)labels[r]).ToArray());
            var levels = groups.ToImmutableDictionary(g => g.Key, g => g.Value.Take(rows));
            var (numbers, stored) =
                inputs.Length > 0
                    ? (inputs[split], (StoredInputs?)null)
                    : (null, StoredInputs.Of(array!, rows, policy.Input.Scale));
            return new(numbers, stored, chosen, classes, levels, layout, favorable) { Places = (places, rows) };
        }
    }

    // The rows that the model was trained on; where the condition is neither true nor false a row counts as unseen.
    private static bool[]? Trained(Table table, DataPolicy data, string label)
    {
        if (data.Splits.Trained is not { } condition)
            return null;
        var (truth, columns) = Condition.Check(table, condition, "'splits.trained'", data.Splits.Position);
        if (columns.Contains(label))
        {
            throw data.Splits.Position.Error(
                DiagnosticCodes.DataCondition,
                $"The condition {Wording.Quote(condition)} of 'splits.trained' reads the label, so that test rows would "
                    + "be chosen by it; use a column that says where a row comes from."
            );
        }

        bool[] trained = [.. table.Integers(truth).Select(t => t == 1)];
        return trained.Contains(true)
            ? trained
            : throw data.Splits.Position.Error(
                DiagnosticCodes.DataCondition,
                $"The condition {Wording.Quote(condition)} of 'splits.trained' holds for no row."
            );
    }

    internal static DataFormat FormatOf(PolicyPath path, ImmutableArray<DataFormat> formats)
    {
        if (formats.FirstOrDefault(f => path.Files.All(f.Reads)) is not { } format)
        {
            throw path.Position.Error(
                DiagnosticCodes.DataUnreadable,
                $"{Wording.Quote(path.Text)} has an unsupported format; use "
                    + $"{Wording.List(formats.Select(f => f.Name), "or")}."
            );
        }

        return format.Several || path.Files.Length == 1
            ? format
            : throw path.Position.Error(
                DiagnosticCodes.DataUnreadable,
                $"{Wording.Quote(path.Text)} matches {path.Files.Length} files; "
                    + "only tables and images may span several files."
            );
    }

    private static (ImmutableArray<string> Classes, int[] Labels) Labels(
        Table table,
        TableColumn column,
        DataPolicy data,
        RowPlaces places,
        List<Diagnostic> notes
    )
    {
        var label = ClassReader.Labels(table, column, data, notes, places);
        int[] labels = [.. table.Integers(label.Coding.Sql).Select(code => label[code])];
        return labels.Count(c => c < 0) is > 0 and var missing
            ? throw label.Missing(missing, table.Rows, data.Position, places[Array.FindIndex(labels, c => c < 0)])
            : (label.Classes, labels);
    }

    // Rows are needed to fit encoders on and to measure; those to choose on, and rows of each class, by a repair alone.
    private static void CheckSplits(
        int[][] splits,
        int[] labels,
        ImmutableArray<string> classes,
        SourcePosition position,
        List<Diagnostic> notes
    )
    {
        foreach (var (name, split) in new[] { ("repair", splits[0]), ("test", splits[2]) })
        {
            if (split.Length > 0)
                continue;
            throw position.Error(
                DiagnosticCodes.DataEmpty,
                $"The {name} split has no rows; its share of {DataProblem.Rows(labels.Length)} is too small."
            );
        }

        if (Absent(splits[2].Select(row => labels[row]), classes) is not { Length: > 0 } absent)
            return;
        notes.Add(
            new(
                DiagnosticCodes.DataEmpty,
                $"The test split of {DataProblem.Rows(splits[2].Length)} has no rows of "
                    + $"{Named(absent, classes)}; "
                    + $"the results say nothing about {(absent.Length == 1 ? "it" : "them")}.",
                position,
                Severity.Warning
            )
        );
    }

    /// <summary>What a repair lacks in the splits, in one sentence; null where nothing.</summary>
    internal static string? WhyNoRepair(DataSplits splits)
    {
        if (splits.Select.Count == 0)
            return "No repair is possible because the selection split has no rows.";
        return Absent(splits.Repair.LabelValues, splits.Repair.ClassNames) is { Length: > 0 } absent
            ? $"No repair is possible because the repair split of {DataProblem.Rows(splits.Repair.Count)} "
                + "has no rows of "
                + $"{Named(absent, splits.Repair.ClassNames)}."
            : null;
    }

    private static int[] Absent(IEnumerable<int> labels, ImmutableArray<string> classes) =>
        [.. Enumerable.Range(0, classes.Length).Except(labels)];

    private static string Named(int[] absent, ImmutableArray<string> classes) =>
        $"the {(absent.Length == 1 ? "class" : "classes")} "
        + $"{Wording.List(absent.Take(10).Select(c => Wording.Quote(classes[c])))}"
        + (absent.Length > 10 ? $" and {absent.Length - 10} more" : "");

    // [rows, input shape] in float32; in blocks, so that the rows never stand a second time in their own type.
    private static Tensor Chosen(Tensor array, int[] rows)
    {
        var chosen = empty([rows.Length, .. array.shape[1..]], float32);
        var start = 0L;
        foreach (var block in rows.Chunk(RowsAtOnce))
        {
            using var scope = NewDisposeScope();
            var index = tensor(block.Select(r => (long)r).ToArray());
            chosen.narrow(0, start, block.Length).copy_(array.index_select(0, index));
            start += block.Length;
        }

        return chosen;
    }

    // [rows of the split, input shape] in float32
    private static Tensor[] Rows(
        Tensor array,
        int[][] splits,
        EvaluationPolicy policy,
        RowPlaces places,
        List<Diagnostic> notes
    )
    {
        List<int> missing = [],
            infinite = [];
        var inputs = splits
            .Select(rows =>
            {
                var split = Chosen(array, rows).mul_(policy.Input.Scale);
                if (!array.is_floating_point() || rows.Length == 0)
                    return split;
                using var scope = NewDisposeScope();
                infinite.AddRange(Where(split.isinf(), rows));
                missing.AddRange(Where(split.isnan(), rows));
                return split;
            })
            .ToArray();
        if (infinite.Count > 0)
            throw policy.Data.Position.Error(
                DiagnosticCodes.DataValue,
                $"The inputs are infinite in {Found(infinite)}; correct or remove them."
            );
        if (missing.Count == 0)
            return inputs;
        var lacking = $"The inputs have missing values (NaN) in {Found(missing)}";
        if (policy.Data.Features.Missing == Missing.Error)
            throw policy.Data.Position.Error(
                DiagnosticCodes.DataValue,
                $"{lacking}, and 'features.missing' is 'error'."
            );
        notes.Add(
            new(
                DiagnosticCodes.DataValue,
                $"{lacking}; the model receives them as NaN. To reject such rows, set 'features.missing: error'.",
                policy.Data.Position,
                Severity.Note
            )
        );
        return inputs;

        IEnumerable<int> Where(Tensor values, int[] rows) =>
            values.flatten(1).any(1).nonzero().flatten().data<long>().ToArray().Select(i => rows[i]);

        string Found(List<int> rows) =>
            $"{rows.Count} of {DataProblem.Rows(splits.Sum(s => s.Length))}, first in {places[rows.Min()]}";
    }
}
