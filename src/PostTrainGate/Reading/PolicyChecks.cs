using System.Collections.Immutable;
using PostTrainGate.Attacks;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using Shapes = PostTrainGate.Reading.PolicyShape;

namespace PostTrainGate.Reading;

/// <summary>What no single key can tell: keys that need or exclude each other, and names that the policy itself defines.</summary>
internal static class PolicyChecks
{
    /// <summary>Reports everything that does not fit together.</summary>
    public static void Run(Section root, ReadContext context)
    {
        if (root.TryGet(Shapes.DataKey, out var data))
            Data(data, context);
        if (root.TryGet(Shapes.InputKey, out var input))
            Input(input, context);
        root.TryGet(Shapes.Groups, out var groups);
        Groups(groups.IsDefault ? [] : groups, context);
        if (data is not null)
            Predictions(root, data, groups.IsDefault ? [] : groups, context);
        if (root.TryGet(Shapes.Gates, out var gates))
            foreach (var gate in gates)
                Gate(gate, root, groups.IsDefault ? [] : groups, context);
        Outputs(root, context);
    }

    private static void Conflict(ReadContext context, SourcePosition at, string message) =>
        context.Report(DiagnosticCodes.PolicyConflict, at, message);

    // Predictions that were made elsewhere: what needs the model is refused where it stands.
    private static void Predictions(
        Section root,
        Section data,
        ImmutableArray<(ScalarNode Name, Section Group)> groups,
        ReadContext context
    )
    {
        if (!data.Has(Shapes.Data.Prediction))
        {
            if (data.Has(Shapes.Data.Score))
                Conflict(
                    context,
                    data.At(Shapes.Data.Score),
                    "'score' stands beside 'prediction', the column with the predicted class; add that."
                );
            return;
        }

        if (root.Has(Shapes.Model))
        {
            Conflict(
                context,
                data.At(Shapes.Data.Prediction),
                "Both 'model' and 'prediction' are given; keep 'model' to gate a model, or "
                    + "'prediction' to gate predictions that were made elsewhere."
            );
            return;
        }

        if (!data.Has(Shapes.Data.Label) && !data.IsFaulty)
        {
            context.Report(
                DiagnosticCodes.PolicyMissingKey,
                data.Position,
                "'data' does not say where the labels are; give 'label', the column that predictions are held against."
            );
        }

        (Section Of, Key Key)[] ofModels =
        [
            (root, Shapes.InputKey),
            (root, Shapes.OutputKey),
            (data, Shapes.Data.LabelFile),
            (data, Shapes.Data.Features),
            (data, Shapes.Data.Splits),
            .. groups.Select(g => (g.Group, (Key)Shapes.Group.Dependent)),
        ];
        foreach (var (section, key) in ofModels.Where(k => k.Of.Has(k.Key)))
            Conflict(
                context,
                section.At(key),
                $"'{key.Name}' is of no use to predictions alone, without a model; remove it."
            );
        if (root.TryGet(Shapes.RepairKey, out var repair) && repair is Section)
            Conflict(
                context,
                root.At(Shapes.RepairKey),
                "'repair' needs a model, and the policy has predictions alone; remove it, or give 'model'."
            );
    }

    private static void Data(Section data, ReadContext context)
    {
        var (label, labels) = (data.Has(Shapes.Data.Label), data.Has(Shapes.Data.LabelFile));
        if (label && data.TryGet(Shapes.Data.LabelFile, out var file) && !IsArchive(file))
        {
            Conflict(
                context,
                data.At(Shapes.Data.LabelFile),
                "Both 'label' and 'label_file' are given; keep 'label' for a column, or 'label_file' for a file of its own."
            );
        }

        if (
            !label
            && !labels
            && !data.Has(Shapes.Data.Prediction)
            && data.TryGet(Shapes.Data.Source, out var source)
            && !IsArchive(source)
            && !IsImages(source)
            && !context.TextOnly
            && !data.IsFaulty
        )
        {
            context.Report(
                DiagnosticCodes.PolicyMissingKey,
                data.Position,
                "'data' does not say where the labels are; give 'label' (a column) or 'label_file' (a file of its own)."
            );
        }

        if (
            data.TryGet(Shapes.Data.Favorable, out var favorable)
            && data.TryGet(Shapes.Data.Classes, out var classes)
            && !classes.Contains(favorable)
        )
        {
            context.Report(
                DiagnosticCodes.PolicyName,
                data.At(Shapes.Data.Favorable),
                $"'favorable' is {Wording.Quote(favorable)}, which is none of 'classes': {Listed(classes)}."
            );
        }

        if (data.TryGet(Shapes.Data.Features, out var features))
            Features(features, data, context);
        if (data.TryGet(Shapes.Data.Splits, out var splits))
            Splits(splits, context);
    }

