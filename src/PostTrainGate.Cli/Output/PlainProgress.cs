using System.Diagnostics;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.Output;

/// <summary>
/// Progress for logs: a line when something else is being done or much time went by, never more than one in five
/// seconds.
/// </summary>
internal sealed class PlainProgress(TextWriter output) : IProgress<RunProgress>
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(5),
        Longest = TimeSpan.FromSeconds(30);

    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly Lock _lock = new();
    private string? _stage;
    private TimeSpan _last;

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        lock (_lock)
        {
            var waited = _total.Elapsed - _last;
            if (_stage is not null && (waited < Shortest || (value.Stage == _stage && waited < Longest)))
                return;
            (_stage, _last) = (value.Stage, _total.Elapsed);
            output.WriteLine(Untrusted.Clean($"{Progresses.Line(value)} ({_total.Elapsed.TotalSeconds:0} s)"));
        }
    }
}

/// <summary>No progress.</summary>
internal sealed class Silence : IProgress<RunProgress>
{
    /// <inheritdoc/>
    public void Report(RunProgress value) { }
}

/// <summary>Progress in words.</summary>
internal static class Progresses
{
    /// <summary>One line.</summary>
    public static string Line(RunProgress p)
    {
        var share = p.Done is { } done ? $" {Math.Clamp(done, 0, 1) * 100:0} %" : "";
        return $"{p.Stage}{share}{(p.Detail is null ? "" : $", {p.Detail}")}";
    }
}
