using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>
/// Reads IDX and NPZ: one array of inputs, and arrays of one value per row, which become columns (label, groups).
/// </summary>
internal static class ArrayReader
{
    private const string LabelColumn = "label";
    private static readonly string[] InputNames = ["x", "X", "inputs", "images", "features", "data"];
    private static readonly string[] LabelNames = ["y", "labels", "label", "targets"];

    /// <summary>
    /// Inputs: of IDX the array, images as [n, 1, height, width]. Of NPZ the array that <c>features.only</c> names,
    /// else the one called x, X, inputs, images, features or data, else the only one of two axes or more. Labels: the
    /// file of <c>data.label_file</c>, or the array that <c>data.label</c> names, else the one called y, labels, label
    /// or
    /// targets. Every other array with one value per row is a column that groups may use. Axes come in the order that
    /// the model takes, where there is one way to (<see cref="AxisOrder"/>).
    /// </summary>
    /// <exception cref="GateException">PTG3001, PTG3002, PTG3003.</exception>
    public static (Tensor Inputs, Table Columns, string Label) Read(
        EvaluationPolicy policy,
        ModelInputs? wanted,
        List<Diagnostic> notes
    )
    {
        var (data, file) = (policy.Data, policy.Data.Source.Files[0]);
        if (data.Features.Scale != Scaling.None || !data.Features.Except.IsEmpty || !data.Features.Categories.IsEmpty)
        {
            throw data.Position.Error(
                DiagnosticCodes.PolicyConflict,
                "'features.scale', 'features.except' and 'features.categories' apply to tables only; "
                    + "use 'input.scale' for IDX and NPZ."
            );
        }

        var idx = IdxFile.Is(file);
        var shapes = idx ? new Dictionary<string, long[]?> { ["x"] = null } : NpzFile.Shapes(data.Source);
        var name = idx ? "x" : InputArray(shapes, data);
        var rows = idx ? 0 : shapes[name]?[0] ?? 0;
        var others = shapes
            .Where(a => a.Key != name && a.Value is { Length: >= 2 } other && other[0] == rows && !IsColumn(other))
            .Select(a => a.Key)
            .Order(StringComparer.Ordinal)
            .Take(10)
            .Select(Wording.Quote)
            .ToArray();
        if (data.Features.Only.IsEmpty && others.Length > 0)
        {
            notes.Add(
                new(
                    DiagnosticCodes.DataColumn,
                    $"The inputs are read from the array {Wording.Quote(name)}, "
                        + $"but {Wording.List(others)} could hold them too. "
                        + "Use 'features.only' to name another.",
                    data.Source.Position,
                    Severity.Warning
                )
            );
        }

        var label = data.Label
            ?? (
                data.LabelFile is null
                    ? LabelNames.FirstOrDefault(n =>
                        n != name && shapes.TryGetValue(n, out var shape) && IsColumn(shape) && shape![0] == rows
                    )
                    : LabelColumn
            )
            ?? throw data.Position.Error(
                DiagnosticCodes.DataColumn,
                LabelNames.FirstOrDefault(n => n != name && shapes.ContainsKey(n)) is { } unfit
                    ? $"The array {Wording.Quote(unfit)} does not hold one number for each of "
                        + $"{DataProblem.Rows(rows)}, so it cannot be the labels; correct it, or name another array in "
                        + "'data.label'."
                    : "The data has no labels; name an NPZ array in 'data.label' or a file in 'data.label_file'."
            );
        var arrays = idx
            ? new Dictionary<string, Tensor> { ["x"] = IdxFile.Read(data.Source) }
            : NpzFile.Read(data.Source, n =>
                n == name || ((shapes[n] is null || IsColumn(shapes[n])) && (n == label || IsOfGroup(n, policy)))
            );
        var inputs = arrays[name];
        if (inputs.numel() > DataLimits.Values)
        {
            throw data.Source.Position.Error(
                DiagnosticCodes.DataUnreadable,
                $"{Wording.Quote(data.Source.Text)} has {inputs.numel()} values, "
                    + $"above the limit of {DataLimits.Values}; use a sample of the rows."
            );
        }

        rows = inputs.shape[0];
        var columns = arrays
            .Where(a => a.Key != name && IsColumn(a.Value.shape) && a.Value.shape[0] == rows)
            .ToDictionary(a => a.Key, a => a.Value.flatten());
        if (data.LabelFile is { } labels)
            columns[label] = Labels(labels, rows);
        if (!columns.ContainsKey(label))
        {
            throw data.Position.Error(
                DiagnosticCodes.DataColumn,
                $"'data.label' names the array {Wording.Quote(label)}, "
                    + (
                        idx ? "but an IDX file holds one array; name the file of labels in 'data.label_file'."
                        : !shapes.TryGetValue(label, out var shape)
                            ? $"which is missing from the file; the arrays are {Named(shapes)}."
                        : label == name ? "which holds the inputs; name another."
                        : $"whose shape is {Text(shape!)}; the data needs {rows} labels."
                    )
            );
        }

        if (data.Features.Missing == Missing.Drop && inputs.is_floating_point())
        {
            var complete = inputs.isnan().flatten(1).any(1).logical_not().nonzero().flatten();
            MissingValues.Dropped(rows - complete.shape[0], complete.shape[0], data, notes);
            inputs = inputs.index_select(0, complete);
            foreach (var (column, values) in columns.ToArray())
                columns[column] = values.index_select(0, complete);
        }

        inputs = idx && inputs.dim() == 3 ? inputs.unsqueeze(1) : inputs;
        inputs = AxisOrder.Arrange(inputs, wanted?.Shape ?? [], policy.Input.Layout, out var note);
        if (note is var (text, severity))
            notes.Add(new(DiagnosticCodes.DataColumn, text, data.Source.Position, severity));
        return (inputs, Table.FromArrays(columns, data.Source), label);
    }

