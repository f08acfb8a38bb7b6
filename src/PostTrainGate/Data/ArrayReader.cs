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
    /// array that <c>data.label</c> names, else the one called y, labels, label or targets. Every other array with one value per row is a column.
    /// </summary>
    /// <exception cref="GateException">PTG3001, PTG3002, PTG3003.</exception>
    public static (Tensor Inputs, Table Columns, string Label) Read(string file, GatePolicy policy)
    {
        var (data, position) = (policy.Data, policy.Data.Position);
        if (data.Features.Scale != Scaling.None || !data.Features.Except.IsEmpty)
            throw Problem(DiagnosticCodes.PolicyConflict, "features.scale and features.except are for tables; IDX and NPZ take input.scale", position);
        var idx = IdxFile.Is(file);
        IReadOnlyDictionary<string, Tensor> arrays = idx ? new Dictionary<string, Tensor> { ["x"] = IdxFile.Read(file) } : NpzFile.Read(file);
        var inputs = InputArray(arrays, data);
        var rows = arrays[inputs].shape[0];
        var columns = arrays.Where(a => a.Key != inputs && a.Value.dim() == 1 && a.Value.shape[0] == rows).ToDictionary();

        string label;
        if (data.Labels is { } labels)
        {
            label = data.Label ?? LabelColumn;
            columns[label] = Labels(DataFiles.Find(labels, policy.Folder)[0], data.Label, labels);
            if (columns[label].dim() != 1 || columns[label].shape[0] != rows)
                throw Problem(DiagnosticCodes.DataValue, $"{Wording.Quote(labels.Text)} has the shape ({string.Join(", ", columns[label].shape)}); {rows} labels are needed", labels.Position);
        }
        else
        {
            label = data.Label ?? LabelNames.FirstOrDefault(columns.ContainsKey)
                ?? throw Problem(DiagnosticCodes.DataColumn, "there are no labels; name an array of the NPZ with data.label, or a file with data.labels", position);
        }

        return (idx && arrays[inputs].dim() == 3 ? arrays[inputs].unsqueeze(1) : arrays[inputs], Table.Of(columns, data.Source), label);
    }

    private static string InputArray(IReadOnlyDictionary<string, Tensor> arrays, DataPolicy data)
    {
        var named = data.Features.Only is [var only] ? [only] : data.Features.Only.IsEmpty ? InputNames.Where(arrays.ContainsKey).Take(1).ToArray()
            : throw Problem(DiagnosticCodes.PolicyConflict, "features.only has to name one array of the NPZ", data.Position);
        var found = named.Length == 1 ? named : [.. arrays.Where(a => a.Value.dim() >= 2).Select(a => a.Key)];
        if (found is [var name] && arrays.TryGetValue(name, out var array) && array.dim() >= 2) return name;
        throw Problem(DiagnosticCodes.DataColumn, $"it is not clear which array holds the inputs: there are {Wording.List(arrays.Keys.Order(StringComparer.Ordinal).Select(Wording.Quote))}; name one of two axes or more with features.only", data.Position);
    }

    private static Tensor Labels(string file, string? name, PolicyPath path)
    {
        if (IdxFile.Is(file)) return IdxFile.Read(file);
        var arrays = NpzFile.Read(file);
        if (name is not null && arrays.TryGetValue(name, out var named)) return named;
        return arrays.Count == 1 ? arrays.Values.First()
            : LabelNames.FirstOrDefault(arrays.ContainsKey) is { } usual ? arrays[usual]
            : throw Problem(DiagnosticCodes.DataColumn, $"it is not clear which array of {Wording.Quote(path.Text)} holds the labels; name it with data.label", path.Position);
    }

    private static GateException Problem(string code, string message, SourcePosition position) => new(new Diagnostic(code, message, position));
}
