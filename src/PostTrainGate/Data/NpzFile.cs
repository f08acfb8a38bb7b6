using static TorchSharp.torch;

namespace PostTrainGate.Data;

/// <summary>NumPy's archive of arrays.</summary>
public static class NpzFile
{
    /// <summary>All arrays by name, in their own type and shape; the caller disposes them. Object arrays (pickle) are refused.</summary>
    /// <exception cref="GateException">PTG3001.</exception>
    public static IReadOnlyDictionary<string, Tensor> Read(string path) => throw new NotImplementedException();
}
