using System.Text.Json.Nodes;
using PostTrainGate.Cli;
using PostTrainGate.Cli.Engine;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.History;

public sealed class HistoryCommandTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    private string Folder => _place.Folder.Path("history");

    [Fact]
    public async Task Runs_that_are_added_show_their_trend()
    {
        var repository = new GitFolder(_place.Folder.Root);
        var commit = repository.Commit("all");
        for (var run = 0; run < 11; run++)
            await Add(SampleResults.Day(SampleResults.Repaired, run));
        await Add(SampleResults.Repaired);
        Clear();
        Assert.Equal(0, await Run("history", "--from", Folder, "--gate", "parity"));
        Assert.StartsWith(
            $"posttraingate.yml: 12 runs since 2026-11-19, the last for {commit[..7]}; new model since {commit[..7]} "
                + "(2026-11-30).\n",
            _place.Out,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "│ 12   │ ▆▆▆▆▆▆▆│▃▃▃▃▃ │ -0.187 [-0.259, -0.115] │ +0.003 │",
            _place.Out,
            StringComparison.Ordinal
        );
        Assert.Contains(" worse since ", _place.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("robust accuracy", _place.Out, StringComparison.Ordinal);

        Clear();
        Assert.Equal(0, await Run("history", "show", "--from", Folder, "--last", "3", "--format", "json"));
        var gates = JsonNode.Parse(_place.Out)!.AsArray();
        Assert.Equal(5, gates.Count);
        Assert.All(gates, g => Assert.Equal(3, g!["runs"]!.AsArray().Count));
        Assert.Equal("near_zero", (string)gates[1]!["better"]!);
        Assert.Null(gates[1]!["shift"]); // the last three agree
        Assert.Equal(commit, (string)gates[1]!["runs"]![2]!["commit"]!);
    }

    [Fact]
    public async Task A_report_shows_the_trend_of_a_folder_and_adds_nothing_to_it()
    {
        File.AppendAllText(_place.PolicyFile, "\nreport: { html: true }\n");
        await Add(SampleResults.Day(SampleResults.Passed, 0));
        await Add(SampleResults.Day(SampleResults.Passed, 1));
        Assert.Equal(0, await _place.RunAsync(SampleResults.Passed, "--history", Folder));
        var page = File.ReadAllText(_place.Folder.Path("posttraingate-report/gate-report.html"));
        Assert.Contains("<figcaption>Trend over 3 runs: +0.005 from the run before", page, StringComparison.Ordinal);
        Assert.Contains(
            "<summary>Trend over 3 runs</summary>",
            File.ReadAllText(_place.Folder.Path("posttraingate-report/gate-report.md")),
            StringComparison.Ordinal
        );
        Assert.Equal(2, Directory.GetFiles(Folder, "*.parquet", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public async Task A_history_that_is_none_is_a_warning_and_changes_no_verdict()
    {
        _place.Folder.Write("history/foreign.parquet", "x");
        Assert.Equal(0, await _place.RunAsync(SampleResults.Passed, "--history", Folder));
        Assert.Matches(@"foreign\.parquet: warning PTG6006: The file is no part of a history", _place.Out);
        Clear();
        Assert.Equal(1, await _place.RunAsync(SampleResults.Rejected, "--history", _place.Folder.Path("nowhere")));
        Assert.Matches(@"nowhere: warning PTG6006: The history cannot be read", _place.Out);
    }

    [Fact]
    public async Task What_cannot_be_shown_or_added_is_said()
    {
        Assert.Equal(2, await Run("history", "--from", Folder));
        Assert.Contains("history: error PTG6006: ", _place.Error, StringComparison.Ordinal);
        Assert.Equal(2, await Run("history", "append", _place.Folder.Root, "--to", Folder));
        Assert.Contains("PTG6006: There is no report of a run here", _place.Error, StringComparison.Ordinal);
        Assert.Equal(2, await Run("history", "append", _place.Folder.Write("x.json", "{}"), "--to", Folder));
        Assert.Contains("x.json: error PTG6006: This is no result of a run", _place.Error, StringComparison.Ordinal);
        await _place.RunAsync(SampleResults.Passed with { Run = null });
        Assert.Equal(2, await Run("history", "append", _place.Folder.Root, "--to", Folder));
        Assert.Contains("PTG6006: The run measured nothing", _place.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Folder));
        Assert.Equal(2, await Run("history", "--last", "0"));
        Assert.Contains("'--last' must be at least 1.", _place.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_foreign_file_is_named_beside_what_can_be_shown()
    {
        await Add(SampleResults.Passed);
        var foreign = _place.Folder.Write("history/foreign.parquet", "x");
        Assert.Equal(2, await Run("history", "--from", Folder));
        Assert.Contains($"{foreign}: error PTG6006: ", _place.Error, StringComparison.Ordinal);
        Assert.Contains("│ 1 ", _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_is_added_twice_is_there_once_and_is_said_to_be()
    {
        await Add(SampleResults.Passed);
        Assert.StartsWith("Added ", _place.Out[_place.Out.LastIndexOf("Added", StringComparison.Ordinal)..]);
        Clear();
        Assert.Equal(0, await Run("history", "append", _place.Folder.Root, "--to", Folder));
        Assert.StartsWith("Already there: ", _place.Out, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(Folder, "*.parquet", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_process_of_its_own_reads_what_this_one_would()
    {
        var history = new HistoryFolder(Folder);
        history.Append(HistoryRow.From(SampleResults.Repaired, new("p.yml"), "main"));
        _place.Folder.Write("history/foreign.parquet", "x");
        var (rows, refused) = SupervisedEngine.ReadHistory(Folder, TestContext.Current.CancellationToken);
        var own = history.Read();
        Assert.Equal(own.Rows.Select(Figures), rows.Select(Figures));
        Assert.Equal(own.Refused, refused);

        static object Figures(HistoryRow row) =>
            (row.Time, row.Time.Kind, row.GateId, row.Epsilon, row.Better, row.Original.Value, row.Repaired?.Upper);
    }

    private async Task Add(GateResult result)
    {
        // As check writes it, less the commit, which only Actions tells.
        await _place.RunAsync(result with { Policy = _place.PolicyFile }, "--no-repair");
        Assert.Equal(0, await Run("history", "append", _place.Folder.Root, "--to", Folder));
    }

    private void Clear()
    {
        ((StringWriter)_place.Host.Out).GetStringBuilder().Clear();
        ((StringWriter)_place.Host.Error).GetStringBuilder().Clear();
    }

    private Task<int> Run(params string[] args) =>
        CommandLine.RunAsync(args, _place.Host, TestContext.Current.CancellationToken);
}
