using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli;

/// <summary>Who reads the output.</summary>
internal enum OutputFormat
{
    /// <summary>GitHub inside Actions, a console otherwise.</summary>
    Auto,

    /// <summary>A person or a plain log.</summary>
    Console,

    /// <summary>MSBuild and editors: canonical lines.</summary>
    MSBuild,

    /// <summary>GitHub Actions: annotations, job summary, outputs, pull request comment.</summary>
    GitHub,

    /// <summary>A program: the result as JSON.</summary>
    Json,
}

/// <summary>How much is said.</summary>
internal enum Verbosity
{
    /// <summary>The outcome and what is wrong.</summary>
    Quiet,

    /// <summary>The table of gates, what is proposed, progress.</summary>
    Normal,

    /// <summary>Also every candidate of the repair, and the trace of an internal error.</summary>
    Detailed,
}

/// <summary>When a comment is made on the pull request.</summary>
internal enum CommentMode
{
    /// <summary>On every run.</summary>
    Always,

    /// <summary>When the run does not pass; a comment that is there is brought up to date in any case.</summary>
    Failures,

    /// <summary>Not at all.</summary>
    Never,
}

/// <summary>What becomes of a repaired model in a pull request.</summary>
internal enum FixMode
{
    /// <summary>A file, which the workflow may upload.</summary>
    Artifact,

    /// <summary>A commit on the pull request's branch.</summary>
    Commit,

    /// <summary>A pull request of its own against the pull request's branch.</summary>
    PullRequest,
}

/// <summary>What <c>posttraingate check</c> was asked.</summary>
internal sealed record CheckOptions
{
    /// <summary>The policy, or a folder that holds it.</summary>
    public string Path { get; init; } = ".";

    /// <summary>The policy's file as messages name it: "." would make each of them start with "./".</summary>
    public string PolicyFile =>
        Directory.Exists(Path) ? System.IO.Path.Combine(Path is "." or "./" ? "" : Path, PolicyReader.FileName)
        : Path.StartsWith("./", StringComparison.Ordinal) ? Path[2..]
        : Path;

    /// <summary>Who reads the output.</summary>
    public OutputFormat Format { get; init; }

    /// <summary>How much is said.</summary>
    public Verbosity Verbosity { get; init; } = Verbosity.Normal;

    /// <summary>Whether a failing gate may be repaired.</summary>
    public bool Repair { get; init; } = true;

    /// <summary>Whether every input is attacked, also where the verdict is certain before.</summary>
    public bool Full { get; init; }

    /// <summary>Where the model computes; null: as the policy says.</summary>
    public DeviceChoice? Device { get; init; }

    /// <summary>What a gate that does not pass comes to at most, besides what the policy says.</summary>
    public Severity Severity { get; init; } = Severity.Error;

    /// <summary>Where runs leave what they found for later ones; null: the user's own folder for caches.</summary>
    public string? Cache { get; init; }

    /// <summary>Whether a run takes and leaves nothing.</summary>
    public bool NoCache { get; init; }

    /// <summary>The base of the event that Actions runs for, where a reference is asked for.</summary>
    public const string EventBase = "event";

    /// <summary>
    /// A git reference whose policy applies and whose model is the baseline, or <see cref="EventBase"/>; null: the
    /// event's inside Actions, but for builds.
    /// </summary>
    public string? Base { get; init; }

    /// <summary>The baseline model itself.</summary>
    public string? BaseModel { get; init; }

    /// <summary>Which shard of the work is measured, as given; null: all of it.</summary>
    public string? Shard { get; init; }

    /// <summary>Where a shard writes its part.</summary>
    public string? Part { get; init; }

    /// <summary>Parts of all shards, whose work is not done again; null: there are none.</summary>
    public ImmutableArray<string>? Parts { get; init; }

    /// <summary>Where to list the files that the run depends on.</summary>
    public string? InputsFile { get; init; }

    /// <summary>What becomes of a repaired model in a pull request.</summary>
    public FixMode Fix { get; init; }

    /// <summary>Folder with the results of earlier runs; null: none is read.</summary>
    public string? History { get; init; }

    /// <summary>Branch with the results of earlier runs; null: none is read.</summary>
    public string? HistoryBranch { get; init; }

    /// <summary>When a comment is made on the pull request.</summary>
    public CommentMode Comment { get; init; }
}
