using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Torch;

namespace PostTrainGate.Cli.Engine;

/// <summary>
/// A worker, and what watches over it: it may crash, hang or fill the memory, and there is still one clear answer.
/// </summary>
internal sealed class EngineProcess : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25),
        Grace = TimeSpan.FromSeconds(1.2);

    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly Queue<string> _errors = new();
    private readonly Stopwatch _clock = new();
    private volatile NativeWork.Work _work = new("", null);
    private const string KeptAdvice = " The finished work is kept; the same command continues it.";

    private string? _ended; // why it was ended
    private string _advice = ""; // and what may be done about it

    private EngineProcess(Process process) => _process = process;

    /// <summary>Its id.</summary>
    public int Id => _process.Id;

    /// <summary>What it did last.</summary>
    public string Stage { get; private set; } = "starting";

    /// <summary>Attacked inputs that the cache keeps.</summary>
    public long Kept { get; private set; }

    /// <summary>What was known last of the result; null: nothing yet.</summary>
    public GateResult? Early { get; private set; }

    private static Task<EngineProcess>? _early;

    /// <summary>Starts a worker while something else is done; the next <see cref="Start"/> takes it.</summary>
    public static void StartEarly() => _early = Task.Run(New);

    /// <summary>Ends the worker that was started early and that nobody took.</summary>
    public static void EndEarly() => Interlocked.Exchange(ref _early, null)?.Result.Dispose();

    /// <summary>Starts a worker, which waits for its request.</summary>
    public static EngineProcess Start() => Interlocked.Exchange(ref _early, null)?.Result ?? New();

    private static EngineProcess New()
    {
        // This program again: by its own executable, or by the host of .NET where another program runs it.
        var (own, host) = (typeof(EngineProcess).Assembly.Location, Environment.ProcessPath!);
        var (name, program) = (Path.GetFileName(host), Path.GetFileNameWithoutExtension(own));
        var isOwn = name == program || name == $"{program}.exe"; // on Unix an executable has no ending
        var isHost = name is "dotnet" or "dotnet.exe";
        var start = new ProcessStartInfo(
            isOwn || isHost ? host : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet"
        )
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = System.Text.Encoding.UTF8,
            StandardInputEncoding = new System.Text.UTF8Encoding(false),
        };
        if (!isOwn)
            start.ArgumentList.Add(own);
        start.ArgumentList.Add(EngineWorker.Argument);
        foreach (var secret in Secrets.Names())
            start.Environment.Remove(secret);
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // its pipes would stay behind when it is ended
        var process = new EngineProcess(Process.Start(start)!);
        process._process.ErrorDataReceived += (_, line) => process.Note(line.Data);
        process._process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Asks, and reads what is said until the answer; it can be asked again after one.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="limits">What it may use.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancel">Ends it within two seconds.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="EngineException">It ended without one.</exception>
    /// <exception cref="OperationCanceledException">It was ended by <paramref name="cancel"/>.</exception>
    public EngineReply Ask(
        EngineRequest request,
        EngineLimits limits,
        IProgress<RunProgress>? progress,
        CancellationToken cancel
    )
    {
        Early = null;
        _clock.Restart();
        using var watch = new Timer(_ => Watch(limits), null, Look, Look);
        using var stop = cancel.Register(Stop);
        Tell(EngineJson.Line(request));
        EngineReply? last = null;
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (EngineJson.Reply(line) is not { } reply)
                continue;
            if (reply.Kept is > 0 and var kept)
                Kept = kept;
            if (reply.Work is { } work)
            {
                _work = work;
            }
            else if (reply.Early is { } early)
            {
                Early = early;
            }
            else if (reply.Progress is { } done)
            {
                Stage = done.Stage;
                progress?.Report(done);
            }
            else
            {
                last = reply;
                break;
            }
        }

        cancel.ThrowIfCancellationRequested();
        return last ?? throw new EngineException(Death());
    }

    /// <summary>Ends its input, which ends it.</summary>
    public void CloseInput() => _process.StandardInput.Close();

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill(null);
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Tell(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has ended; what it said tells why.
        }
    }

    private void Stop()
    {
        Tell(EngineWorker.StopWord);
        _ = Task.Delay(Grace, CancellationToken.None).ContinueWith(_ => Kill("it was stopped"), TaskScheduler.Default);
    }

    private void Watch(EngineLimits limits)
    {
        if (_work.Deadline is { } deadline && DateTime.UtcNow > deadline)
            Kill("it exceeded its time limit");
        if (_clock.Elapsed > limits.Time)
            Kill(
                string.Create(CultureInfo.InvariantCulture, $"it took longer than {Length(limits.Time)}"),
                limits.MoreTime
            );
        if (Memory() > limits.Memory)
            Kill(
                string.Create(CultureInfo.InvariantCulture, $"it used more than {Size(limits.Memory)} of memory"),
                limits.MoreMemory
            );
    }

    private long Memory()
    {
        try
        {
            _process.Refresh();
            return _process.HasExited ? 0 : _process.WorkingSet64;
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return 0;
        }
    }

    private void Kill(string? why, string advice = "")
    {
        lock (_lock)
        {
            try
            {
                if (_process.HasExited)
                    return;
                if (_ended is null)
                    (_ended, _advice) = (why, advice);
                _process.Kill(entireProcessTree: true);
            }
            catch (Exception e) when (e is InvalidOperationException or Win32Exception)
            {
                // It ended by itself meanwhile.
            }
        }
    }

    private void Note(string? line)
    {
        if (line is null)
            return;
        lock (_errors)
        {
            _errors.Enqueue(line);
            if (_errors.Count > 40)
                _errors.Dequeue();
        }
    }

    private EngineDeath Death()
    {
        _process.WaitForExit(Grace);
        Kill("it closed its output");
        _process.WaitForExit();
        lock (_lock)
        {
            lock (_errors)
                return new(_work.What, Stage, _ended ?? Words(_process.ExitCode), [.. _errors])
                {
                    IsCrash = _ended is null,
                    Advice = _advice + (_advice.Length > 0 && Kept > 0 ? KeptAdvice : ""),
                };
        }
    }

    private static string Words(int code) =>
        code switch
        {
            134 => "native code aborted (SIGABRT)",
            136 => "native code divided by zero or overflowed (SIGFPE)",
            137 => "it was killed, most likely because the machine ran out of memory (SIGKILL)",
            139 => "native code accessed invalid memory (SIGSEGV)",
            132 => "native code ran an instruction that this processor does not support (SIGILL)",
            135 => "native code read past the end of a file (SIGBUS)",
            _ => string.Create(CultureInfo.InvariantCulture, $"native code ended the process (exit code {code})"),
        };

    private static string Size(long bytes) =>
        bytes >= 1L << 30 ? $"{bytes / (double)(1L << 30):0.#} GB" : $"{bytes >> 20} MB";

    private static string Length(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{time.TotalHours:0.#} h"
        : time.TotalMinutes >= 2 ? $"{time.TotalMinutes:0.#} min"
        : $"{time.TotalSeconds:0.#} s";
}

/// <summary>How a worker ended without an answer.</summary>
/// <param name="Work">What native code did; empty where that is not known.</param>
/// <param name="Stage">What the run was at.</param>
/// <param name="Why">Why it ended.</param>
/// <param name="Errors">The last lines of its standard error.</param>
internal sealed record EngineDeath(string Work, string Stage, string Why, ImmutableArray<string> Errors)
{
    /// <summary>Whether it ended by itself.</summary>
    public bool IsCrash { get; init; }

    /// <summary>What may be done about it, in whole sentences, each after a blank.</summary>
    public string Advice { get; init; } = "";

    /// <summary>What happened, and what may be done, for people.</summary>
    public string Message => $"The engine ended early ({(IsCrash && Work.Length > 0 ? Work : Stage)}): {Why}.{Advice}";
}

/// <summary>A worker ended without an answer.</summary>
internal sealed class EngineException(EngineDeath death) : Exception(death.Message)
{
    /// <summary>How.</summary>
    public EngineDeath Death => death;
}

/// <summary>A defect of the engine in its own process.</summary>
internal sealed class EngineDefectException(Defect defect) : Exception($"{defect.Type}: {defect.Message}")
{
    /// <inheritdoc/>
    public override string ToString() => defect.Trace;
}
