namespace PostTrainGate.Torch;

/// <summary>
/// Threads of libtorch that wait for each other at the end of an operation spin, which keeps the one they wait for from
/// its core wherever anything else runs: beside a compiler, passes take ten to a hundred times as long. They sleep
/// instead, which costs some microseconds an operation.
/// </summary>
internal static class IdleThreads
{
    private const string Policy = "OMP_WAIT_POLICY";

    /// <summary>Lets them sleep. It is read when libtorch is loaded: to be called before there is any tensor.</summary>
    public static void Sleep() => NativeEnvironment.Set(Policy, "passive");
}
