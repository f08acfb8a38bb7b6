using PostTrainGate.Cli.Output;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Schema;
using Spectre.Console;

namespace PostTrainGate.Cli.Explain;

/// <summary>The counts that a gate's figure comes from; measuring them costs one pass over the rows.</summary>
internal static class Cells
{
    /// <summary>A table of right and wrong predictions by group; null where they cannot be counted.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="rule">A gate that compares groups.</param>
    /// <param name="host">Runs the engine.</param>
    /// <param name="cancel">Stops it.</param>
    public static Table? ByGroup(GatePolicy policy, GateRule rule, CliHost host, CancellationToken cancel)
    {
        Rate[] rates = [Rate.BaseRate, Rate.TruePositive, Rate.FalsePositive];
        var gates = rates.Select(rate => new GateRule
        {
            Metric = GroupMetric.RateDifference,
            Settings = SettingValues.None.With(GateKeys.Group, rule.Group).With(GateKeys.Rate, rate),
            Max = 1,
            Position = rule.Position,
        });
        var result = host.Run(
            policy with
            {
                Gates = [.. gates],
            },
            new() { Repair = false, Write = false },
            null,
            cancel
        );
        var parts = result.Gates.Select(g => g.Original.Breakdowns.FirstOrDefault()?.Parts).ToArray();
        if (parts is not [{ } bases, { } rights, { } wrongs])
            return null;
        var table = new Table()
            .Border(TableBorder.Minimal)
            .AddColumns("Group", "Rows", "Favorable label", "of them favored", "Unfavorable label", "of them favored ");
        foreach (var (i, part) in bases.Index())
        {
            var favorable = (int)Math.Round((part.Value ?? 0) * part.Count);
            var other = part.Count - favorable;
            table.AddRow(
                Terminal.Cell(part.Name),
                Terminal.Cell($"{part.Count}"),
                Terminal.Cell($"{favorable}"),
                Terminal.Cell($"{Math.Round((rights[i].Value ?? 0) * favorable)}"),
                Terminal.Cell($"{other}"),
                Terminal.Cell($"{Math.Round((wrongs[i].Value ?? 0) * other)}")
            );
        }

        return table;
    }

    /// <summary>How many rows an attack finds right, and how many it leaves so; null where that is not known.</summary>
    public static string? UnderAttack(GatePolicy policy, MeasuredValue value, CliHost host, CancellationToken cancel)
    {
        var rule = new GateRule { Metric = new Accuracy(), Min = 0 };
        var result = host.Run(policy with { Gates = [rule] }, new() { Repair = false, Write = false }, null, cancel);
        if (result.Gates[0].Original is not { Value: { } accuracy, Count: var rows })
            return null;
        var right = (int)Math.Round(accuracy * rows);
        var attacked = value.Attacked?.Inputs ?? value.Count;
        if (attacked != rows || value.Value is not { } robust)
            return $"Right without an attack: {right} of all {rows} test rows.";
        var stands = (int)Math.Round(robust * rows);
        return $"Right without an attack: {right} of {rows} rows. Wrong under the attack: {right - stands} of those. "
            + $"Right under the attack: {stands}.";
    }
}
