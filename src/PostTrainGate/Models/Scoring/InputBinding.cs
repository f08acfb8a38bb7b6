using System.Collections.Immutable;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Policy;
using static PostTrainGate.Models.Onnx.TensorProto.Types;
using static TorchSharp.torch;

namespace PostTrainGate.Models;

/// <summary>
/// Fills the inputs of a file from rows: one input of numbers takes a row as it is; one of text takes the columns of a
/// table side by side; of several inputs each takes the column of its name.
/// </summary>
internal sealed class InputBinding
{
    private InputBinding(ImmutableArray<Feed> feeds, ImmutableArray<long> inputShape, long batch) =>
        (Feeds, InputShape, Batch) = (feeds, inputShape, batch);

    /// <summary>What one input takes.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Type">Its type.</param>
    /// <param name="RowShape">Its shape without the batch.</param>
    /// <param name="Columns">Columns of a row that it takes; empty: the whole row.</param>
    internal sealed record Feed(
        string Name,
        DataType Type,
        ImmutableArray<long> RowShape,
        ImmutableArray<FeatureColumn> Columns
    );

    /// <summary>What each input takes.</summary>
    public ImmutableArray<Feed> Feeds { get; }

    /// <summary>Shape of one row; -1 where the file leaves an axis open.</summary>
    public ImmutableArray<long> InputShape { get; }

    /// <summary>Size of the batch where the file fixes it, or 0.</summary>
    public long Batch { get; }

    /// <summary>Names of the inputs.</summary>
    public IReadOnlyCollection<string> Names => [.. Feeds.Select(f => f.Name)];

    /// <summary>What the file asks of the data.</summary>
    public static ModelInputs Wanted(OnnxFile file)
    {
        var text = file.Inputs.Any(i => TypeOf(i) == DataType.String);
        return file.Inputs is [var only]
            ? new([], text, [.. Dims(only).Skip(1)])
            : new([.. file.Inputs.Select(i => i.Name)], text, []);
    }

    /// <summary>Matches the inputs of a file with the rows that it will get.</summary>
    /// <param name="file">The file.</param>
    /// <param name="layout">Columns of the rows; null where they are no table's.</param>
    /// <exception cref="GateException">PTG2004.</exception>
    public static InputBinding Bind(OnnxFile file, FeatureLayout? layout)
    {
        foreach (var input in file.Inputs.Where(i => !IsSupported(TypeOf(i))))
        {
            throw OnnxSignature.Wrong(
                file,
                $"has the input {Wording.Quote(input.Name)} of type {TypeOf(input)}; "
                    + "use a tensor of floats, integers, booleans or strings"
            );
        }

        if (file.Inputs is [var only] && TypeOf(only) != DataType.String)
        {
            var shape = OnnxSignature.ShapeOf(file, only);
            return new([new(only.Name, TypeOf(only), shape[1..], [])], shape[1..], Math.Max(0, shape[0]));
        }

        if (file.Inputs.Count == 0)
            throw OnnxSignature.Wrong(file, "has no inputs");
        if (layout is null)
        {
            throw OnnxSignature.Wrong(
                file,
                $"takes {Named(file)}, which need the columns of a table; the data is not a table"
            );
        }

        var feeds = file.Inputs is [var text]
            ? [Side(file, text, layout)]
            : file.Inputs.Select(i => Single(file, i, layout)).ToImmutableArray();
        var batches = file.Inputs.Select(i => Dims(i) is [> 0 and var batch, ..] ? batch : 0).Distinct().ToArray();
        return batches is [var fixedBatch]
            ? new(feeds, [layout.Width], fixedBatch)
            : throw OnnxSignature.Wrong(file, $"declares different batch sizes for {Named(file)}");
    }

    /// <summary>
    /// Refuses values that an input of whole numbers or truth values cannot hold: fractions, and missing ones.
    /// </summary>
    /// <exception cref="GateException">PTG3003.</exception>
    public static void Check(OnnxFile file, EvaluationPolicy policy, DataSplits splits)
    {
        foreach (
            var input in file.Inputs.Where(i =>
                IsSupported(TypeOf(i))
                && TypeOf(i) != DataType.String
                && !OnnxTensors.FloatTypes.Contains((int)TypeOf(i))
            )
        )
        {
            using var scope = NewDisposeScope();
            var columns = splits
                .Test.Layout?.Columns.Where(c => file.Inputs.Count == 1 || c.Name == input.Name)
                .Select(c => (FeatureColumn?)c)
                ?? [null];
            var faults = columns
                .Select(c => Fractions(c, [splits.Repair, splits.Select, splits.Test]))
                .OfType<string>()
                .Take(5)
                .ToArray();
            if (faults.Length == 0)
                continue;
            throw new GateException([
                .. faults.Select(f => new Diagnostic(
                    DiagnosticCodes.DataValue,
                    $"{f}, but the model's input "
                        + $"{Wording.Quote(input.Name)} takes integers ({TypeOf(input)}); "
                        + "round the values or export the model with float inputs.",
                    policy.Data.Position
                )),
            ]);
        }
    }

    // What in a column, or in whole rows, is no whole number.
    private static string? Fractions(FeatureColumn? column, EvaluationSet[] sets)
    {
        var (rows, all, example) = (0L, 0, 0f);
        foreach (var inputs in sets.Where(s => s.Count > 0).Select(s => s.Inputs))
        {
            var values = column is null ? inputs.flatten(1) : inputs.narrow(1, column.Start, column.Width);
            var broken = values.ne(values.trunc());
            (rows, all) = (rows + broken.any(1).sum().item<long>(), all + (int)inputs.shape[0]);
            if (rows > 0 && example == 0)
                example = values[broken].cpu().data<float>().FirstOrDefault();
        }

        if (rows == 0)
            return null;
        var name = column is null ? "The inputs have" : $"The column {Wording.Quote(column.Name)} has";
        return $"{name} values that are not integers in {rows} of {all} rows "
            + $"(for example {(float.IsNaN(example) ? "a missing value" : Foundation.Numbers.Chosen(example))})";
    }

