using PostTrainGate.Cli.Engine;
using PostTrainGate.Cli.Init;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Models;

namespace PostTrainGate.Cli;

/// <summary>Runs a policy: <see cref="Gate.Run"/>, or what a test puts in its place.</summary>
internal delegate GateResult RunGate(
    GatePolicy policy,
    GateOptions? options,
    IProgress<RunProgress>? progress,
    CancellationToken cancel
);

/// <summary>
/// All that the command line touches of the process it runs in, so that it can be run inside another one.
/// </summary>
internal sealed record CliHost
{
    /// <summary>Standard output.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Standard error: progress, and what is wrong with the call.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Whether a person looks at <see cref="Out"/>.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>Whether a person looks at <see cref="Error"/>.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>An environment variable; null when it is not set or empty.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>The engine.</summary>
    public RunGate Run { get; init; } = Gate.Run;

    /// <summary>Looks at a model.</summary>
    public Func<string, CancellationToken, ModelInspection> Inspect { get; init; } =
        (file, _) => ModelInspection.Inspect(file);

    /// <summary>Looks at the data of a policy.</summary>
    public Func<GatePolicy, CancellationToken, DataLook> Look { get; init; } = (policy, _) => DataLook.Read(policy);

    /// <summary>Reads a history, whose files may be a stranger's.</summary>
    public Func<string, CancellationToken, HistoryRead> ReadHistory { get; init; } =
        (folder, _) => new HistoryFolder(folder).Read();

    /// <summary>Asks a person; null where none is there.</summary>
    public AskPerson? Ask { get; init; }

    /// <summary>
    /// Where runs leave what they found for later ones, unless the call names a folder; null: nowhere.
    /// </summary>
    public string? CacheFolder { get; init; }

    /// <summary>
    /// How long to wait before a failed call of GitHub is tried again; each further wait is twice as long.
    /// </summary>
    public TimeSpan RetryWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long reading the base from GitHub may take in all.</summary>
    public TimeSpan BaseTime { get; init; } = TimeSpan.FromSeconds(35);

    /// <summary>How long the comment may take in all.</summary>
    public TimeSpan CommentTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long proposing the repaired model may take in all: it is uploaded.</summary>
    public TimeSpan FixTime { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>How long a history may take in all: it may be fetched and pushed.</summary>
    public TimeSpan HistoryTime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>This process.</summary>
    public static CliHost OfProcess() =>
        new()
        {
            Out = Console.Out,
            Error = Console.Error,
            OutIsTerminal = !Console.IsOutputRedirected,
            ErrorIsTerminal = !Console.IsErrorRedirected,
            CacheFolder = RunCache.DefaultFolder,
            Run = SupervisedEngine.Run,
            Inspect = SupervisedEngine.Inspect,
            Look = SupervisedEngine.Look,
            ReadHistory = SupervisedEngine.ReadHistory,
            Ask = Console.IsInputRedirected || Console.IsOutputRedirected ? null : Question.OnTerminal,
            Variable = name => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null,
        };
}
