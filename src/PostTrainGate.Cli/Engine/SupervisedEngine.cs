using PostTrainGate.Cli.Output;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Models;

namespace PostTrainGate.Cli.Engine;

/// <summary>
/// The engine in a process of its own: whatever a model does to it, there is a result or a diagnostic.
/// </summary>
internal static class SupervisedEngine
{
    private static readonly TimeSpan Search = TimeSpan.FromSeconds(4);

    /// <summary>
    /// Runs a policy as <see cref="Gate.Run"/> does. Where the engine ends early, the result is what was known
    /// by then, and it never passes.
    /// </summary>
    public static GateResult Run(
        GatePolicy policy,
        GateOptions? options,
        IProgress<RunProgress>? progress,
        CancellationToken cancel
    )
    {
        using var engine = EngineProcess.Start();
        return Run(engine, policy, options ?? new(), progress, cancel);
    }

    /// <summary>The same in a given worker.</summary>
    internal static GateResult Run(
        EngineProcess engine,
        GatePolicy policy,
        GateOptions options,
        IProgress<RunProgress>? progress,
        CancellationToken cancel
    )
    {
        try
        {
            var reply = engine.Ask(
                new()
                {
                    Policy = policy,
                    Repair = options.Repair,
                    Write = options.Write,
                    Full = options.Full,
                    BaseModel = options.BaseModel,
                    Shard = options.Shard,
                    Parts = options.Parts,
                    Cache = options.Cache?.Folder,
                },
                EngineLimits.FromPolicy(policy),
                progress,
                cancel
            );
            if (reply.Defect is { } defect && engine.Early is { } known)
                return Cut(known, Failures.Internal(new EngineDefectException(defect), CheckCommand.TraceHint)) with
                {
                    Trace = defect.Trace,
                };
            return Checked(reply).Result!;
        }
        catch (EngineException ended)
        {
            var message = Message(ended, policy.Model?.FullPath, EngineLimits.FromPolicy(policy), cancel);
            // A limit is the policy's matter, not the model's.
            var place = ended.Death.IsCrash ? policy.Model?.Position : new SourcePosition(policy.File, 0, 0);
            var why = new Diagnostic(DiagnosticCodes.EngineEnded, message, place);
            return engine.Early is { } early
                ? Cut(early, why)
                : Gate.Undecided(policy, why, "the engine ended before it");
        }
        finally
        {
            options.Cache?.Keeps(engine.Kept);
        }
    }

    /// <summary>Inspects a file as <see cref="ModelInspection.Inspect"/> does.</summary>
    /// <exception cref="GateException">PTG2001: it cannot be read; PTG2006: the engine ended.</exception>
    public static ModelInspection Inspect(string file, CancellationToken cancel)
    {
        using var engine = EngineProcess.Start();
        var limits = EngineLimits.OfInspection(file);
        try
        {
            return Checked(engine.Ask(new() { Inspect = file }, limits, null, cancel)).Inspection!;
        }
        catch (EngineException ended)
        {
            throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.EngineEnded,
                    Message(ended, file, limits, cancel),
                    new SourcePosition(file, 0, 0)
                ),
                ended
            );
        }
    }

    /// <summary>Looks at the data of a policy as <see cref="DataLook.Read"/> does.</summary>
    /// <exception cref="GateException">PTG3xxx: it cannot be read; PTG2006: the engine ended.</exception>
    public static DataLook Look(GatePolicy policy, CancellationToken cancel)
    {
        using var engine = EngineProcess.Start();
        var limits = EngineLimits.FromPolicy(policy);
        try
        {
            return Checked(engine.Ask(new() { Policy = policy, Look = true }, limits, null, cancel)).Look!;
        }
        catch (EngineException ended)
        {
            throw new GateException(
                new Diagnostic(DiagnosticCodes.EngineEnded, ended.Death.Message, policy.Data.Source.Position),
                ended
            );
        }
    }

    /// <summary>Reads a history as <see cref="HistoryFolder.Read"/> does.</summary>
    /// <exception cref="GateException">PTG6006: it cannot be read, or the engine ended.</exception>
    public static HistoryRead ReadHistory(string folder, CancellationToken cancel)
    {
        using var engine = EngineProcess.Start();
        try
        {
            var reply = engine.Ask(new() { History = folder }, EngineLimits.OfHistory, null, cancel);
            return Checked(reply).History!;
        }
        catch (EngineException ended)
        {
            throw new GateException(
                new Diagnostic(DiagnosticCodes.HistoryUnusable, ended.Death.Message, new SourcePosition(folder, 0, 0)),
                ended
            );
        }
    }

    // ONNX Runtime runs a file in one call, so that only another try tells the node.
    private static string Message(EngineException ended, string? file, EngineLimits limits, CancellationToken cancel)
    {
        var death = ended.Death;
        if (!death.IsCrash || file is null || !death.Work.StartsWith("ONNX Runtime", StringComparison.Ordinal))
            return death.Message;
        return CrashSite.Find(file, limits, Search, cancel) is { } node
            ? (death with { Work = $"{death.Work}, node {node}" }).Message
            : death.Message;
    }

    private static GateResult Cut(GateResult early, Diagnostic why) =>
        early with
        {
            Diagnostics = [.. early.Diagnostics, why],
        };

    private static EngineReply Checked(EngineReply reply) =>
        reply switch
        {
            { Refused: { } refused } => throw new GateException([.. refused]),
            { Defect: { } defect } => throw new EngineDefectException(defect),
            { Canceled: true } => throw new OperationCanceledException(),
            _ => reply,
        };
}
