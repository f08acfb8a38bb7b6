using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Models;
using PostTrainGate.Torch;

namespace PostTrainGate.Cli.Engine;

/// <summary>
/// The process that touches models and data. It reads requests from its standard input and answers on its standard
/// output; it ends with the process that started it.
/// </summary>
internal static class EngineWorker
{
    /// <summary>The first argument of a process that is one.</summary>
    public const string Argument = "--engine-worker";

    /// <summary>The line that asks it to stop.</summary>
    public const string StopWord = "stop";

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Answers requests, one after the other, until its input ends.</summary>
    public static int Run()
    {
        NativeLibraries.LoadInBackground();
        // Signals reach all processes of a terminal; this one ends when it is told to.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => signal.Cancel = true);
        using var output = Console.OpenStandardOutput();
        Console.SetOut(Console.Error);
        var replies = new Replies(output);
        NativeWork.Observer = work => replies.Send(new() { Work = work });
        using var requests = new BlockingCollection<string>();
        using var cancel = new CancellationTokenSource();
        new Thread(() => Listen(requests, cancel)) { IsBackground = true, Name = "supervisor" }.Start();
        foreach (var line in requests.GetConsumingEnumerable())
            replies.Send(Answer(EngineJson.Request(line), replies, cancel.Token));
        return 0;
    }

    // The pipe ends with the process that holds its other end, however that ended.
    private static void Listen(BlockingCollection<string> requests, CancellationTokenSource cancel)
    {
        using var input = new StreamReader(Console.OpenStandardInput());
        while (input.ReadLine() is { } line)
        {
            if (line == StopWord)
                cancel.Cancel();
            else
                requests.Add(line);
        }

        Process.GetCurrentProcess().Kill();
    }

    private static EngineReply Answer(EngineRequest request, Replies replies, CancellationToken cancel)
    {
        var cache = request.Cache is { } folder ? new RunCache(folder) : null;
        try
        {
            if (request is { Inspect: { } part, Nodes: > 0 and var nodes })
            {
                OnnxProbe.Run(part, nodes);
                return new();
            }

            if (request.Inspect is { } file)
                return new() { Inspection = ModelInspection.Inspect(file) };
            if (request.History is { } history)
                return new() { History = new HistoryFolder(history).Read() };
            if (request.Look)
                return new() { Look = DataLook.Read(request.Policy!) };
            var options = new GateOptions
            {
                Repair = request.Repair,
                Write = request.Write,
                Full = request.Full,
                BaseModel = request.BaseModel,
                Shard = request.Shard,
                Parts = request.Parts,
                Cache = cache,
                Early = early => replies.Send(new() { Early = early, Kept = cache?.Kept }),
            };
            var clock = Stopwatch.StartNew();
            var (said, at) = ("", TimeSpan.Zero);
            var progress = new Relay<RunProgress>(p =>
            {
                if (p.Stage == said && clock.Elapsed - at < ProgressInterval)
                    return;
                (said, at) = (p.Stage, clock.Elapsed);
                replies.Send(new() { Progress = p, Kept = cache?.Kept });
            });
            return new() { Result = Gate.Run(request.Policy!, options, progress, cancel), Kept = cache?.Kept };
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new() { Canceled = true, Kept = cache?.Kept };
        }
        catch (GateException wrong)
        {
            return new() { Refused = [.. wrong.Diagnostics], Kept = cache?.Kept };
        }
        catch (Exception defect)
        {
            return new() { Defect = new(defect.GetType().Name, defect.Message, defect.ToString()) };
        }
    }

    private sealed class Replies(Stream output)
    {
        private readonly Lock _lock = new();

        public void Send(EngineReply reply)
        {
            var line = EngineJson.Line(reply);
            lock (_lock)
            {
                output.Write(line);
                output.Flush();
            }
        }
    }
}
