using System.Runtime.CompilerServices;
using PostTrainGate.Models;

namespace PostTrainGate.Tests;

/// <summary>What the command line does first, before any test.</summary>
internal static class ProcessSetup
{
    [ModuleInitializer]
    internal static void Run() => VectorWidth.Pin();
}
