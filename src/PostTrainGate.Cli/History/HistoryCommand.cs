using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using PostTrainGate.Cli.Base;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Cli.Output;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.History;
using PostTrainGate.Reporting;
using Spectre.Console;

namespace PostTrainGate.Cli.History;

/// <summary>
/// <c>posttraingate history</c>: the gates over the runs of a history. <c>history append</c> adds the last run to one.
/// </summary>
internal sealed class HistoryCommand(CliHost host)
{
    /// <summary>How the gates are printed.</summary>
    internal enum Format
    {
        /// <summary>A table for people.</summary>
        Text,

        /// <summary>A list for programs.</summary>
        Json,
    }

    /// <summary>The command.</summary>
    public static Command Command(CliHost host)
    {
        var command = new Command("history", "Shows the gates over the runs of a history.")
        {
            Append(host),
            Compact(host),
        };
        var show = new Command("show", "The same as 'history' alone.");
        command.Add(show);
        foreach (var shows in new[] { command, show })
            Show(host, shows);
        return command;
    }

    private static Option<string> From() =>
        new("--from")
        {
            HelpName = "folder",
            Description = "The folder with the history's Parquet files.",
            DefaultValueFactory = _ => ".",
        };

    private static void Show(CliHost host, Command command)
    {
        var from = From();
        var policy = new Option<string?>("--policy")
        {
            HelpName = "text",
            Description = "Only policies with this in their path.",
        };
        var gate = new Option<string?>("--gate")
        {
            HelpName = "text",
            Description = "Only gates with this in their title.",
        };
        var last = new Option<int>("--last")
        {
            HelpName = "n",
            Description = "Most runs of each gate, the latest ones.",
            DefaultValueFactory = _ => Trends.MostRuns,
        };
        last.Validators.Add(result =>
        {
            if (result.GetValue(last) < 1)
                result.AddError("'--last' must be at least 1.");
        });
        var format = new Option<Format>("--format") { HelpName = "text|json", Description = "Output format." };
        foreach (var option in new Option[] { from, policy, gate, last, format })
            command.Add(option);
        command.SetAction(
            (parsed, cancel) =>
                Task.FromResult(
                    Failures.Guard(
                        host,
                        () =>
                            new HistoryCommand(host).Show(
                                parsed.GetValue(from)!,
                                s =>
                                    Has(s.Source.Policy, parsed.GetValue(policy)) && Has(s.Gate, parsed.GetValue(gate)),
                                parsed.GetValue(last),
                                parsed.GetValue(format),
                                cancel
                            ),
                        cancel
                    )
                )
        );

        static bool Has(string text, string? part) =>
            part is null || text.Contains(part, StringComparison.OrdinalIgnoreCase);
    }