    // Only an NPZ has arrays with names: it may hold labels under a usual name, and 'label' picks one of it.
    private static bool IsArchive(PolicyPath path) => path.Text.EndsWith(".npz", StringComparison.OrdinalIgnoreCase);

    // Their folders name the classes.
    private static bool IsImages(PolicyPath path) => !path.Files.IsEmpty && path.Files.All(ImageReader.Reads);

    private static void Features(Section features, Section data, ReadContext context)
    {
        if (!features.TryGet(Shapes.Features.Only, out var only))
            return;
        if (
            features.TryGet(Shapes.Features.Except, out var except) && only.Intersect(except).ToList() is [var both, ..]
        )
        {
            Conflict(
                context,
                features.At(Shapes.Features.Except),
                $"The column {Wording.Quote(both)} stands in both 'only' and 'except'; keep it in one."
            );
        }

        if (data.TryGet(Shapes.Data.Label, out var label) && only.Contains(label))
        {
            Conflict(
                context,
                features.At(Shapes.Features.Only),
                $"The label {Wording.Quote(label)} stands in 'only'; a model must not see what it predicts, so remove it."
            );
        }
    }

    private static void Splits(Section splits, ReadContext context)
    {
        Key<double>[] keys = [Shapes.Splits.Repair, Shapes.Splits.Select, Shapes.Splits.Test];
        var sum = keys.Sum(splits.Get);
        if (sum <= 1 + 1e-9)
            return;
        var parts = keys.Select(k =>
            $"{k.Name} {Wording.Number(splits.Get(k) * 100)}%{(splits.Has(k) ? "" : " by default")}"
        );
        context.Report(
            DiagnosticCodes.PolicyRange,
            splits.Position,
            $"The splits are {Wording.Number(sum * 100)}% together ({string.Join(", ", parts)}); they must be at most 100%."
        );
    }

    private static void Input(Section input, ReadContext context)
    {
        if (input.TryGet(Shapes.Input.Bounds, out var bounds) && bounds[0] >= bounds[1])
        {
            context.Report(
                DiagnosticCodes.PolicyRange,
                input.At(Shapes.Input.Bounds),
                $"'bounds' goes from {Wording.Number(bounds[0])} to {Wording.Number(bounds[1])}; the first must be below the second."
            );
        }

        if (
            input.TryGet(Shapes.Input.Mean, out var mean)
            && input.TryGet(Shapes.Input.Std, out var std)
            && mean.Length != std.Length
        )
        {
            Conflict(
                context,
                input.At(Shapes.Input.Std),
                $"'mean' has {mean.Length} and 'std' has {std.Length} numbers; give as many of one as of the other."
            );
        }
    }

    private static void Groups(ImmutableArray<(ScalarNode Name, Section Group)> groups, ReadContext context)
    {
        foreach (var (name, group) in groups)
        {
            var shown = Wording.Quote(name.Text);
            Key[] kinds = [Shapes.Group.Column, Shapes.Group.Where, Shapes.Group.Cross];
            var given = kinds.Where(group.Has).ToList();
            if (given.Count > 1)
            {
                Conflict(
                    context,
                    group.At(given[1]),
                    $"The group {shown} has {Wording.List(given.Select(k => $"'{k.Name}'"))}; keep one of them."
                );
            }

            if (given.Count == 0 && !group.IsFaulty)
            {
                context.Report(
                    DiagnosticCodes.PolicyMissingKey,
                    name.Position,
                    $"The group {shown} does not say who is in it; give 'column', 'where' or 'cross'."
                );
            }

            if (group.Has(Shapes.Group.Privileged) && given.Count > 0 && !group.Has(Shapes.Group.Column))
            {
                var why = group.Has(Shapes.Group.Where) ? "a condition's true is privileged anyway, so " : "";
                Conflict(
                    context,
                    group.At(Shapes.Group.Privileged),
                    $"'privileged' names a value of 'column', which the group {shown} lacks; {why}remove it."
                );
            }

            if (group.TryGet(Shapes.Group.Bins, out var bins))
                Bins(shown, bins, group, context);
            if (!group.TryGet(Shapes.Group.Cross, out var cross))
                continue;
            foreach (var member in cross)
                Crossed(member, name.Text, group.At(Shapes.Group.Cross), groups, context);
        }
    }

