using PostTrainGate.Cli.Engine;
using PostTrainGate.Foundation;
using Spectre.Console;

namespace PostTrainGate.Cli.Output;

/// <summary>How a command that is not a check ends: with diagnostics on standard error and an exit code.</summary>
internal static class Failures
{
    /// <summary>Runs a command; throws nothing.</summary>
    public static int Guard(CliHost host, Func<int> run, CancellationToken cancel) =>
        GuardAsync(host, () => Task.FromResult(run()), cancel).GetAwaiter().GetResult();

    /// <inheritdoc cref="Guard"/>
    public static async Task<int> GuardAsync(CliHost host, Func<Task<int>> run, CancellationToken cancel)
    {
        try
        {
            return await run();
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await host.Error.WriteLineAsync("posttraingate: canceled; no file was changed.");
            return ExitCodes.Canceled;
        }
        catch (GateException wrong)
        {
            foreach (var diagnostic in wrong.Diagnostics)
                Terminal.Error(host).Say(diagnostic.ToString(), Color.Red);
            return ExitCodes.BadInput;
        }
        catch (Exception file) when (file is IOException or UnauthorizedAccessException)
        {
            var line = new Diagnostic(DiagnosticCodes.ReportUnwritable, file.Message.Split('\n')[0].TrimEnd());
            Terminal.Error(host).Say(line.ToString(), Color.Red);
            return ExitCodes.BadInput;
        }
        catch (Exception defect)
        {
            Terminal.Error(host).Say(Internal(defect).ToString(), Color.Red);
            return ExitCodes.Internal;
        }
    }

    /// <summary>A defect, in one line.</summary>
    /// <param name="defect">What was thrown.</param>
    /// <param name="hint">How to see where, after a semicolon and a blank; empty where there is no way.</param>
    public static Diagnostic Internal(Exception defect, string hint = "")
    {
        var type = defect is EngineDefectException ? "" : $"{defect.GetType().Name}: "; // it names another's
        return new(DiagnosticCodes.Internal, $"{type}{defect.Message.Split('\n')[0].TrimEnd()}{hint}");
    }
}
