using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Cli.GitHub.Fix;
using PostTrainGate.Cli.Output;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Reporting;

namespace PostTrainGate.Cli.GitHub;

/// <summary>
/// Inside GitHub Actions: the console's text in the log, annotations at the policy's lines, the job summary, the step's
/// outputs, and one comment on the pull request. Where GitHub refuses the comment, the rest says so.
/// </summary>
internal sealed class GitHubOutput : ICheckOutput
{
    private readonly CliHost _host;
    private readonly CheckOptions _options;
    private readonly ActionsEnvironment _actions;
    private readonly GitHubWorkflow _workflow;
    private readonly ConsoleOutput _console;

    /// <summary>Starts with the log as plain text.</summary>
    public GitHubOutput(CliHost host, CheckOptions options)
    {
        (_host, _options, _actions) = (
            host with
            {
                OutIsTerminal = false,
                ErrorIsTerminal = false,
            },
            options,
            new(host)
        );
        _workflow = new(host.Out, _actions);
        _console = new(_host, options.Verbosity);
        _workflow.Stop();
    }

    /// <inheritdoc/>
    public Task<GateResult> WatchAsync(Func<IProgress<RunProgress>, Task<GateResult>> work) =>
        _console.WatchAsync(work);

    /// <inheritdoc/>
    public async Task ShowAsync(
        GateResult result,
        GatePolicy policy,
        ImmutableSortedDictionary<string, string> files,
        CancellationToken cancel
    )
    {
        // Before anything is told of it: the comment names the commit, or why there is none.
        (result, var fix) = await FixAsync(result, policy, cancel);
        await _console.ShowAsync(result, policy, files, cancel);
        var text = new MarkdownReport().Render(result);
        _workflow.Annotate(result.Diagnostics);
        _workflow.Summarize(text);
        _workflow.Set([
            ("outcome", result.Outcome.ToString().ToLowerInvariant()),
            ("report", _actions.Relative(Path.Combine(policy.Folder, policy.Report.Folder))),
            ("json", files.TryGetValue("json", out var json) ? _actions.Relative(json) : ""),
            ("sarif", files.TryGetValue("sarif", out var sarif) ? _actions.Relative(sarif) : ""),
            (
                "repaired-model",
                result.Repair?.Output is { } output ? _actions.Relative(Path.Combine(policy.Folder, output)) : ""
            ),
            ("fix", fix),
        ]);
        await CommentAsync(text, result.Outcome, cancel);
    }

    // The result with what became of the repaired model, and the commit or pull request that proposes it.
    private async Task<(GateResult Result, string Reference)> FixAsync(
        GateResult result,
        GatePolicy policy,
        CancellationToken cancel
    )
    {
        if (_options.Fix == FixMode.Artifact || result.Repair is not { Proposed: true, Output: not null })
            return (result, "");
        try
        {
            var made = await new ProposeRepair(_host, result, policy).RunAsync(_options.Fix, cancel);
            return (result with { Proposal = made.Text }, made.Reference);
        }
        catch (RepairRefusedException refused)
        {
            var diagnostic = new Diagnostic(
                DiagnosticCodes.RepairNotApplied,
                $"The repaired model was not proposed: {refused.Message} It is in the file "
                    + $"{_actions.Relative(Path.Combine(policy.Folder, result.Repair.Output))}, which the workflow can "
                    + "upload as an artifact.",
                Severity: Severity.Warning
            );
            return (result with { Diagnostics = [.. result.Diagnostics, diagnostic] }, "");
        }
    }

    /// <inheritdoc/>
    public async Task ShowFailureAsync(ImmutableArray<Diagnostic> diagnostics, CancellationToken cancel)
    {
        await _console.ShowFailureAsync(diagnostics, cancel);
        var text = MarkdownReport.Failure(_actions.Relative(_options.PolicyFile), diagnostics);
        _workflow.Annotate(diagnostics);
        _workflow.Summarize(text);
        _workflow.Set([
            ("outcome", "error"),
            ("report", ""),
            ("json", ""),
            ("sarif", ""),
            ("repaired-model", ""),
            ("fix", ""),
        ]);
        // a comment of an earlier run must not go on saying that all is well
        await CommentAsync(text, outcome: null, cancel);
    }

    private async Task CommentAsync(string text, RunOutcome? outcome, CancellationToken cancel)
    {
        if (_options.Comment == CommentMode.Never || GitHubEvent.PullRequestOf(_host) is not { } pullRequest)
            return;
        if (GitHubApi.Open(_host, _host.CommentTime) is not { } api)
        {
            Degrade("there is no token");
            return;
        }

        try
        {
            var id = _actions.Id;
            var marker = CommentMarker.For(_actions.Relative(_options.PolicyFile), _actions.Run, id) with
            {
                Outcome = outcome,
            };
            var create = _options.Comment == CommentMode.Always || outcome != RunOutcome.Passed;
            var written = await new PullRequestComment(api, pullRequest.Number, pullRequest.HeadSha).UpsertAsync(
                marker,
                Named(text, id) + Foot(pullRequest),
                create,
                cancel
            );
            _host.Out.WriteLine(
                $"Comment on pull request {pullRequest.Number.ToString(CultureInfo.InvariantCulture)}: "
                    + $"{Words(written)}."
            );
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Degrade(GitHubApi.Why(e));
        }
    }

    // Legs of a matrix are told apart in the heading.
    private static string Named(string text, string id)
    {
        var end = text.IndexOf('\n', StringComparison.Ordinal);
        return id.Length == 0 || end < 0 ? text : text.Insert(end, $" ({Markdown.Text(id, 100)})");
    }

    // What the report itself cannot know.
    private string Foot(PullRequestEvent pullRequest)
    {
        var commit = Markdown.Code(pullRequest.HeadSha.Length >= 7 ? pullRequest.HeadSha[..7] : pullRequest.HeadSha);
        return _actions.RunPage is { } page
            ? $"\n<sub>[The run]({page}) for {commit} has the log and the job summary.</sub>\n"
            : $"\n<sub>The run is for {commit}.</sub>\n";
    }

    private void Degrade(string reason)
    {
        var diagnostic = new Diagnostic(
            DiagnosticCodes.GitHubDegraded,
            $"The pull request comment could not be written ({reason}); the report is in the job summary. "
                + "The job needs 'permissions: pull-requests: write', which pull requests from forks do not get.",
            Severity: Severity.Warning
        );
        _workflow.Annotate([diagnostic]);
        _workflow.Summarize($"> ⚠️ {Markdown.Text(diagnostic.Message)} ({diagnostic.Code})");
    }

    private static string Words(CommentOutcome outcome) =>
        outcome switch
        {
            CommentOutcome.Created => "created",
            CommentOutcome.Updated => "updated",
            CommentOutcome.Stale => "unchanged, because a later run wrote it",
            _ => "not needed",
        };
}