    private static void Bins(string group, ImmutableArray<double> bins, Section section, ReadContext context)
    {
        var at = section.At(Shapes.Group.Bins);
        if (!section.Has(Shapes.Group.Column))
            Conflict(context, at, $"The group {group} has 'bins', which cut a 'column'; give the column.");
        if (bins.Zip(bins.Skip(1)).Any(b => b.Second < b.First))
            context.Report(
                DiagnosticCodes.PolicyRange,
                at,
                $"'bins' of the group {group} are {string.Join(", ", bins.Select(Wording.Number))}; they must ascend."
            );
    }

    private static void Crossed(
        string member,
        string name,
        SourcePosition at,
        ImmutableArray<(ScalarNode Name, Section Group)> groups,
        ReadContext context
    )
    {
        var other = groups.FirstOrDefault(g => g.Name.Text == member);
        if (member == name)
        {
            Conflict(context, at, $"The group {Wording.Quote(name)} crosses itself; name other groups.");
        }
        else if (other.Name is null)
        {
            Undefined(member, groups.Where(g => g.Name.Text != name), at, context);
        }
        else if (other.Group.Has(Shapes.Group.Cross))
        {
            Conflict(
                context,
                at,
                $"The group {Wording.Quote(name)} crosses {Wording.Quote(member)}, which is a cross itself; "
                    + "name the groups that it is made of."
            );
        }
    }

    private static void Undefined(
        string name,
        IEnumerable<(ScalarNode Name, Section Group)> groups,
        SourcePosition at,
        ReadContext context
    )
    {
        var names = groups.Select(g => g.Name.Text).ToList();
        var right =
            Wording.Nearest(name, names) is { } near ? $"did you mean {Wording.Quote(near)}?"
            : names.Count == 0 ? "define it under 'groups'."
            : $"'groups' defines {Listed(names)}.";
        context.Report(DiagnosticCodes.PolicyName, at, $"There is no group {Wording.Quote(name)}; {right}");
    }

    private static void Gate(
        GateEntry gate,
        Section root,
        ImmutableArray<(ScalarNode Name, Section Group)> groups,
        ReadContext context
    )
    {
        var rule = gate.Rule;
        if (rule.TryGet(GateKeys.Group, out var group) && !groups.Any(g => g.Name.Text == group))
            Undefined(group, groups, rule.At(GateKeys.Group), context);
        if (
            gate.Metric is { } named
            && !root.Has(Shapes.Model)
            && root.TryGet(Shapes.DataKey, out var data)
            && data.Has(Shapes.Data.Prediction)
        )
            OfPredictions(named, gate, data, context);
        Key<double?>[] thresholds = [Shapes.Rule.Min, Shapes.Rule.Max, Shapes.Rule.Drop];
        if (gate.Metric is { } metric && !rule.IsFaulty && !thresholds.Any(rule.Has))
        {
            context.Report(
                DiagnosticCodes.PolicyMissingKey,
                gate.Name.Position,
                $"'{metric.Name}' has no threshold; give '{GatesShape.Bound(metric)}' or 'drop'."
            );
        }

        Attack(gate, context);
        // A metric of any rate has the bounds of the one that is named.
        if (rule.TryGet(GateKeys.Rate, out var rate))
        {
            foreach (var key in thresholds.Where(k => rule.TryGet(k, out var value) && value > rate.Largest))
            {
                var given = rule.Get(key)!.Value;
                context.Report(
                    DiagnosticCodes.PolicyRange,
                    rule.At(key),
                    $"'{key.Name}' must be at most {Wording.Number(rate.Largest)} for '{rate.Name}', not "
                        + $"{Wording.Number(given)}{(given <= 100 * rate.Largest ? $"; {Wording.Number(given)}% would be right" : "")}."
                );
            }
        }

        if (
            root.TryGet(Shapes.InputKey, out var input)
            && input.TryGet(Shapes.Input.Bounds, out var bounds)
            && bounds[0] < bounds[1]
        )
            Epsilon(gate, bounds[0], bounds[1], context);
    }

