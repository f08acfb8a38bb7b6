using PostTrainGate.Cli.Engine;
using PostTrainGate.Foundation;

namespace PostTrainGate.Fuzz;

/// <summary>Inspects models in workers, as the command line does, a worker for as many as it survives.</summary>
internal sealed class OnnxWorkers
{
    private static readonly EngineLimits Limits = new(2L << 30, TimeSpan.FromSeconds(9));

    private readonly string _path;
    private EngineProcess? _engine;

    private OnnxWorkers(string folder) => _path = Path.Combine(folder, "model.onnx");

    /// <summary>A reader for one thread.</summary>
    public static Action<byte[]> Open(string folder) => new OnnxWorkers(folder).Read;

    private void Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        _engine ??= EngineProcess.Start();
        try
        {
            var reply = _engine.Ask(new() { Inspect = _path }, Limits, null, CancellationToken.None);
            if (reply.Refused is { } refused)
                throw new GateException([.. refused]);
            if (reply.Defect is { } defect)
                throw new EngineDefectException(defect);
            if (reply.Inspection?.Refusal is { Length: 0 })
                throw new InvalidOperationException("refused without a reason");
        }
        catch (EngineException ended)
        {
            _engine.Dispose();
            _engine = null;
            throw new GateException(new Diagnostic(DiagnosticCodes.EngineEnded, ended.Message), ended);
        }
    }
}
