using System.Collections.Immutable;
using PostTrainGate.Policy;

namespace PostTrainGate.Cli.Base;

/// <summary>
/// Applies the gates of the base branch to a changed policy, so that a change cannot lower the bar it has to clear. The changed
/// policy says what is measured (model, data, inputs, repair, reports); the base says how well it has to do (gates with their groups,
/// confidence, splits, seed, what a repair may cost, what no verdict means). Gates that the change adds are judged as well.
/// </summary>
internal static class BaseGates
{
    /// <summary>The policy to run, and one diagnostic for each place where the base was preferred.</summary>
    /// <param name="changed">The policy as it is now.</param>
    /// <param name="base">The policy of the base.</param>
    public static (GatePolicy Policy, ImmutableArray<Diagnostic> Diagnostics) Apply(GatePolicy changed, GatePolicy @base)
    {
        var remarks = ImmutableArray.CreateBuilder<Diagnostic>();
        var gates = Gates(changed, @base, remarks);
        if (changed.Model is null && @base.Model is not null)
            remarks.Add(Remark("The policy no longer gates the model of the base branch but predictions that were made elsewhere.",
                changed.Data.Position));
        Same("seed", changed.Seed, @base.Seed);
        Same("confidence", changed.Confidence, @base.Confidence);
        Same("correction", changed.Correction, @base.Correction);
        Same("on", changed.On, @base.On);
        Same("splits", changed.Data.Splits with { Position = default }, @base.Data.Splits with { Position = default });
        if (changed.Repair is { } now && @base.Repair is { } then) Same("keep", now.AccuracyDrop, then.AccuracyDrop);
        var groups = Groups(changed, @base, remarks);
        return (changed with
        {
            Gates = gates,
            Groups = groups,
            Seed = @base.Seed,
            Confidence = @base.Confidence,
            Correction = @base.Correction,
            Family = @base.Gates.Length,
            On = @base.On,
            Data = changed.Data with { Splits = @base.Data.Splits },
            Repair = changed.Repair is null || @base.Repair is null ? changed.Repair
                : changed.Repair with { AccuracyDrop = @base.Repair.AccuracyDrop },
        }, remarks.ToImmutable());

        void Same<T>(string key, T mine, T theirs)
        {
            if (!EqualityComparer<T>.Default.Equals(mine, theirs))
                remarks.Add(Remark($"The policy changes '{key}'; the base branch's was applied.", new(changed.File, 1, 1)));
        }
    }

    private static ImmutableArray<GateRule> Gates(GatePolicy changed, GatePolicy @base, ImmutableArray<Diagnostic>.Builder remarks)
    {
        var mine = changed.Gates.ToList();
        var gates = ImmutableArray.CreateBuilder<GateRule>();
        foreach (var theirs in @base.Gates)
        {
            var i = mine.FindIndex(m => IsSame(m, theirs));
            var at = i >= 0 ? mine[i].Position : new SourcePosition(changed.File, 1, 1);
            gates.Add(theirs with { Position = at });
            var title = GateText.Title(theirs);
            if (i < 0) remarks.Add(Remark($"The policy removes or changes the gate '{title}' of the base branch; it was applied.", at));
            else if (mine[i] with { Position = default } != theirs with { Position = default })
                remarks.Add(Remark($"The policy changes the threshold of '{title}' from {Threshold(theirs)} to {Threshold(mine[i])}; the base branch's was applied.", at));
            if (i >= 0) mine.RemoveAt(i);
        }

        gates.AddRange(mine);
        remarks.AddRange(
            mine.Select(m => Remark($"The policy adds the gate '{GateText.Title(m)}'; it was applied as well.", m.Position,
                Severity.Note)));
        return gates.ToImmutable();
    }

    private static ImmutableArray<GroupPolicy> Groups(GatePolicy changed, GatePolicy @base, ImmutableArray<Diagnostic>.Builder remarks)
    {
        foreach (var theirs in @base.Groups)
        {
            var mine = changed.Groups.FirstOrDefault(g => g.Name == theirs.Name);
            if (mine is not null && !IsSame(mine, theirs))
                remarks.Add(Remark($"The policy changes the group '{theirs.Name}'; the base branch's was applied.", mine.Position));
        }

        return [.. @base.Groups, .. changed.Groups.Where(g => @base.Groups.All(b => b.Name != g.Name))];
    }

    private static bool IsSame(GateRule a, GateRule b) => 
        (a.Metric, a.Group, a.Attack, a.Certificate, a.Smoothing, a.Corruption, a.Rate, a.Alpha, a.Classes, a.Neighbors, a.Gap)
        == (b.Metric, b.Group, b.Attack, b.Certificate, b.Smoothing, b.Corruption, b.Rate, b.Alpha, b.Classes, b.Neighbors, b.Gap);

    private static bool IsSame(GroupPolicy a, GroupPolicy b) =>
        (a.Column, a.Privileged, a.Where, a.MinCount) == (b.Column, b.Privileged, b.Where, b.MinCount)
        && a.Cross.SequenceEqual(b.Cross) && a.Bins.SequenceEqual(b.Bins) && a.Dependent.SequenceEqual(b.Dependent);

    private static string Threshold(GateRule rule)
    {
        var text = GateText.Threshold(rule, Catalog.Metrics.First(m => m.Name == rule.Metric).Better);
        return rule.Samples is { } samples ? $"{text} ({samples} samples)" : text;
    }

    private static Diagnostic Remark(string text, SourcePosition at, Severity severity = Severity.Warning) =>
        new(DiagnosticCodes.PolicyChanged, text, at, severity);
}
