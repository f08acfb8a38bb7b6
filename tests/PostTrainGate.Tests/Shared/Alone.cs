using Xunit;

namespace PostTrainGate.Tests;

/// <summary>Tests that look at the whole process (live tensors, memory, time) run when no other test does.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone
{
    /// <summary>Number of live tensors, those of earlier tests that only wait for their finalizer not
    /// counted.</summary>
    public static long LiveTensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return TorchSharp.torch.Tensor.TotalCount;
    }
}
