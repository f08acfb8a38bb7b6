using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using PostTrainGate.Torch;

namespace PostTrainGate.Cli.Engine;

/// <summary>
/// The engine once more, with libtorch from a folder of the user: with CUDA it is too large to come with a tool.
/// TorchSharp loads its libraries by name, and only the context that it is loaded in can say where they are.
/// </summary>
internal sealed class OwnLibtorch : AssemblyLoadContext
{
    // Each needs those before it. Whoever asks for one of their names later gets the one that is loaded.
    private static readonly string[] Libraries = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];

    private readonly AssemblyDependencyResolver _tool;
    private readonly Dictionary<string, nint> _loaded = [];

    private OwnLibtorch(string tool) => _tool = new(tool);

    /// <summary>Runs the worker so.</summary>
    /// <returns>Null where the user has no such folder, or its libraries cannot be used.</returns>
    public static int? Run()
    {
        if (Environment.GetEnvironmentVariable(ComputeDevice.LibtorchVariable) is not { Length: > 0 } folder)
            return null;
        var tool = typeof(OwnLibtorch).Assembly.Location;
        OwnLibtorch context = new(tool);
        if (context.Open(folder) is { } problem)
        {
            AppContext.SetData(ComputeDevice.LibtorchProblem, problem);
            return null;
        }

        var worker = context.LoadFromAssemblyPath(tool).GetType(typeof(EngineWorker).FullName!, throwOnError: true)!;
        return (int)worker.GetMethod(nameof(EngineWorker.Run))!.Invoke(null, null)!;
    }

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName) =>
        _tool.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

    /// <inheritdoc/>
    protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
        _loaded.TryGetValue(unmanagedDllName, out var own) ? own
        : Libraries.Contains(unmanagedDllName) ? 0
        : _tool.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path)
        : 0;

    // What is wrong with the folder; null: nothing.
    private string? Open(string folder)
    {
        foreach (var name in Libraries)
        {
            var file = Path.GetFullPath(
                Path.Combine(folder, OperatingSystem.IsWindows() ? $"{name}.dll" : $"lib{name}.so")
            );
            if (!File.Exists(file))
                return $"'{file}' does not exist: set {ComputeDevice.LibtorchVariable} to the folder 'lib' of a "
                    + "libtorch with CUDA";
            try
            {
                _loaded[name] = NativeLibrary.Load(file);
            }
            catch (Exception refused) when (refused is DllNotFoundException or BadImageFormatException)
            {
                return $"'{file}' cannot be loaded: {refused.Message.Split('\n')[0].TrimEnd('.', ' ')}";
            }
        }

        return null;
    }
}
