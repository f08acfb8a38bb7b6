using PostTrainGate.Policy;
using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>Reads IDX and NPZ: one array of inputs, and arrays of one value per row, which become columns (label, groups).</summary>
internal static class ArrayReader
{
    private const string LabelColumn = "label";
    private static readonly string[] InputNames = ["x", "X", "inputs", "images", "features", "data"];
    private static readonly string[] LabelNames = ["y", "labels", "label", "targets"];

    /// <summary>
    /// Inputs: of IDX the array, images as [n, 1, height, width]. Of NPZ the array that <c>features.only</c> names, else the one called
    /// x, X, inputs, images, features or data, else the only one of two axes or more. Labels: the file of <c>data.labels</c>, or the
    /// array that <c>data.label</c> names, else the one called y, labels, label or targets. Every other array with one value per row is
    /// a column that groups may use.
    /// </summary>
    /// <exception cref="GateException">PTG3001, PTG3002, PTG3003.</exception>
    public static (Tensor Inputs, Table Columns, string Label) Read(GatePolicy policy)
    {
        var (data, file) = (policy.Data, policy.Data.Source.Files[0]);
        if (data.Features.Scale != Scaling.None || !data.Features.Except.IsEmpty)
        {
            throw data.Position.Error(DiagnosticCodes.PolicyConflict,
                "'features.scale' and 'features.except' are for tables; for IDX and NPZ there is 'input.scale'.");
        }

        var idx = IdxFile.Is(file);
        var arrays = idx ? new Dictionary<string, Tensor> { ["x"] = IdxFile.Read(file) } : NpzFile.Read(file);
        var name = InputArray(arrays, data);
        var inputs = arrays[name];
        var rows = inputs.shape[0];
        var columns = arrays.Where(a => a.Key != name && a.Value.dim() == 1 && a.Value.shape[0] == rows).ToDictionary();
        var label = data.Label ?? (data.Labels is null ? LabelNames.FirstOrDefault(columns.ContainsKey) : LabelColumn)
            ?? throw data.Position.Error(DiagnosticCodes.DataColumn,
                "There are no labels; name an array of the NPZ with 'data.label', or a file with 'data.labels'.");
        if (data.Labels is { } labels) columns[label] = Labels(labels, rows);
        return (idx && inputs.dim() == 3 ? inputs.unsqueeze(1) : inputs, Table.Of(columns, data.Source), label);
    }

    private static string InputArray(IReadOnlyDictionary<string, Tensor> arrays, DataPolicy data)
    {
        var named = data.Features.Only.IsEmpty ? InputNames.Where(arrays.ContainsKey).Take(1) : data.Features.Only;
        string[] found = named.Any() ? [.. named] : [.. arrays.Where(a => a.Value.dim() >= 2).Select(a => a.Key)];
        if (found is [var name] && arrays.TryGetValue(name, out var array) && array.dim() >= 2) return name;
        var all = Wording.List(arrays.Keys.Order(StringComparer.Ordinal).Select(Wording.Quote));
        throw data.Position.Error(DiagnosticCodes.DataColumn,
            $"It is not clear which array of {all} holds the inputs; name one of two axes or more with 'features.only'.");
    }

    private static Tensor Labels(PolicyPath path, long rows)
    {
        var file = path.Files[0];
        var arrays = IdxFile.Is(file) ? new Dictionary<string, Tensor> { ["label"] = IdxFile.Read(file) } : NpzFile.Read(file);
        var labels = arrays.Count == 1 ? arrays.Values.First()
            : LabelNames.FirstOrDefault(arrays.ContainsKey) is { } usual ? arrays[usual]
            : throw path.Position.Error(DiagnosticCodes.DataColumn,
                $"It is not clear which array of {Wording.Quote(path.Text)} holds the labels; call it {Wording.List(LabelNames, "or")}.");
        return labels.dim() == 1 && labels.shape[0] == rows ? labels
            : throw path.Position.Error(DiagnosticCodes.DataValue,
                $"{Wording.Quote(path.Text)} has the shape ({string.Join(", ", labels.shape)}); {rows} labels are needed.");
    }
}