    // What an attack cannot do, or has no use for.
    private static void Attack(GateEntry gate, ReadContext context)
    {
        var rule = gate.Rule;
        if (!rule.TryGet(AttackKeys.Attack, out var attack))
            return;
        var norm = rule.Get(AttackKeys.Norm);
        if (!attack.Norms.Contains(norm))
        {
            var at = rule.At(rule.Has(AttackKeys.Norm) ? AttackKeys.Norm : AttackKeys.Attack);
            var right = Wording.List(attack.Norms.Select(n => $"'norm: {Word(n)}'"), "or");
            Conflict(
                context,
                at,
                $"The attack '{attack.Name}' does not work in {Word(norm)}"
                    + $"{(rule.Has(AttackKeys.Norm) ? "" : ", which is the norm without 'norm'")}; give {right}."
            );
        }

        if (rule.Has(AttackKeys.Categories) && !attack.KeepsForm)
        {
            var such = context.Catalog.All<IAttack>().Where(a => a.KeepsForm).Select(a => $"'{a.Name}'").ToList();
            Conflict(
                context,
                rule.At(AttackKeys.Categories),
                $"'categories' is of no use to the attack '{attack.Name}', which moves every input "
                    + $"by itself; remove it{(such.Count > 0 ? $", or attack by {Wording.List(such, "or")}" : "")}."
            );
        }

        static string Word(Norm norm) => norm.ToString().ToLowerInvariant();
    }

    private static void OfPredictions(IMetric metric, GateEntry gate, Section data, ReadContext context)
    {
        if (metric is not IPredictionMetric)
        {
            Conflict(
                context,
                gate.Name.Position,
                $"'{metric.Name}' needs a model, and the policy has predictions alone; remove it, or give 'model'."
            );
            return;
        }

        if (!gate.Rule.TryGet(GateKeys.Rate, out var rate) || !rate.NeedsScores)
            return;
        if (!data.Has(Shapes.Data.Score))
        {
            Conflict(
                context,
                gate.Rule.At(GateKeys.Rate),
                $"'{rate.Name}' comes from scores, and the policy has predicted classes alone; give 'data.score', the column with the probability of the favourable class."
            );
        }
        else if (gate.Rule.Get(GateKeys.Average) != ClassView.Favorable)
        {
            Conflict(
                context,
                gate.Rule.At(GateKeys.Average),
                $"'{rate.Name}' comes from scores, and 'data.score' is that of the favourable class alone; remove 'classes'."
            );
        }
    }

    // An epsilon that reaches every input is one in other units: 8 where 8/255 is meant.
    private static void Epsilon(GateEntry gate, double lower, double upper, ReadContext context)
    {
        // That of smoothing is a Euclidean radius.
        if (gate.Metric?.Keys.Contains(AttackKeys.Norm) != true)
            return;
        var rule = gate.Rule;
        if (!rule.TryGet(AttackKeys.Epsilon, out var epsilon) || rule.Get(AttackKeys.Norm) is not Norm.Linf)
            return;
        if (epsilon <= upper - lower)
            return;
        var such = epsilon <= 255 && upper <= 1 ? $", such as {Wording.Number(epsilon)}/255" : "";
        context.Report(
            DiagnosticCodes.PolicyRange,
            rule.At(AttackKeys.Epsilon),
            $"'epsilon' is {Wording.Number(epsilon)}, more than the whole range of inputs from {Wording.Number(lower)} to "
                + $"{Wording.Number(upper)}; give it in the units of 'bounds'{such}."
        );
    }

    private static void Outputs(Section root, ReadContext context)
    {
        if (root.TryGet(Shapes.ReportKey, out var report))
        {
            var always = context.Catalog.All<IReportWriter>().Where(w => w.Always).Select(Shapes.Report.Writer);
            foreach (var writer in always.Where(w => report.TryGet(w, out var wanted) && !wanted))
                Conflict(
                    context,
                    report.At(writer),
                    $"'{writer.Name}' is always written and cannot be turned off; remove it."
                );
        }

        if (!root.TryGet(Shapes.RepairKey, out var value) || value is not Section repair)
            return;
        if (!repair.TryGet(Shapes.Repair.Output, out var output))
            return;
        foreach (var (what, read) in Reads(root, repair).Where(r => r.Path.Files.Contains(output.FullPath)))
        {
            Conflict(
                context,
                output.Position,
                $"'output' is {Wording.Quote(output.Text)}, which would overwrite {what}; give another file."
            );
        }
    }

    private static IEnumerable<(string What, PolicyPath Path)> Reads(Section root, Section repair)
    {
        if (root.TryGet(Shapes.Model, out var model))
            yield return ("the model", model);
        if (repair.TryGet(Shapes.Repair.Snapshots, out var snapshots))
            yield return ("a snapshot", snapshots);
        if (!root.TryGet(Shapes.DataKey, out var data))
            yield break;
        if (data.TryGet(Shapes.Data.Source, out var source))
            yield return ("the data", source);
        if (data.TryGet(Shapes.Data.LabelFile, out var labels))
            yield return ("the labels", labels);
    }

    private static string Listed(IEnumerable<string> names) => Wording.List(names.Take(20).Select(Wording.Quote));
}
