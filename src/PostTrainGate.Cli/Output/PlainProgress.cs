using PostTrainGate.Foundation;
using PostTrainGate.Gating;

namespace PostTrainGate.Cli.Output;

/// <summary>
/// Progress for logs: a line when something else is being done, and every 30 seconds that the engine is at work even if
/// it says nothing; never more than one in five seconds.
/// </summary>
internal sealed class PlainProgress : IProgress<RunProgress>, IDisposable
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(5),
        Longest = TimeSpan.FromSeconds(30);

    private readonly TextWriter _output;
    private readonly ProgressClock _clock;
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private string? _shown;
    private TimeSpan _last;

    /// <summary>Starts the clock.</summary>
    /// <param name="output">Where lines go.</param>
    /// <param name="time">The time; null: the system's.</param>
    public PlainProgress(TextWriter output, TimeProvider? time = null)
    {
        (_output, _clock) = (output, new ProgressClock(time));
        var second = TimeSpan.FromSeconds(1);
        _timer = (time ?? TimeProvider.System).CreateTimer(_ => Beat(), null, second, second);
    }

    /// <summary>Writes lines while something is being done.</summary>
    public static async Task<GateResult> WatchAsync(
        TextWriter output,
        Func<IProgress<RunProgress>, Task<GateResult>> work
    )
    {
        using var lines = new PlainProgress(output);
        return await work(lines);
    }

    /// <inheritdoc/>
    public void Report(RunProgress value)
    {
        lock (_lock)
        {
            _clock.Note(value);
            var waited = _clock.Elapsed - _last;
            if (_shown is null || (waited >= Shortest && (value.Stage != _shown || waited >= Longest)))
                Write(value.Stage);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Beat()
    {
        lock (_lock)
        {
            if (_clock.Stage is { } stage && _clock.Elapsed - _last >= Longest)
                Write(stage);
        }
    }

    private void Write(string stage)
    {
        (_shown, _last) = (stage, _clock.Elapsed);
        _output.WriteLine(_clock.Line());
    }
}

/// <summary>What is being done, for how long, and how long it may still take.</summary>
internal sealed class ProgressClock(TimeProvider? time = null)
{
    // Before so much of a stage is done its pace says little.
    private const double Telling = 0.05;
    private static readonly TimeSpan WorthTelling = TimeSpan.FromSeconds(20);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly long _start = (time ?? TimeProvider.System).GetTimestamp();
    private RunProgress? _now;
    private TimeSpan _began;
    private double _from;

    /// <summary>Since the run began.</summary>
    public TimeSpan Elapsed => _time.GetElapsedTime(_start);

    /// <summary>What is being done; null before anything is.</summary>
    public string? Stage => _now?.Stage;

    /// <summary>Takes note of what is being done.</summary>
    public void Note(RunProgress value)
    {
        if (value.Stage != _now?.Stage)
            (_began, _from) = (Elapsed, value.Done ?? 0);
        _now = value;
    }

    /// <summary>One line: "Attacking the model 25 % (90 s, about 4 min left)".</summary>
    /// <param name="longest">Longest line.</param>
    public string Line(int longest = Untrusted.Longest)
    {
        var left = Left() is { } rest ? $", about {Words(rest)} left" : "";
        var end = $" ({Words(Elapsed)}{left})";
        var text = _now is { } now ? Progresses.Line(now) : "Starting";
        return Untrusted.Clean(text, Math.Max(20, longest - end.Length)) + end;
    }

    // At the pace of this stage so far.
    private TimeSpan? Left()
    {
        if (_now?.Done is not { } done || done - _from < Telling || done >= 1)
            return null;
        var left = (Elapsed - _began) * ((1 - done) / (done - _from));
        return left < WorthTelling ? null : left;
    }

    private static string Words(TimeSpan time) =>
        time.TotalSeconds < 120 ? $"{time.TotalSeconds:0} s"
        : time.TotalMinutes < 120 ? $"{time.TotalMinutes:0} min"
        : $"{time.TotalHours:0.0} h";
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
