using System.Globalization;
using PostTrainGate.Cli.Base;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.History;

namespace PostTrainGate.Cli.History;

/// <summary>
/// The history of a check: earlier runs become the trend of each gate, and a run of the default branch is added. What
/// is wrong with a history is a warning: no verdict depends on it.
/// </summary>
internal sealed class RunHistory(CliHost host, CheckOptions options)
{
    /// <summary>The value of <c>--history-branch</c> for none.</summary>
    public const string None = "none";

    /// <summary>Whose results a policy's are.</summary>
    public static HistorySource Source(CliHost host, string policyFile)
    {
        var actions = new ActionsEnvironment(host);
        var file = Path.GetFullPath(policyFile);
        var path = Checkout.RootOf(file, actions.GivenWorkspace) is { } root ? Checkout.Below(root, file) : null;
        return new(path ?? policyFile.Replace('\\', '/'), actions.Id);
    }

    /// <summary>Adds the trends to a result, and the result to the history where it belongs there.</summary>
    public async Task<GateResult> AddAsync(GateResult result, GatePolicy policy, CancellationToken cancel)
    {
        if (options is { History: null, HistoryBranch: null })
            return result;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        stop.CancelAfter(host.HistoryTime);
        try
        {
            return await AddInTimeAsync(result, policy, stop.Token);
        }
        catch (GateException wrong)
        {
            return With(result, wrong.Diagnostics);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return With(result, [new(DiagnosticCodes.HistoryUnusable, $"The history cannot be used: {e.Message}")]);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            var time = string.Create(CultureInfo.InvariantCulture, $"{host.HistoryTime.TotalSeconds:0.###} s");
            return With(result, [new(DiagnosticCodes.HistoryUnusable, $"The history took longer than {time}.")]);
        }
    }

    private async Task<GateResult> AddInTimeAsync(GateResult result, GatePolicy policy, CancellationToken cancel)
    {
        using var branch = options.HistoryBranch is { } name ? await HistoryBranch.OpenAsync(host, name, cancel) : null;
        var source = Source(host, policy.File);
        var folder = options.History ?? branch!.Folder;
        var adds = GitHubEvent.IsOfDefaultBranch(host);
        if (adds)
            Directory.CreateDirectory(folder); // the first run finds none
        var (rows, refused) = await Task.Run(() => host.ReadHistory(folder, cancel), cancel);
        result = With(Trends.Add(result, rows, source), refused);
        var added = HistoryRow.From(result, source, new ActionsEnvironment(host).ReferenceName);
        if (added.IsEmpty || !adds)
            return result;
        try
        {
            if (branch is not null)
                await branch.AppendAsync(added, cancel);
            else
                new HistoryFolder(folder).Append(added);
            return result;
        }
        catch (GateException wrong)
        {
            return With(result, wrong.Diagnostics); // the trend is there all the same
        }
    }

    private static GateResult With(GateResult result, IEnumerable<Diagnostic> diagnostics) =>
        result with
        {
            Diagnostics = [.. result.Diagnostics, .. diagnostics.Select(d => d with { Severity = Severity.Warning })],
        };
}
