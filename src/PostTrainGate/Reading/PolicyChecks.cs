using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Policy;
using PostTrainGate.Schema;
using Shapes = PostTrainGate.Reading.PolicyShape;

namespace PostTrainGate.Reading;

/// <summary>
/// What no single key can tell: keys that need or exclude each other, and names that the policy itself defines.
/// </summary>
internal static partial class PolicyChecks
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
                    "'score' needs 'prediction', the column with the predicted class; add it."
                );
            return;
        }

        if (root.Has(Shapes.Model))
        {
            Conflict(
                context,
                data.At(Shapes.Data.Prediction),
                "Both 'model' and 'prediction' are given; keep 'model' to gate a model, or "
                    + "'prediction' to gate existing predictions."
            );
            return;
        }

        if (!data.Has(Shapes.Data.Label) && !data.IsFaulty)
        {
            context.Report(
                DiagnosticCodes.PolicyMissingKey,
                data.Position,
                "'data' does not say where the labels are; give 'label', the column with the true classes."
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
                $"'{key.Name}' needs a model, and the policy gates predictions; remove it."
            );
        if (root.TryGet(Shapes.RepairKey, out var repair) && repair is Section)
            Conflict(
                context,
                root.At(Shapes.RepairKey),
                "'repair' needs a model, and the policy gates predictions; remove it, or give 'model'."
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
                "Both 'label' and 'label_file' are given; keep 'label' for a column or 'label_file' for a "
                    + "separate file."
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
                "'data' does not say where the labels are; give 'label' (a column) or 'label_file' (a separate file)."
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
                $"'favorable' is {Wording.Quote(favorable)}, which is not one of 'classes': {Listed(classes)}."
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
                $"The column {Wording.Quote(both)} is in both 'only' and 'except'; keep it in one."
            );
        }

        if (data.TryGet(Shapes.Data.Label, out var label) && only.Contains(label))
        {
            Conflict(
                context,
                features.At(Shapes.Features.Only),
                $"The label {Wording.Quote(label)} is in 'only'; remove it, as a model must not see what it predicts."
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
            $"The splits add up to {Wording.Number(sum * 100)}% ({string.Join(", ", parts)}); they must be at "
                + "most 100%."
        );
    }

    private static void Input(Section input, ReadContext context)
    {
        if (input.TryGet(Shapes.Input.Bounds, out var bounds) && bounds[0] >= bounds[1])
        {
            context.Report(
                DiagnosticCodes.PolicyRange,
                input.At(Shapes.Input.Bounds),
                $"'bounds' goes from {Wording.Number(bounds[0])} to {Wording.Number(bounds[1])}; the first must "
                    + "be below the second."
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
                $"'mean' has {mean.Length} and 'std' has {std.Length} numbers; give the same number of each."
            );
        }
    }

    private static void Outputs(Section root, ReadContext context)
    {
        if (root.TryGet(Shapes.ReportKey, out var report))
        {
            var always = context.Catalog.All<IReportWriter>().Where(w => w.Always).Select(Shapes.Report.Writer);
            foreach (var writer in always.Where(w => report.TryGet(w, out var wanted) && !wanted))
                Conflict(context, report.At(writer), $"'{writer.Name}' is always written; remove it.");
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
