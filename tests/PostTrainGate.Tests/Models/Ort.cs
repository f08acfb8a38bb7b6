using Microsoft.ML.OnnxRuntime;
using PostTrainGate.Models;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>ONNX Runtime by itself, as a user of a file would run it.</summary>
internal static class Ort
{
    /// <summary>The first output of a file for some rows.</summary>
    public static Tensor Run(string path, Tensor x) => Run(File.ReadAllBytes(path), x);

    /// <summary>The first output of a model for some rows, whatever floating type it takes and gives.</summary>
    public static Tensor Run(byte[] model, Tensor x) => Run(options => new(model, options), x);

    /// <summary>The first output of a file, whose weights may stand beside it, for some rows.</summary>
    public static Tensor RunFile(string path, Tensor x) => Run(options => new(path, options), x);

    private static Tensor Run(Func<SessionOptions, InferenceSession> open, Tensor x)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        using var session = open(options);
        var type = session.InputMetadata[session.InputNames[0]].ElementDataType;
        using var rows = x.to_type(OnnxTensors.TypeOf((int)type)!.Value).contiguous();
        using var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, x.shape);
        rows.bytes.CopyTo(value.GetTensorMutableRawData());
        using var run = new RunOptions();
        using var results = session.Run(run, [session.InputNames[0]], [value], [session.OutputNames[0]]);
        var info = results[0].GetTensorTypeAndShape();
        var output = empty(info.Shape, dtype: OnnxTensors.TypeOf((int)info.ElementDataType)!.Value);
        results[0].GetTensorMutableRawData().CopyTo(output.bytes);
        return output.to_type(ScalarType.Float32);
    }
}
