using System.Collections.Immutable;
using Google.Protobuf;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;

namespace PostTrainGate.Models;

/// <summary>Weights that a model keeps in files beside it.</summary>
internal sealed partial class OnnxFile
{
    /// <summary>Most bytes of a model with its external data.</summary>
    public const long MaxExternal = 8L << 30;

    // Smaller tensors are read, larger ones mapped.
    private const int Large = 1 << 16;

    private readonly Dictionary<TensorProto, TensorProto> _references = new(ReferenceEqualityComparer.Instance);

    /// <summary>
    /// Full paths of the files beside a model that hold its external data, there or not. None for a model that cannot
    /// be read: whoever loads it says why.
    /// </summary>
    public static ImmutableSortedSet<string> ExternalFiles(string path)
    {
        try
        {
            if (SpecialFile.Is(path) || new FileInfo(path) is not { Exists: true, Length: <= MaxBytes })
                return [];
            var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
            return
            [
                .. External(Parse(path).Graph ?? new())
                    .SelectMany(t => t.ExternalData)
                    .Where(e => e.Key == "location")
                    .Select(e => Inside(folder, e.Value))
                    .OfType<string>(),
            ];
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidProtocolBufferException
            )
        {
            return [];
        }
    }

    /// <summary>
    /// The model with references in place of weights that stand in other files, for ONNX Runtime, which reads them
    /// itself; and the folder that those files are in.
    /// </summary>
    public (ModelProto Model, string Folder) WithReferences(ModelProto part)
    {
        var model = new ModelProto(part) { Graph = null };
        model.Graph = new() { Name = part.Graph.Name };
        model.Graph.Node.AddRange(part.Graph.Node);
        model.Graph.Input.AddRange(part.Graph.Input);
        model.Graph.Output.AddRange(part.Graph.Output);
        model.Graph.Initializer.AddRange(part.Graph.Initializer.Select(t => _references.GetValueOrDefault(t, t)));
        return (model, System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!);
    }

    // From here on the model stands on its own, so that it can be compared, cloned and saved anywhere. Together,
    // tensors may claim at most twice what the files have: weights that are tied are stored once and named twice.
    private void TakeInExternalData()
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        var (claimed, files) = (0L, new Dictionary<string, long>());
        foreach (var tensor in External(Model.Graph))
        {
            var entries = tensor.ExternalData.GroupBy(e => e.Key).ToDictionary(g => g.Key, g => g.Last().Value);
            var name = Wording.Quote(tensor.Name);
            if (!entries.TryGetValue("location", out var location))
                throw new FormatException($"{name} does not name the file with its data");
            var full = Inside(folder, location)
                ?? throw new FormatException($"the data of {name} is outside the model's folder");
            var size =
                OnnxTensors.Count(tensor.Dims)
                * (OnnxTensors.TypeOf(tensor.DataType) is { } type ? OnnxTensors.Size(type) : 1);
            var offset = Number(entries, "offset", 0);
            var length = files[full] = new FileInfo(full).Length;
            if (Number(entries, "length", size) != size || offset < 0 || offset > length - size)
                throw new FormatException(
                    $"the data of {name} in {Wording.Quote(location)} does not have its {size} bytes"
                );
            if (size > MaxBytes)
                throw new FormatException($"{name} has {size} bytes; the limit is {MaxBytes}");
            if ((claimed += size) > MaxExternal)
                throw new FormatException($"it and its external data exceed {MaxExternal} bytes");
            var reference = tensor.Clone();
            tensor.RawData = UnsafeByteOperations.UnsafeWrap(
                size < Large ? OnnxExternalData.Read(full, offset, (int)size) : MappedBytes.Map(full, offset, (int)size)
            );
            tensor.ExternalData.Clear();
            tensor.ClearDataLocation();
            _references[tensor] = reference;
        }

        if (claimed > 2 * files.Values.Sum())
            throw new FormatException($"its tensors declare {claimed} bytes, but its files have {files.Values.Sum()}");
        Bytes += claimed;
    }

    private static IEnumerable<TensorProto> External(GraphProto graph) =>
        graph
            .Initializer.Concat(graph.Node.SelectMany(n => n.Attribute).Where(a => a.T is not null).Select(a => a.T))
            .Where(t => t.DataLocation == TensorProto.Types.DataLocation.External);

    private static string? Inside(string folder, string location)
    {
        if (System.IO.Path.IsPathRooted(location) || location.Contains('\0', StringComparison.Ordinal))
            return null;
        var full = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, location));
        if (
            !full.StartsWith(
                folder.TrimEnd('/', '\\') + System.IO.Path.DirectorySeparatorChar,
                StringComparison.Ordinal
            )
        )
            return null;
        // A link inside the folder may point out of it.
        for (
            var part = full;
            part is not null && part.Length > folder.Length;
            part = System.IO.Path.GetDirectoryName(part)
        )
            if (new FileInfo(part).LinkTarget is not null)
                return null;
        return full;
    }

    private static long Number(Dictionary<string, string> entries, string key, long fallback) =>
        !entries.TryGetValue(key, out var text) ? fallback
        : long.TryParse(text, out var value) ? value
        : throw new FormatException($"{Wording.Quote(text)} is not a valid {key} of external data");
}
