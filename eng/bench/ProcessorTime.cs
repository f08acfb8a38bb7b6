namespace PostTrainGate.Bench;

/// <summary>Time of the processor, not of the clock: other work on the machine does not count.</summary>
internal static class ProcessorTime
{
    /// <summary>Seconds that this process takes for some work.</summary>
    public static double Of(Action work)
    {
        var before = Environment.CpuUsage.TotalTime;
        work();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }
}
