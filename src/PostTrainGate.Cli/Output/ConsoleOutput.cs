using System.Collections.Immutable;
using System.Diagnostics;
using PostTrainGate.Policy;
using PostTrainGate.Reporting;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace PostTrainGate.Cli.Output;

/// <summary>For people. On a terminal with colour and a live line of progress; elsewhere the same text without control codes.</summary>
internal sealed class ConsoleOutput(CliHost host, Verbosity verbosity) : ICheckOutput
{
    private readonly IAnsiConsole _out = Open(host.Out, host.OutIsTerminal, host);

    /// <inheritdoc/>
    public async Task<GateResult> WatchAsync(Func<IProgress<RunProgress>, Task<GateResult>> work)
    {
        if (verbosity == Verbosity.Quiet) return await work(new Silence());
        if (!host.ErrorIsTerminal) return await work(new PlainProgress(host.Error));
        var console = Open(host.Error, terminal: true, host);
        return await console.Status().Spinner(Spinner.Known.Dots).StartAsync("Reading model and data", status => work(new Live(status, console.Profile.Width - 4)));
    }

    /// <inheritdoc/>
    public Task ShowAsync(GateResult result, GatePolicy policy, ImmutableSortedDictionary<string, string> files, CancellationToken cancel)
    {
        if (verbosity != Verbosity.Quiet) Show(Gates(result));
        var colour = result.Outcome switch { RunOutcome.Passed => Color.Green, RunOutcome.Failed => Color.Red, _ => Color.Yellow };
        Say(ResultText.Headline(result), new Style(colour, decoration: Decoration.Bold));
        if (verbosity == Verbosity.Quiet) return Task.CompletedTask;

        if (result.Repair is { } repair)
        {
            var cost = ResultText.Cost(repair) is { } text ? $" Accuracy {text}." : "";
            Say($"Repair: {repair.Reason}{cost}");
            if (verbosity == Verbosity.Detailed && repair.Candidates.Length > 0) Show(Candidates(repair));
        }

        Show(ResultText.Remarks(result));
        foreach (var step in ResultText.NextSteps(result)) Say($"Next: {step.ToString(System.Globalization.CultureInfo.InvariantCulture)}");
        if (files.Count > 0)
            Say($"Reports: {Path.Combine(Path.GetDirectoryName(policy.File) ?? "", policy.Report.Folder)} ({string.Join(", ", files.Values.Select(Path.GetFileName))})");
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task ShowFailureAsync(ImmutableArray<Diagnostic> diagnostics, CancellationToken cancel)
    {
        var console = Open(host.Error, host.ErrorIsTerminal, host);
        foreach (var diagnostic in diagnostics) Say(console, host.Error, host.ErrorIsTerminal, diagnostic.ToString(), Weight(diagnostic.Severity));
        return Task.CompletedTask;
    }

    private void Show(ImmutableArray<Diagnostic> diagnostics)
    {
        foreach (var diagnostic in diagnostics) Say(diagnostic.ToString(), Weight(diagnostic.Severity));
    }

    // In a log the padding that completes a table's rectangle is only noise.
    private void Show(Table table)
    {
        if (host.OutIsTerminal)
        {
            _out.Write(table);
            return;
        }

        using var text = new StringWriter();
        Open(text, terminal: false, host).Write(table);
        foreach (var line in text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.TrimEnd()).Where(l => l.Length > 0)) host.Out.WriteLine(line);
    }

    private static Table Gates(GateResult result)
    {
        var (hasBase, hasRepaired) = (result.Gates.Any(g => g.Base is not null), result.Gates.Any(g => g.Repaired is not null));
        var table = new Table().Border(TableBorder.Minimal).AddColumns("Gate", "Threshold");
        if (hasBase) table.AddColumn("Base");
        table.AddColumn("Original");
        if (hasRepaired) table.AddColumn("Repaired");
        table.AddColumn("Verdict");
        foreach (var gate in result.Gates)
        {
            List<IRenderable> cells = [Cell(gate.Title), Cell(gate.Threshold)];
            if (hasBase) cells.Add(Cell(gate.Base is { } b ? GateText.Value(b) : ""));
            cells.Add(Cell(GateText.Value(gate.Original)));
            if (hasRepaired) cells.Add(Cell(gate.Repaired is { } r ? $"{GateText.Value(r)} {ResultText.Change(gate.Original, r)}" : ""));
            cells.Add(Verdicts(gate));
            table.AddRow(cells);
        }

        return table;
    }

    private static Paragraph Verdicts(GateReading gate)
    {
        var text = new Paragraph().Append(Outcomes.Words(gate.Original.Verdict), Weight(gate.Original.Verdict));
        return gate.Repaired is { } repaired ? text.Append(" -> ").Append(Outcomes.Words(repaired.Verdict), Weight(repaired.Verdict)) : text;
    }

    private static Table Candidates(RepairSummary repair)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns("Candidate", "Objective", "Accuracy", "");
        foreach (var c in repair.Candidates)
        {
            table.AddRow(Cell(c.Chosen ? $"{c.Method} (chosen)" : c.Method), Cell(Number(c.Objective)), Cell(Number(c.Accuracy)),
                Cell(c.Note ?? (c.Accuracy is not null && !c.Admissible ? "costs too much accuracy" : "")));
        }

        return table;

        static string Number(double? value) => value is { } v ? GateText.Measured(v) : "";
    }

    // Text objects, not markup: nothing in a name is read as a style.
    private static Text Cell(string text) => new(Untrusted.Clean(text));

    private void Say(string text, Style? style = null) => Say(_out, host.Out, host.OutIsTerminal, text, style);

    // A terminal folds between words; in a log a message stays one line, so that other programs recognise it.
    private static void Say(IAnsiConsole console, TextWriter writer, bool terminal, string text, Style? style)
    {
        var clean = Untrusted.Clean(text, 4000);
        if (terminal) console.Write(new Text(clean + "\n", style));
        else writer.WriteLine(clean);
    }

    private static Style Weight(Verdict verdict) => verdict switch
    {
        Verdict.Pass => Color.Green,
        Verdict.Fail => Color.Red,
        _ => Color.Yellow,
    };

    private static Style Weight(Severity severity) => severity switch
    {
        Severity.Error => Color.Red,
        Severity.Warning => Color.Yellow,
        _ => Style.Plain,
    };

    private static IAnsiConsole Open(TextWriter writer, bool terminal, CliHost host)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = terminal && host.Variable("NO_COLOR") is null ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = terminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!terminal) console.Profile.Width = 10_000; // a log is not folded
        return console;
    }

    // One line, as a folded one would move the cursor's home.
    private sealed class Live(StatusContext status, int width) : IProgress<RunProgress>
    {
        private readonly Stopwatch _total = Stopwatch.StartNew();

        public void Report(RunProgress value)
        {
            var time = $" ({_total.Elapsed.TotalSeconds:0} s)";
            status.Status = Markup.Escape(Untrusted.Clean(Progresses.Line(value), Math.Max(20, width - time.Length - 1)) + time);
        }
    }
}
