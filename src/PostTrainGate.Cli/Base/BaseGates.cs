using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reading;

namespace PostTrainGate.Cli.Base;

/// <summary>
/// Holds a change against its base: the base's policy applies whole, so that a change cannot lower the bar it has to
/// clear. Of the changed policy only what <see cref="PolicyTrust"/> calls the change's own applies, and gates that it
/// adds.
/// </summary>
internal static class BaseGates
{
    /// <summary>
    /// The policy to run, and one diagnostic for each place where the base was preferred; an error where the base's
    /// value cannot be used with the files that are here.
    /// </summary>
    /// <param name="changed">The policy as it is now.</param>
    /// <param name="base">The policy of the base, read from its text alone.</param>
    /// <returns>Also which of the diagnostics are about what numbers mean.</returns>
    public static (GatePolicy Policy, ImmutableArray<Diagnostic> Diagnostics, ImmutableArray<Diagnostic> Meaning) Apply(
        GatePolicy changed,
        GatePolicy @base
    )
    {
        var remarks = ImmutableArray.CreateBuilder<Diagnostic>();
        var paths = new BasePaths(changed, remarks);
        var top = new SourcePosition(changed.File, 1, 1);
        var policy = @base with
        {
            File = changed.File,
            Model = paths.Model(@base.Model),
            Data = @base.Data with
            {
                Source = paths.Use("data.source", changed.Data.Source, @base.Data.Source, PathUse.Data)!,
                LabelFile = paths.Use("data.label_file", changed.Data.LabelFile, @base.Data.LabelFile, PathUse.File),
                Splits = @base.Data.Splits with { Position = changed.Data.Splits.Position },
                Position = changed.Data.Position,
            },
            Groups =
            [
                .. @base.Groups.Select(theirs =>
                    theirs with
                    {
                        Position = changed.Groups.FirstOrDefault(g => g.Name == theirs.Name)?.Position ?? top,
                    }
                ),
            ],
            Gates = Gates(changed, @base, remarks),
            Family = @base.Gates.Length,
            Repair =
                changed.Repair is null || @base.Repair is null
                    ? changed.Repair
                    : changed.Repair with
                    {
                        MaxAccuracyDrop = @base.Repair.MaxAccuracyDrop,
                        Accept = @base.Repair.Accept,
                    },
            Report = changed.Report,
        };
        ImmutableArray<Diagnostic> meaning =
        [
            .. PolicyDifference
                .Find(changed.Root!, @base.Root!, Catalog.Default)
                .Where(d => !remarks.Any(r => r.Severity == Severity.Error && r.Position == d.Position))
                .Select(Preferred),
        ];
        return (
            policy,
            [.. remarks.Concat(meaning).OrderBy(r => r.Position?.Line).ThenBy(r => r.Position?.Column)],
            meaning
        );
    }

    /// <summary>What is said where the base was preferred.</summary>
    private static Diagnostic Preferred(PolicyDifference difference) =>
        Remark(
            $"The policy changes '{difference.Key}' from {Shown(difference.Theirs)} to {Shown(difference.Mine)}; "
                + "the base branch's value applies until a maintainer changes it there.",
            difference.Position
        );

    private static string Shown(string? value) => value is null ? "nothing" : Wording.Quote(value);

    private static ImmutableArray<GateRule> Gates(
        GatePolicy changed,
        GatePolicy @base,
        ImmutableArray<Diagnostic>.Builder remarks
    )
    {
        var mine = changed.Gates.ToList();
        var gates = ImmutableArray.CreateBuilder<GateRule>();
        foreach (var theirs in @base.Gates)
        {
            var i = mine.FindIndex(m => IsSame(m, theirs));
            var at = i >= 0 ? mine[i].Position : new SourcePosition(changed.File, 1, 1);
            gates.Add(theirs with { Position = at });
            var title = GateText.Title(theirs);
            if (i < 0)
                remarks.Add(
                    Remark(
                        $"The policy removes or changes the gate '{title}' of the base branch; the base branch's gate "
                            + "applies.",
                        at
                    )
                );
            else if (mine[i] with { Position = default } != theirs with { Position = default })
                remarks.Add(
                    Remark(
                        $"The policy changes the threshold of '{title}' from {Threshold(theirs)} to "
                            + $"{Threshold(mine[i])}; "
                            + "the base branch's threshold applies.",
                        at
                    )
                );
            if (i >= 0)
                mine.RemoveAt(i);
        }

        foreach (var added in mine)
        {
            // Rows are dealt to the splits by the groups: one more would be another test split for the base's gates.
            var known = added.Group is null || @base.Groups.Any(g => g.Name == added.Group);
            if (known)
                gates.Add(added);
            var text = known
                ? "; it applies too."
                : " for a group that the base branch does not have; it applies once the base branch has both.";
            remarks.Add(
                Remark($"The policy adds the gate '{GateText.Title(added)}'{text}", added.Position, Severity.Note)
            );
        }

        return gates.ToImmutable();
    }

    private static bool IsSame(GateRule a, GateRule b) =>
        a.Metric == b.Metric && a.Settings.Without(GateKeys.Samples).Equals(b.Settings.Without(GateKeys.Samples));

    private static string Threshold(GateRule rule)
    {
        var text = GateText.Threshold(rule);
        if (rule.Samples is { } samples)
            text += $" ({samples} samples)";
        if (rule.Severity != Severity.Error)
            text += $" (severity {rule.Severity.ToString().ToLowerInvariant()})";
        return rule.Accepted is { } accepted
            ? $"{text} (failure accepted until {accepted.Until:yyyy-MM-dd}: {Wording.Plain(accepted.Reason, 100)})"
            : text;
    }

    private static Diagnostic Remark(string text, SourcePosition at, Severity severity = Severity.Warning) =>
        new(DiagnosticCodes.PolicyChanged, text, at, severity);
}
