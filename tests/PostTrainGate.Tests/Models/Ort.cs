using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Models;

/// <summary>ONNX Runtime by itself, as a user of a file would run it.</summary>
internal static class Ort
{
    /// <summary>The first output of a file for some rows.</summary>
    public static Tensor Run(string path, Tensor x) => Run(File.ReadAllBytes(path), x);

    /// <summary>The first output of a model for some rows.</summary>
    public static Tensor Run(byte[] model, Tensor x)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        using var session = new InferenceSession(model, options);
        using var value = OrtValue.CreateTensorValueFromMemory(x.contiguous().data<float>().ToArray(), x.shape);
        using var run = new RunOptions();
        using var results = session.Run(run, [session.InputNames[0]], [value], [session.OutputNames[0]]);
        return tensor(results[0].GetTensorDataAsSpan<float>().ToArray(), results[0].GetTensorTypeAndShape().Shape);
    }
}
