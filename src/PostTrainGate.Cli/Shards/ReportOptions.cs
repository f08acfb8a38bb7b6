using System.Collections.Immutable;
using System.CommandLine;
using PostTrainGate.Foundation;

namespace PostTrainGate.Cli.Shards;

/// <summary>The options of <c>merge</c>: those of <c>check</c> that do not say how to measure.</summary>
internal sealed class ReportOptions
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

    private readonly Option<string?> _base = new("--base")
    {
        HelpName = "ref",
        Description = "Git reference whose policy applies and whose model is the baseline; the same as of the shards.",
    };

    private readonly Option<string?> _baseModel = new("--base-model")
    {
        HelpName = "file",
        Description = "The baseline model; the same as of the shards.",
    };

    private readonly Option<CommentMode> _comment = new("--comment")
    {
        HelpName = "always|failures|never",
        Description = "When to comment on the pull request (github).",
    };

    /// <summary>All of them.</summary>
    public ImmutableArray<Option> All => [_format, _verbosity, _severity, _base, _baseModel, _comment];

    /// <summary>What was given.</summary>
    public CheckOptions Read(ParseResult parsed) =>
        new()
        {
            Format = parsed.GetValue(_format),
            Verbosity = parsed.GetValue(_verbosity),
            Severity = parsed.GetValue(_severity),
            Base = parsed.GetValue(_base),
            BaseModel = parsed.GetValue(_baseModel),
            Comment = parsed.GetValue(_comment),
        };
}
