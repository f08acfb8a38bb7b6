using System.Runtime.CompilerServices;
using PostTrainGate.Torch;

namespace PostTrainGate.Tests;

/// <summary>What the command line does first, before any test, and one thread for every library.</summary>
internal static class ProcessSetup
{
    private const string Threads = "OMP_NUM_THREADS";

    [ModuleInitializer]
    internal static void Run()
    {
        VectorWidth.Pin();
        IdleThreads.Sleep();
        // Test assemblies run side by side. Threads that wait for each other on busy cores cost more than they save;
        // the child processes that tests start take the variable over.
        NativeEnvironment.Set(Threads, "1");
        if (Environment.GetEnvironmentVariable(Threads) is null)
            Environment.SetEnvironmentVariable(Threads, "1");
    }
}
