using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reporting;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace PostTrainGate.Cli.Output;

/// <summary>
/// For people. On a terminal with color and a live line of progress; elsewhere the same text without control codes.
/// </summary>
internal sealed class ConsoleOutput(CliHost host, Verbosity verbosity) : ICheckOutput
{
    private const int MostNoted = 12; // gates
    private const int MostOptions = 8; // candidates
    private const int MostWorsened = 20; // measures

    private readonly Terminal _out = Terminal.Out(host);

    /// <inheritdoc/>
    public async Task<GateResult> WatchAsync(Func<IProgress<RunProgress>, Task<GateResult>> work)
    {
        if (verbosity == Verbosity.Quiet)
            return await work(new Silence());
        if (!host.ErrorIsTerminal)
            return await PlainProgress.WatchAsync(host.Error, work);
        var console = Terminal.Error(host).Console;
        return await console
            .Status()
            .Spinner(Spinner.Known.Dots)
            .StartAsync("Reading model and data", async status =>
            {
                using var live = new Live(status, console.Profile.Width - 4);
                return await work(live);
            });
    }

    /// <inheritdoc/>
    public Task ShowAsync(
        GateResult result,
        GatePolicy policy,
        ImmutableSortedDictionary<string, string> files,
        CancellationToken cancel
    )
    {
        if (verbosity != Verbosity.Quiet)
            _out.Show(Gates(result));
        var color = result.Outcome switch
        {
            RunOutcome.Passed when ResultText.AllPass(result) => Color.Green,
            RunOutcome.Failed => Color.Red,
            _ => Color.Yellow,
        };
        _out.Say(ResultText.Headline(result), new Style(color, decoration: Decoration.Bold));
        if (verbosity == Verbosity.Quiet)
            return Task.CompletedTask;

        foreach (var gate in result.Gates)
            if (gate.Original is { Value: not null, Reason: { } why })
                _out.Say($"{gate.Title}: {why}.", Color.Yellow);
        foreach (var gate in result.Gates)
            if (gate.Trend is { } trend && TrendText.Shift(trend) is { } shift)
                _out.Say(
                    $"Trend: {gate.Title} is {shift.ToString(System.Globalization.CultureInfo.InvariantCulture)}."
                );
        if (Comparison.Sentence(result) is { } compared)
            _out.Say($"Against the base: {compared}");
        if (result.Repair is { } repair)
        {
            var cost = ResultText.Cost(repair) is { } text ? $" Accuracy {text}." : "";
            _out.Say($"Repair: {repair.Reason}{cost}");
            if (HarmText.Nothing(repair) is { } nothing)
                _out.Say(nothing);
            Worsened(repair);
            if (GateText.StoppedEarly(repair) is { } stopped)
                _out.Say(stopped, Color.Yellow);
            if (verbosity == Verbosity.Detailed)
                Tried(repair);
        }

        Show(ResultText.Remarks(result));
        Notes(result);
        foreach (var step in ResultText.NextSteps(result))
            _out.Say($"Next: {step.ToString(System.Globalization.CultureInfo.InvariantCulture)}");
        if (files.Count > 0)
            _out.Say(
                $"Reports: {Path.Combine(Path.GetDirectoryName(policy.File) ?? "", policy.Report.Folder)} "
                    + $"({string.Join(", ", files.Values.Select(Path.GetFileName))})"
            );
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task ShowFailureAsync(ImmutableArray<Diagnostic> diagnostics, CancellationToken cancel)
    {
        var error = Terminal.Error(host);
        foreach (var diagnostic in diagnostics)
            error.Say(diagnostic.ToString(), Weight(diagnostic.Severity));
        return Task.CompletedTask;
    }

    private void Show(ImmutableArray<Diagnostic> diagnostics)
    {
        foreach (var diagnostic in diagnostics)
            _out.Say(diagnostic.ToString(), Weight(diagnostic.Severity));
    }

    private void Worsened(RepairSummary repair)
    {
        var worsened = HarmText.Worsened(repair);
        var shown = verbosity == Verbosity.Detailed ? worsened.Length : MostWorsened;
        foreach (var harm in worsened.Take(shown))
            _out.Say($"Worse: {HarmText.Line(harm)}", Weight(harm.Standing));
        if (worsened.Length > shown)
            _out.Say($"Worse: {worsened.Length - shown} more measures; see the reports.", Color.Yellow);
    }

    private void Notes(GateResult result)
    {
        var noted = ResultText.Noted(result);
        var shown = verbosity == Verbosity.Detailed ? noted.Length : MostNoted;
        foreach (var gate in noted.Take(shown))
            _out.Say($"Note: {gate.Title}: {string.Join(" ", ResultText.Notes(gate).Take(2))}");
        if (noted.Length > shown)
            _out.Say($"Note: {noted.Length - shown} more gates have notes; see the reports.");
    }

    private static Table Gates(GateResult result)
    {
        var (hasBase, hasRepaired) = (
            result.Base is not { Unchanged: true } && result.Gates.Any(g => g.Base is not null),
            result.Gates.Any(g => g.Repaired is not null)
        );
        var table = new Table().Border(TableBorder.Minimal).AddColumns("Gate", "Threshold");
        if (hasBase)
            table.AddColumn("Base");
        table.AddColumn(Comparison.Model(result));
        if (hasRepaired)
            table.AddColumn("Repaired");
        table.AddColumn("Verdict");
        foreach (var gate in result.Gates)
        {
            List<IRenderable> cells = [Terminal.Cell(gate.Title), Terminal.Cell(gate.Threshold)];
            if (hasBase)
                cells.Add(Value(gate.Base));
            cells.Add(Value(gate.Original));
            if (hasRepaired)
                cells.Add(Value(gate.Repaired, $" {ResultText.Change(gate.Original, gate.Repaired)}"));
            cells.Add(Verdicts(gate));
            table.AddRow(cells);
        }

        return table;
    }

    private static Text Value(MeasuredValue? reading, string change = "") =>
        Terminal.Cell(
            reading is null
                ? ""
                : $"{GateText.Value(reading)}{change}"
                    + $"{(GateText.Effort(reading) is { Length: > 0 } effort ? $", {effort}" : "")}"
        );

    private static Paragraph Verdicts(GateReport gate)
    {
        var text = new Paragraph().Append(Outcomes.Words(gate), Weight(gate.Original.Verdict));
        return gate.Repaired is { } repaired
            ? text.Append(" -> ").Append(Outcomes.Words(repaired.Verdict), Weight(repaired.Verdict))
            : text;
    }

    private void Tried(RepairSummary repair)
    {
        var options = Candidates.Options(repair, MostOptions);
        if (options.Length > 0)
        {
            var table = new Table()
                .Border(TableBorder.Minimal)
                .AddColumns("Candidate", "Accuracy", "Gates lack", "Harm", "Changed", "");
            foreach (var c in options)
            {
                table.AddRow(
                    Terminal.Cell(c.Chosen ? $"{c.Title} (chosen)" : c.Title),
                    Terminal.Cell(Number(c.Accuracy)),
                    Terminal.Cell(Number(c.Gap)),
                    Terminal.Cell(Number(c.Harm)),
                    Terminal.Cell(c.Churn is { } share ? ResultText.Percent(share) : ""),
                    Terminal.Cell(Candidates.Note(c) ?? "")
                );
            }

            _out.Show(table);
        }

        foreach (var sentence in new[] { Candidates.Remark(repair), Candidates.Others(repair, options) })
            if (sentence.Length > 0)
                _out.Say(sentence);
        foreach (var c in Candidates.Untried(repair))
            _out.Say($"{c.Title} was not tried: {c.Note}");

        static string Number(double? value) => value is { } v ? Numbers.Measured(v) : "";
    }

    private static Style Weight(HarmStanding standing) =>
        standing switch
        {
            HarmStanding.Blocks => Color.Red,
            HarmStanding.Possible => Color.Yellow,
            _ => Style.Plain,
        };

    private static Style Weight(Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => Color.Green,
            Verdict.Fail => Color.Red,
            _ => Color.Yellow,
        };

    private static Style Weight(Severity severity) =>
        severity switch
        {
            Severity.Error => Color.Red,
            Severity.Warning => Color.Yellow,
            _ => Style.Plain,
        };

    // One line, as a folded one would move the cursor's home; the time goes on while the engine says nothing.
    private sealed class Live : IProgress<RunProgress>, IDisposable
    {
        private readonly ProgressClock _clock = new();
        private readonly Lock _lock = new();
        private readonly StatusContext _status;
        private readonly int _width;
        private readonly Timer _timer;

        public Live(StatusContext status, int width)
        {
            (_status, _width) = (status, width);
            _timer = new Timer(_ => Show(null), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        }

        public void Report(RunProgress value) => Show(value);

        public void Dispose() => _timer.Dispose();

        private void Show(RunProgress? value)
        {
            lock (_lock)
            {
                if (value is not null)
                    _clock.Note(value);
                if (_clock.Stage is not null)
                    _status.Status = Markup.Escape(_clock.Line(_width));
            }
        }
    }
}
