using System.Collections.Immutable;
using System.CommandLine;
using PostTrainGate.Cli.History;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli;

/// <summary>The options that <c>check</c> and <c>merge</c> share: those that do not say how to measure.</summary>
/// <param name="baseline">What the baseline's reference is, for the help.</param>
/// <param name="baseModel">What its model is.</param>
internal sealed class ReportOptions(string baseline, string baseModel)
{
    private readonly Option<OutputFormat> _format = new("--format")
    {
        HelpName = "auto|console|msbuild|github|json",
        Description = "Output format (auto: github inside Actions, console otherwise).",
    };

    private readonly Option<Verbosity> _verbosity = new("--verbosity", "-v")
    {
        HelpName = "quiet|normal|detailed",
        Description = "How much to print.",
        DefaultValueFactory = _ => Verbosity.Normal,
    };

    private readonly Option<Severity> _severity = new("--severity")
    {
        HelpName = "error|warning|note",
        Description = "What a gate that does not pass reports at most; only an error makes the run fail.",
        DefaultValueFactory = _ => Severity.Error,
    };

    private readonly Option<string?> _base = new("--base") { HelpName = "ref", Description = baseline };

    private readonly Option<string?> _baseModel = new("--base-model") { HelpName = "file", Description = baseModel };

    private readonly Option<CommentMode> _comment = new("--comment")
    {
        HelpName = "always|failures|never",
        Description = "When to comment on the pull request (github).",
    };

    private readonly Option<string?> _history = new("--history")
    {
        HelpName = "folder",
        Description = "Show the trend over the runs of this folder; a run of the default branch in Actions is added.",
    };

    private readonly Option<string?> _historyBranch = new("--history-branch")
    {
        HelpName = "branch|none",
        Description = "The same of a branch of the repository, unless '--history' names a folder (github).",
    };

    /// <summary>All of them.</summary>
    public ImmutableArray<Option> All =>
        [_format, _verbosity, _severity, _base, _baseModel, _history, _historyBranch, _comment];

    /// <summary>What was given.</summary>
    public CheckOptions Read(ParseResult parsed) =>
        new()
        {
            Format = parsed.GetValue(_format),
            Verbosity = parsed.GetValue(_verbosity),
            Severity = parsed.GetValue(_severity),
            Base = parsed.GetValue(_base),
            BaseModel = parsed.GetValue(_baseModel),
            History = parsed.GetValue(_history),
            HistoryBranch =
                parsed.GetValue(_history) is null
                && parsed.GetValue(_historyBranch) is { Length: > 0 } branch and not RunHistory.None
                    ? branch
                    : null,
            Comment = parsed.GetValue(_comment),
        };
}
