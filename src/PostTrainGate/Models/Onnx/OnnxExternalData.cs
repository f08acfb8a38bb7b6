using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;

namespace PostTrainGate.Models;

/// <summary>Weights that stand in a file beside the model, as ONNX lays them out.</summary>
internal static class OnnxExternalData
{
    // Smaller tensors, such as shapes, stay where readers expect them.
    private const int Least = 1024;

    // ONNX's advice: such offsets can be mapped on every system.
    private const int Alignment = 1 << 16;

    /// <summary>A part of a file.</summary>
    public static ReadOnlyMemory<byte> Read(string path, long offset, int length)
    {
        using var data = File.OpenRead(path);
        data.Position = offset;
        var bytes = new byte[length];
        data.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>
    /// Puts a model's weights into the file that is called as the model with <c>.data</c> at its end, by rename.
    /// </summary>
    /// <param name="path">Where the model will stand.</param>
    /// <param name="model">The model; its weights become references.</param>
    public static void MoveOut(string path, ModelProto model)
    {
        var target = $"{path}.data";
        AtomicFile.Write(target, stream =>
        {
            foreach (var tensor in model.Graph.Initializer.Where(t => t.RawData.Length >= Least))
                MoveOut(tensor, stream, Path.GetFileName(target));
        });
    }

    private static void MoveOut(TensorProto tensor, Stream stream, string location)
    {
        stream.Position = (stream.Position + Alignment - 1) / Alignment * Alignment;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = $"{stream.Position}" });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = $"{tensor.RawData.Length}" });
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        stream.Write(tensor.RawData.Span);
        tensor.ClearRawData();
    }
}
