using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using PostTrainGate.Foundation;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Torch;
using static TorchSharp.torch;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;

namespace PostTrainGate.Models;

/// <summary>A model in ONNX Runtime.</summary>
internal sealed class OnnxSession : IDisposable
{
    // Longest time for one batch: a loop in a file may have no end.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    static OnnxSession() => NativeEnvironment.Set(NativeEnvironment.NoTelemetry, "1"); // before the library is loaded

    private readonly OnnxFile _file;
    private readonly IReadOnlyList<string> _outputs;
    private readonly InferenceSession _session;

    /// <summary>Opens a model.</summary>
    /// <param name="file">The file that it comes from.</param>
    /// <param name="model">The model.</param>
    /// <param name="outputs">Names of the outputs that are wanted.</param>
    /// <param name="threads">Threads of one operator.</param>
    /// <exception cref="GateException">PTG2001: ONNX Runtime refuses it.</exception>
    public OnnxSession(OnnxFile file, ModelProto model, IReadOnlyList<string> outputs, int threads)
    {
        (_file, _outputs) = (file, outputs);
        using var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"); // other work runs beside it
        var (small, folder) = file.WithReferences(model);
        options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder);
        try
        {
            _session = new(small.ToByteArray(), options);
        }
        catch (OnnxRuntimeException e)
        {
            throw Refused(e);
        }
    }

    /// <summary>Runs one batch.</summary>
    /// <param name="names">Names of the inputs.</param>
    /// <param name="values">Their values.</param>
    /// <returns>
    /// A tensor per output in its own type, which is the caller's; null where it holds no numbers that torch has.
    /// </returns>
    /// <exception cref="GateException">PTG2001: ONNX Runtime refuses it.</exception>
    public Tensor?[] Run(IReadOnlyCollection<string> names, IReadOnlyCollection<OrtValue> values)
    {
        using var run = new RunOptions();
        var longest = NativeWork.Left is { } left && left < Longest ? left : Longest;
        var isLate = false;
        using var late = new Timer(_ => isLate = run.Terminate = true, null, longest, Timeout.InfiniteTimeSpan);
        try
        {
            using var results = _session.Run(run, names, values, _outputs);
            return [.. results.Select(ToTensor)];
        }
        catch (OnnxRuntimeException e)
        {
            if (!isLate)
                throw Refused(e);
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.ModelUnreadable,
                    $"The model '{_file.Name}' did not finish within {longest.TotalSeconds:0} s in ONNX Runtime."
                ),
                e
            );
        }
    }

    /// <summary>A tensor as a value of ONNX Runtime, in a type of its own; the caller disposes it.</summary>
    public static OrtValue Value(Tensor tensor, ScalarType type)
    {
        using var plain = tensor.to_type(type).contiguous().OnHost();
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance,
            (TensorElementType)OnnxTensors.CodeOf(type),
            plain.shape
        );
        if (plain.numel() > 0)
            plain.bytes.CopyTo(value.GetTensorMutableRawData());
        return value;
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    private GateException Refused(OnnxRuntimeException e) =>
        new(
            new Diagnostic(
                DiagnosticCodes.ModelUnreadable,
                $"ONNX Runtime cannot run the model '{_file.Name}': {Line(e.Message)}."
            ),
            e
        );

    private static string Line(string message)
    {
        var line = string.Concat(message.Take(300).Select(c => char.IsControl(c) ? ' ' : c)).TrimEnd('.', ' ');
        return message.Length > 300 ? line + " ..." : line;
    }

    private static Tensor? ToTensor(OrtValue value)
    {
        if (!value.IsTensor)
            return null;
        var info = value.GetTensorTypeAndShape();
        if (OnnxTensors.TypeOf((int)info.ElementDataType) is not { } type)
            return null;
        var own = empty(info.Shape, dtype: type);
        if (own.numel() > 0)
            value.GetTensorMutableRawData().CopyTo(own.bytes);
        return own;
    }
}