    // Conditions name columns somewhere in their text.
    private static bool IsOfGroup(string name, EvaluationPolicy policy) =>
        policy.Groups.Any(g =>
            g.Column == name
            || g.Dependent.Contains(name)
            || g.Where?.Contains(name, StringComparison.OrdinalIgnoreCase) == true
        );

    // One value a row.
    private static bool IsColumn(long[]? shape) => shape is [_] or [_, 1];

    private static string InputArray(IReadOnlyDictionary<string, long[]?> shapes, DataPolicy data)
    {
        string[] named = data.Features.Only.IsEmpty
            ? [.. InputNames.Where(shapes.ContainsKey).Take(1)]
            : [.. data.Features.Only];
        string[] found = named.Length > 0 ? named : [.. shapes.Where(a => a.Value?.Length >= 2).Select(a => a.Key)];
        if (found is [var name] && shapes.TryGetValue(name, out var shape))
        {
            if (shape is null) // why not is told where it is read
                return name;
            if (shape.Length < 2)
                throw data.Position.Error(
                    DiagnosticCodes.DataColumn,
                    $"The array {Wording.Quote(name)} has the shape {Text(shape)}; inputs need two axes or more, rows "
                        + "first."
                );
            return shape.All(axis => axis > 0)
                ? name
                : throw data.Position.Error(
                    DiagnosticCodes.DataEmpty,
                    $"The input array {Wording.Quote(name)} is empty; its shape is {Text(shape)}."
                );
        }

        var list = Named(shapes);
        throw data.Position.Error(
            DiagnosticCodes.DataColumn,
            named.FirstOrDefault(n => !shapes.ContainsKey(n)) is { } absent
                    ? $"There is no array {Wording.Quote(absent)}; the arrays are {list}."
                : found.Length == 0 ? $"No array could hold the inputs, with two axes or more: there is {list}."
                : $"Several arrays could hold the inputs: {list}; name one with two axes or more in 'features.only'."
        );
    }

    // 'x' (100, 8) and 'y' (100,)
    private static string Named(IReadOnlyDictionary<string, long[]?> shapes)
    {
        var all = shapes
            .OrderBy(a => a.Key, StringComparer.Ordinal)
            .Take(20)
            .Select(a => $"{Wording.Quote(a.Key)}{(a.Value is null ? "" : $" {Text(a.Value)}")}")
            .ToArray();
        return Wording.List(shapes.Count > all.Length ? all.Append($"{shapes.Count - all.Length} more") : all);
    }

    private static string Text(long[] shape) => $"({string.Join(", ", shape)}{(shape.Length == 1 ? "," : "")})";

    private static Tensor Labels(PolicyPath path, long rows)
    {
        var shapes = IdxFile.Is(path.Files[0]) ? null : NpzFile.Shapes(path);
        var name = shapes is null or { Count: 1 }
            ? null
            : LabelNames.FirstOrDefault(shapes.ContainsKey)
                ?? throw path.Position.Error(
                    DiagnosticCodes.DataColumn,
                    $"Several arrays of {Wording.Quote(path.Text)} could hold the labels; "
                        + $"name the right one {Wording.List(LabelNames, "or")}."
                );
        var labels = shapes is null
            ? IdxFile.Read(path)
            : NpzFile.Read(path, n => name is null || n == name).Values.First();
        return IsColumn(labels.shape) && labels.shape[0] == rows
            ? labels.flatten()
            : throw path.Position.Error(
                DiagnosticCodes.DataValue,
                $"{Wording.Quote(path.Text)} has the shape {Text(labels.shape)}; " + $"the data needs {rows} labels."
            );
    }
}