    /// <summary>Rows within bounds, of every column's own kind.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="open">What an open axis is taken for.</param>
    /// <param name="lower">Smallest number.</param>
    /// <param name="upper">Largest number.</param>
    public Tensor Random(long rows, long open, double lower, double upper)
    {
        using var random = new Generator(1);
        using var scope = NewDisposeScope();
        var x = rand([rows, .. InputShape.Select(d => d < 0 ? open : d)], generator: random) * (upper - lower) + lower;
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>The inputs' values for some rows; the caller disposes them.</summary>
    /// <param name="rows">[batch, input shape], float32.</param>
    public OrtValue[] Fill(Tensor rows)
    {
        using var scope = NewDisposeScope();
        return [.. Feeds.Select(Value)];

        OrtValue Value(Feed feed)
        {
            long[] shape = feed.Columns.IsEmpty ? rows.shape : [rows.shape[0], .. feed.RowShape];
            if (feed.Type == DataType.String)
                return Texts(rows, feed, shape);
            return Numbers(feed.Columns is [var column] ? rows.narrow(1, column.Start, 1) : rows, feed.Type, shape);
        }
    }

    // Whole numbers are rounded to, so that an attack's steps do not only go down.
    private static OrtValue Numbers(Tensor rows, DataType type, long[] shape) =>
        OnnxSession.Value(
            (OnnxTensors.FloatTypes.Contains((int)type) ? rows : rows.round()).reshape(shape),
            OnnxTensors.TypeOf((int)type)!.Value
        );

    // A block of a text column gives the category that has the largest share, a number the shortest text that means it,
    // and one that is missing none.
    private static OrtValue Texts(Tensor rows, Feed feed, long[] shape)
    {
        var value = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape);
        var count = (int)rows.shape[0];
        for (var c = 0; c < feed.Columns.Length; c++)
        {
            var column = feed.Columns[c];
            var block = rows.narrow(1, column.Start, column.Width);
            var best = column.Categories.IsEmpty ? null : block.argmax(1).data<long>().ToArray();
            var numbers = column.Categories.IsEmpty ? block.contiguous().data<float>().ToArray() : null;
            for (var row = 0; row < count; row++)
            {
                var text = best is null
                    ? float.IsNaN(numbers![row])
                        ? ""
                        : numbers[row].ToString(CultureInfo.InvariantCulture)
                    : column.Categories[(int)best[row]];
                value.StringTensorSetElementAt(text, row * feed.Columns.Length + c);
            }
        }

        return value;
    }

    // [batch, columns] of text.
    private static Feed Side(OnnxFile file, ValueInfoProto input, FeatureLayout layout)
    {
        var columns = OnnxSignature.ShapeOf(file, input) is [_, var width] ? width : 0;
        if (columns >= 0 && columns != layout.Columns.Length)
        {
            throw OnnxSignature.Wrong(
                file,
                $"has the input {Wording.Quote(input.Name)} with {columns} text columns; the data has "
                    + $"{layout.Columns.Length} ({string.Join(", ", layout.Columns.Take(20).Select(c => c.Name))})"
            );
        }

        return new(input.Name, DataType.String, [layout.Columns.Length], layout.Columns);
    }

    // [batch, 1] or [batch]: the column of that name.
    private static Feed Single(OnnxFile file, ValueInfoProto input, FeatureLayout layout)
    {
        var (name, dims) = (Wording.Quote(input.Name), Dims(input));
        if (dims.Length > 2 || (dims is [_, var width] && width != 1 && width >= 0))
        {
            throw OnnxSignature.Wrong(
                file,
                $"has {file.Inputs.Count} inputs, and {name} has the shape [{string.Join(", ", dims)}]; "
                    + "with several inputs, each takes one column of a table and has the shape [batch, 1]"
            );
        }

        var column = layout.Find(input.Name)
            ?? throw OnnxSignature.Wrong(
                file,
                $"has the input {name}, which is not a column of the data; the columns are "
                    + Wording.List(layout.Columns.Take(40).Select(c => Wording.Quote(c.Name)))
            );
        if (TypeOf(input) != DataType.String && !column.Categories.IsEmpty)
            throw OnnxSignature.Wrong(
                file,
                $"has the input {name} of type {TypeOf(input)}, but the column of that name holds text"
            );
        return new(input.Name, TypeOf(input), dims.Length == 1 ? [] : [1], [column]);
    }

    private static long[] Dims(ValueInfoProto input) =>
        input.Type?.TensorType?.Shape is { } shape
            ? [.. shape.Dim.Select(d => d.HasDimValue && d.DimValue > 0 ? d.DimValue : -1)]
            : [-1, 1];

    private static DataType TypeOf(ValueInfoProto input) => (DataType)(input.Type?.TensorType?.ElemType ?? 0);

    private static bool IsSupported(DataType type) =>
        type == DataType.String || OnnxTensors.TypeOf((int)type) is not null;

    private static string Named(OnnxFile file) =>
        $"{(file.Inputs.Count == 1 ? "the input" : "the inputs")} "
        + Wording.List(file.Inputs.Take(20).Select(i => Wording.Quote(i.Name)));
}