    private static Command Append(CliHost host)
    {
        var report = new Argument<string>("report")
        {
            Description = "A gate-result.json, a folder of reports, or a policy with its report; default: here.",
            DefaultValueFactory = _ => ".",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var to = new Option<string>("--to")
        {
            HelpName = "folder",
            Description = "The folder with the history's Parquet files; it is made where it does not exist.",
            Required = true,
        };
        var command = new Command("append", "Adds the result of the last run to a history.") { report, to };
        command.SetAction(
            (parsed, cancel) =>
                Failures.GuardAsync(
                    host,
                    () =>
                        new HistoryCommand(host).AppendAsync(
                            parsed.GetValue(report) ?? ".",
                            parsed.GetRequiredValue(to),
                            cancel
                        ),
                    cancel
                )
        );
        return command;
    }

    private static Command Compact(CliHost host)
    {
        var from = From();
        var command = new Command("compact", "Makes one file of those of each month that has ended.") { from };
        command.SetAction(
            (parsed, cancel) =>
                Task.FromResult(
                    Failures.Guard(
                        host,
                        () =>
                        {
                            var folder = parsed.GetValue(from)!;
                            var now = TimeProvider.System.GetUtcNow();
                            var (before, after, refused) = new HistoryFolder(folder).Compact(now);
                            Terminal.Out(host).Say($"Files in {folder}: {after} now, {before} before.");
                            return Refused(host, refused);
                        },
                        cancel
                    )
                )
        );
        return command;
    }

    private async Task<int> AppendAsync(string report, string to, CancellationToken cancel)
    {
        var file = LastRun.FindFile(report)
            ?? throw LastRun.Wrong(
                report,
                "There is no report of a run here; run 'posttraingate check' first.",
                DiagnosticCodes.HistoryUnusable
            );
        var result = LastRun.Read(file, DiagnosticCodes.HistoryUnusable);
        var git = Checkout.RootOf(result.Policy, null) is { } root ? new GitRepository(host, root) : null;
        if (result.Commit is null && git is not null)
            result = result with { Commit = await git.CommitAsync("HEAD", cancel) };
        var reference = new ActionsEnvironment(host).ReferenceName
            ?? (git is null ? null : await git.BranchAsync(cancel));
        var rows = HistoryRow.From(result, RunHistory.Source(host, result.Policy), reference);
        if (rows.IsEmpty)
            throw LastRun.Wrong(
                file,
                "The run measured nothing, so that there is nothing to add.",
                DiagnosticCodes.HistoryUnusable
            );
        var history = new HistoryFolder(to);
        var word = File.Exists(history.FileOf(rows)) ? "Already there:" : "Added";
        var added = history.Append(rows);
        Terminal.Out(host).Say($"{word} {rows.Length} gates of {rows[0].Policy} as {added}");
        return 0;
    }

    private int Show(string from, Func<HistorySeries, bool> isWanted, int last, Format format, CancellationToken cancel)
    {
        var (rows, refused) = host.ReadHistory(from, cancel);
        var exitCode = Refused(host, refused);
        HistorySeries[] series = [.. Trends.Series(rows, last).Where(isWanted)];
        if (format == Format.Json)
            host.Out.WriteLine(new JsonArray([.. series.Select(Json)]).ToJsonString(new() { WriteIndented = true }));
        else
            Show(series);
        return exitCode;
    }

    // Tells what was refused, and what the exit code is for it.
    private static int Refused(CliHost host, ImmutableArray<Diagnostic> refused)
    {
        foreach (var diagnostic in refused)
            Terminal.Error(host).Say(diagnostic.ToString(), Color.Red);
        return refused.IsEmpty ? 0 : ExitCodes.BadInput;
    }

    private void Show(HistorySeries[] series)
    {
        var output = Terminal.Out(host);
        if (series.Length == 0)
            output.Say("The history has no such gate.");
        var isUnicode = output.Console.Profile.Capabilities.Unicode;
        foreach (var source in series.GroupBy(s => s.Source))
        {
            var leg = source.Key.Leg.Length > 0 ? $" ({source.Key.Leg})" : "";
            var runs = TrendText.Runs(source.Select(s => s.Trend), $"the last for {TrendText.Commit(Latest(source))}");
            output.Say($"{source.Key.Policy}{leg}: {runs.ToString(CultureInfo.InvariantCulture)}.");
            var table = new Table()
                .Border(TableBorder.Minimal)
                .AddColumns("Gate", "Runs", "Trend", "Last", "Change", "");
            foreach (var one in source)
            {
                var latest = one.Trend.Points[^1];
                var remarks = TrendText.Remarks(one.Trend).Select(r => r.ToString(CultureInfo.InvariantCulture));
                table.AddRow(
                    Terminal.Cell(one.Gate),
                    Terminal.Cell($"{one.Trend.Points.Length}"),
                    Terminal.Cell(TrendText.Line(one.Trend, isUnicode)),
                    Terminal.Cell(TrendText.Value(latest)),
                    Terminal.Cell(TrendText.Change(one.Trend)),
                    Terminal.Cell(string.Join("; ", remarks))
                );
            }

            output.Show(table);
        }
    }

    private static TrendPoint Latest(IEnumerable<HistorySeries> series) =>
        series.Select(s => s.Trend.Points[^1]).MaxBy(p => p.Time)!;

    private static JsonObject Json(HistorySeries series) =>
        new()
        {
            ["policy"] = series.Source.Policy,
            ["leg"] = series.Source.Leg,
            ["gate"] = series.Gate,
            ["better"] = HistoryColumns.Name(series.Trend.Better),
            ["shift"] = series.Trend.Shift is var (at, before, after)
                ? new JsonObject
                {
                    ["run"] = at,
                    ["commit"] = series.Trend.Points[at].Commit,
                    ["before"] = before,
                    ["after"] = after,
                }
                : null,
            ["runs"] = new JsonArray([
                .. series.Trend.Points.Select(p => new JsonObject
                {
                    ["time"] = p.Time.UtcDateTime,
                    ["commit"] = p.Commit,
                    ["value"] = p.Value,
                    ["lower"] = p.Lower,
                    ["upper"] = p.Upper,
                    ["verdict"] = HistoryColumns.Name(p.Verdict),
                    ["threshold"] = p.Threshold,
                    ["model_sha256"] = p.Model,
                }),
            ]),
        };
}
