using DuckDB.NET.Data;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace PostTrainGate.Bench;

/// <summary>
/// The least that a check can take: a tensor of libtorch, a model in ONNX Runtime, a statement in DuckDB. See
/// <c>eng/start.sh</c>.
/// </summary>
internal static class NativesBench
{
    public static int Run(string[] args)
    {
        using var one = ones(1);
        using var two = one + one;
        using var session = new InferenceSession(args[0]);
        using var database = new DuckDBConnection("DataSource=:memory:");
        database.Open();
        using var command = new DuckDBCommand("SELECT 3", database);
        Console.WriteLine($"{two.item<float>()} {session.InputNames[0]} {command.ExecuteScalar()}");
        return 0;
    }
}
