using System.Collections.Immutable;
using PostTrainGate.Models;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>Reads the rows a policy names, encodes them, and splits them.</summary>
public static class DataReader
{
    /// <summary>The three splits: disjoint, seeded, stratified by label and group; encoders fitted on the repair split.</summary>
    /// <remarks>
    /// Inputs come in the data's own units, in which epsilon and <c>input.bounds</c> count: after <c>features.scale</c> or
    /// <c>input.scale</c>. Values outside the bounds are an error when the policy gives bounds or attacks, since then the unit is wrong.
    /// Columns with a fitted scale are the exception: other splits may well leave the range of the repair split, as they will in
    /// production; their values are kept as they are, and a note tells.
    /// </remarks>
    /// <exception cref="GateException">PTG3xxx with the place in the policy.</exception>
    public static DataSplits Read(GatePolicy policy) => Read(policy, null);

    /// <summary>The same for a model that takes columns of a table by itself.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="wanted">What that model takes; null: rows of numbers.</param>
    internal static DataSplits Read(GatePolicy policy, ModelInputs? wanted)
    {
        using var scope = NewDisposeScope();
        var (data, source) = (policy.Data, policy.Data.Source);
        var (array, columns, labelName) = SourceOf(source).Read(policy, wanted);
        using var table = columns;
        if (table.Rows == 0) throw source.Position.Error(DiagnosticCodes.DataEmpty, $"{Wording.Quote(source.Text)} has no rows.");

        if (labelName is null)

            throw data.Position.Error(DiagnosticCodes.DataColumn, "'data.label' has to name the column with the labels.");
        var label = table.Column(labelName, "'data.label'", data.Position);
        var features = array is null ? TableEncoder.Features(table, labelName, data, wanted) : [];
        var (classes, labels) = Labels(table, label, data);
        var favorable = ClassReader.Favorable(classes, data);
        var groups = GroupReader.Read(table, policy.Groups);
        var strata = policy.Groups.Where(g => g.Cross.IsEmpty).Select(g => (IReadOnlyList<int>)groups[g.Name].LevelOf).ToArray();
        var splits = Splitter.Split(labels, strata, data.Splits, policy.Seed);
        CheckSplits(splits, labels, classes, data.Splits.Position);

        List<Diagnostic> notes = [];
        var (inputs, layout) = array is null ? TableEncoder.Encode(table, features, policy, splits, wanted, notes)
            : (Rows(array, splits, policy), null);
        InputBounds.Check(inputs, layout, policy, notes);
        var sets = splits.Select((rows, s) => new EvaluationSet(inputs[s], tensor(rows.Select(r => (long)labels[r]).ToArray()), classes,
            groups.ToImmutableDictionary(g => g.Key, g => g.Value.Take(rows)), layout, favorable)).ToArray();
        return new DataSplits(sets[0], sets[1], sets[2]) { Diagnostics = [.. notes] };
    }

    /// <summary>A kind of data.</summary>
    /// <param name="Name">For messages: what it is, with the endings of its files.</param>
    /// <param name="Several">Whether several files are one set of rows.</param>
    /// <param name="Reads">Whether a file is of this kind.</param>
    /// <param name="Read">Inputs [n, ...] (null: columns of the table have to be encoded), columns, and which of them is the label.</param>
    private sealed record Source(string Name, bool Several, Func<string, bool> Reads,
        Func<GatePolicy, ModelInputs?, (Tensor? Inputs, Table Columns, string? Label)> Read);

    // Another kind of data is another line.
    private static readonly Source[] Sources =
    [
        new("CSV (.csv, .tsv), Parquet (.parquet), JSON (.json, .jsonl, .ndjson)", true, Table.Reads,
            (policy, _) => (null, Table.Load(policy.Data.Source), policy.Data.Label)),
        new("images in a folder for each class (.png, .jpg, .jpeg)", true, ImageReader.Reads,
            (policy, wanted) => ImageReader.Read(policy, wanted)),
        new("NPZ (.npz)", false, f => f.EndsWith(".npz", StringComparison.OrdinalIgnoreCase), (policy, _) => ArrayReader.Read(policy)),
        new("IDX", false, IdxFile.Is, (policy, _) => ArrayReader.Read(policy)),
    ];

    private static Source SourceOf(PolicyPath path)
    {
        if (Array.Find(Sources, s => path.Files.All(s.Reads)) is not { } source)
        {
            throw path.Position.Error(DiagnosticCodes.DataUnreadable, $"{Wording.Quote(path.Text)} is of no kind that can be read: "
                + $"{Wording.List(Sources.Select(s => s.Name), "or")}.");
        }

        return source.Several || path.Files.Length == 1 ? source : throw path.Position.Error(DiagnosticCodes.DataUnreadable,
            $"{Wording.Quote(path.Text)} stands for {path.Files.Length} files; only tables and images can be in several.");
    }

    private static (ImmutableArray<string> Classes, int[] Labels) Labels(Table table, TableColumn column, DataPolicy data)
    {
        var label = ClassReader.Labels(table, column, data);
        int[] labels = [.. table.Integers(label.Coding.Sql).Select(code => label[code])];
        return labels.Count(c => c < 0) is > 0 and var missing ? throw label.Missing(missing, table.Rows, data.Position)
            : (label.Classes, labels);
    }

    private static void CheckSplits(int[][] splits, int[] labels, ImmutableArray<string> classes, SourcePosition position)
    {
        string[] names = ["repair", "select", "test"];
        for (var s = 0; s < splits.Length; s++)
        {
            if (splits[s].Length == 0)
            {
                throw position.Error(DiagnosticCodes.DataEmpty,
                    $"The {names[s]} split has no rows: its share of {DataProblem.Rows(labels.Length)} is too small.");
            }

            var present = new bool[classes.Length];
            foreach (var row in splits[s]) present[labels[row]] = true;
            var absent = Array.IndexOf(present, false);
            if (absent >= 0)
            {
                throw position.Error(DiagnosticCodes.DataEmpty,
                    $"The {names[s]} split of {DataProblem.Rows(splits[s].Length)} has none of the class "
                    + $"{Wording.Quote(classes[absent])}, of which there are {labels.Count(l => l == absent)}; every split needs each class.");
            }
        }
    }

    // [rows of the split, input shape] in float32
    private static Tensor[] Rows(Tensor array, int[][] splits, GatePolicy policy)
    {
        var inputs = splits.Select(rows =>
        {
            using var index = tensor(rows.Select(r => (long)r).ToArray());
            using var chosen = array.index_select(0, index);
            return chosen.to(float32, copy: true).mul_(policy.Input.Scale);
        }).ToArray();
        foreach (var split in inputs)
        {
            using var finite = split.isfinite();
            using var all = finite.all();
            if (!all.item<bool>())
                throw policy.Data.Position.Error(DiagnosticCodes.DataValue, "The inputs hold values that are not finite numbers.");
        }

        return inputs;
    }
}
