using System.Reflection;
using System.Runtime.InteropServices;
using DuckDB.NET.Data;
using Microsoft.ML.OnnxRuntime;

namespace PostTrainGate.Torch;

/// <summary>
/// libtorch alone has 460 MB and takes a third of a second to load. It is loaded while something else is done; whoever
/// needs it first waits for the rest.
/// </summary>
internal static class NativeLibraries
{
    /// <summary>Loads the libraries that a run with a model needs, in the order in which it needs them.</summary>
    public static void LoadInBackground()
    {
        NativeEnvironment.Set(NativeEnvironment.NoTelemetry, "1"); // before ONNX Runtime is loaded
        var thread = new Thread(Load) { IsBackground = true, Name = "native libraries" };
        thread.Start();
    }

    // What cannot be loaded says why where it is needed.
    private static void Load()
    {
        foreach (
            var (name, owner) in ((string, Assembly)[])
                [
                    ("LibTorchSharp", typeof(TorchSharp.torch).Assembly),
                    ("duckdb", typeof(DuckDBConnection).Assembly),
                    ("onnxruntime", typeof(InferenceSession).Assembly),
                ]
        )
            NativeLibrary.TryLoad(name, owner, null, out _);
    }
}
