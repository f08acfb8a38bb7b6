using System.CommandLine;
using System.Globalization;
using PostTrainGate.Cli.Output;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reading;
using PostTrainGate.Reporting;
using Spectre.Console;

namespace PostTrainGate.Cli.Explain;

/// <summary><c>posttraingate explain</c>: what a gate's figure is made of.</summary>
internal sealed class ExplainCommand(CliHost host)
{
    /// <summary>The command.</summary>
    public static Command Command(CliHost host)
    {
        var gate = new Argument<string>("gate")
        {
            Description = "The gate: its number in the policy, or a part of its title or metric.",
        };
        var path = new Argument<string>("policy")
        {
            Description = $"The policy, or a folder that contains {PolicyReader.FileName}.",
            DefaultValueFactory = _ => ".",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("explain", "Shows the rows, groups and rates behind a gate's figure.") { gate, path };
        command.SetAction(
            (parsed, cancel) =>
                Task.FromResult(
                    Failures.Guard(
                        host,
                        () =>
                            new ExplainCommand(host).Run(
                                parsed.GetRequiredValue(gate),
                                parsed.GetValue(path) ?? ".",
                                cancel
                            ),
                        cancel
                    )
                )
        );
        return command;
    }

    private int Run(string gate, string path, CancellationToken cancel)
    {
        NoPolicy.Refuse(path);
        var (policy, wrong) = PolicyReader.Read(path);
        if (policy is null)
            throw new GateException([.. wrong]);
        var places = Places(policy, gate); // a name that is wrong is said before anything is measured
        var result = Result(path, policy, cancel);
        foreach (var place in places)
        {
            Show(result.Gates[place]);
            Counts(policy, policy.Gates[place], result.Gates[place], cancel);
        }

        return 0;
    }

    // The last run's figures, as long as they are about the model as it is.
    private GateResult Result(string path, GatePolicy policy, CancellationToken cancel)
    {
        if (
            LastRun.Find(path) is { } last
            && (
                last.Policy.Model is not { } model
                || (File.Exists(model.FullPath) && Hash.ComputeFile(model.FullPath) == last.Result.Model?.Sha256)
            )
            && File.GetLastWriteTimeUtc(last.Policy.File) <= File.GetLastWriteTimeUtc(last.File)
            && last.Result.Gates.Length == policy.Gates.Length
        )
            return last.Result;
        host.Error.WriteLine("No report is about the model as it is; measuring ...");
        return host.Run(policy, new() { Repair = false, Write = false }, null, cancel);
    }

    // Places in the policy of the gates that are meant.
    private static int[] Places(GatePolicy policy, string gate)
    {
        var all = policy.Gates.Select(rule => (Title: GateText.Title(rule), rule.Metric.Name)).ToArray();
        int[] found = int.TryParse(gate, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number >= 1 && number <= all.Length
                ? [number - 1]
                : []
            :
            [
                .. Enumerable
                    .Range(0, all.Length)
                    .Where(i =>
                        all[i].Title.Contains(gate, StringComparison.OrdinalIgnoreCase)
                        || all[i].Name.Contains(gate, StringComparison.OrdinalIgnoreCase)
                    ),
            ];
        return found.Length > 0
            ? found
            : throw new GateException(
                new Diagnostic(
                    DiagnosticCodes.PolicyName,
                    $"No gate has the number or name {Wording.Quote(gate)}; the gates are "
                        + $"{Wording.List(all.Select((g, i) => $"{i + 1} ({g.Title})"))}.",
                    new SourcePosition(policy.File, 0, 0)
                )
            );
    }

    private void Show(GateReport gate)
    {
        var output = Terminal.Out(host);
        var value = gate.Original;
        output.Say($"{gate.Title}: {GateText.Value(value)}, {gate.Threshold}: {Outcomes.Words(gate)}");
        if (value.Reason is { } why)
            output.Say($"  {why}");
        output.Say($"  Rows: {value.Count}. The interval is what the true value may be; it must meet the threshold.");
        if (value.Attacked is { } attacked)
            output.Say(
                $"  Attacked: {attacked.Inputs} of {attacked.Of} rows"
                    + (attacked.StoppedEarly ? ", then the verdict was certain." : ".")
            );
        foreach (var breakdown in value.Breakdowns)
            output.Show(Parts(breakdown));
        foreach (var note in value.Notes)
            output.Say($"  {note}");
        if (!value.Fragile.IsEmpty)
            output.Show(Fragile(value));
    }

    private void Counts(GatePolicy policy, GateRule rule, GateReport gate, CancellationToken cancel)
    {
        if (
            rule.Group is not null
            && policy.Model is not null
            && Cells.ByGroup(policy, rule, host, cancel) is { } cells
        )
            Terminal.Out(host).Show(cells);
        if (rule.Attack is not null && Cells.UnderAttack(policy, gate.Original, host, cancel) is { } line)
            Terminal.Out(host).Say($"  {line}");
    }

    private static Table Parts(Breakdown breakdown)
    {
        var table = new Table().Border(TableBorder.Minimal).AddColumns(Markup.Escape(breakdown.Title), "Value", "Rows");
        foreach (var part in breakdown.Parts)
            table.AddRow(Terminal.Cell(part.Name), Terminal.Cell(Value(part)), Terminal.Cell($"{part.Count}"));
        return table;
    }

    private static Table Fragile(MeasuredValue value)
    {
        var table = new Table()
            .Border(TableBorder.Minimal)
            .AddColumns("Most fragile row", "True class", "Becomes", "Perturbation", "Changes");
        foreach (var input in value.Fragile)
        {
            var changes = string.Join(", ", input.Columns.Select(c => $"{c.Name} {c.From} -> {c.To}"));
            table.AddRow(
                Terminal.Cell(ResultText.Place(input)),
                Terminal.Cell(input.Label),
                Terminal.Cell(input.Predicted),
                Terminal.Cell(Numbers.Measured(input.Size)),
                Terminal.Cell(input.MoreColumns > 0 ? $"{changes} and {input.MoreColumns} more" : changes)
            );
        }

        return table;
    }

    private static string Value(BreakdownPart part) =>
        part.Value is { } value
            ? $"{Numbers.Measured(value)} [{Numbers.Measured(part.Lower!.Value)}, {Numbers.Measured(part.Upper!.Value)}]"
            : "none";
}
