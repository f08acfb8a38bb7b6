using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Policy;
using PostTrainGate.Repairs;
using PostTrainGate.Schema;
using Shapes = PostTrainGate.Reading.PolicyShape;

namespace PostTrainGate.Reading;

/// <summary>Makes the immutable <see cref="GatePolicy"/> of a policy that was found right.</summary>
internal static class PolicyBinder
{
    /// <summary>The policy.</summary>
    public static GatePolicy Bind(string file, ReadContext context, Section root) =>
        new()
        {
            File = file,
            Folder = context.Folder,
            Seed = root.Get(Shapes.Seed),
            Model = root.Get(Shapes.Model),
            Data = Data(root.Get(Shapes.DataKey)!),
            Input = Input(root.Get(Shapes.InputKey) ?? Absent),
            Output = Output(root.Get(Shapes.OutputKey) ?? Absent),
            Groups = [.. List(root, Shapes.Groups).Select(g => Group(g.Name.Text, g.Group))],
            Gates = [.. List(root, Shapes.Gates).Select(g => Gate(g, root.Get(Shapes.SeverityKey)))],
            Confidence = root.Get(Shapes.Confidence),
            Correction = root.Get(Shapes.CorrectionKey),
            When = When(root.Get(Shapes.WhenKey) ?? Absent),
            Repair = root.Get(Shapes.RepairKey) switch
            {
                _ when !root.Has(Shapes.Model) => null,
                false => null,
                Section section => Repair(section, context.Catalog),
                _ => Repair(Absent, context.Catalog),
            },
            Report = Report(root.Get(Shapes.ReportKey) ?? Absent, context.Catalog),
            Device = root.Get(Shapes.Device),
            Limits = Limits(root.Get(Shapes.LimitsKey) ?? Absent),
            Root = root,
        };

    private static Section Absent => new(default);

    private static DataPolicy Data(Section data) =>
        new()
        {
            Source = data.Get(Shapes.Data.Source)!,
            Label = data.Get(Shapes.Data.Label),
            LabelFile = data.Get(Shapes.Data.LabelFile),
            Prediction = data.Get(Shapes.Data.Prediction),
            Score = data.Get(Shapes.Data.Score),
            Classes = List(data, Shapes.Data.Classes),
            Favorable = data.Get(Shapes.Data.Favorable),
            Features = Features(data.Get(Shapes.Data.Features) ?? Absent),
            Splits = Splits(data.Get(Shapes.Data.Splits) ?? Absent),
            Position = data.Position,
        };

    private static FeaturePolicy Features(Section features) =>
        new()
        {
            Only = List(features, Shapes.Features.Only),
            Except = List(features, Shapes.Features.Except),
            Immutable = List(features, Shapes.Features.Immutable),
            Categories = List(features, Shapes.Features.Categories),
            Scale = features.Get(Shapes.Features.Scale),
            Missing = features.Get(Shapes.Features.Missing),
        };

    private static SplitPolicy Splits(Section splits) =>
        new(
            splits.Get(Shapes.Splits.Repair),
            splits.Get(Shapes.Splits.Select),
            splits.Get(Shapes.Splits.Test),
            splits.Position
        )
        {
            Trained = splits.Get(Shapes.Splits.Trained),
        };

    private static InputPolicy Input(Section input)
    {
        var given = input.TryGet(Shapes.Input.Bounds, out var bounds);
        var scaled = new InputPolicy
        {
            Scale = input.Get(Shapes.Input.Scale),
            Mean = List(input, Shapes.Input.Mean),
            Std = List(input, Shapes.Input.Std),
            Size = List(input, Shapes.Input.Size),
            Layout = input.TryGet(Shapes.Input.Layout, out var layout) ? layout : null,
            BoundsGiven = given,
        };
        return given ? scaled with { Lower = bounds[0], Upper = bounds[1] } : scaled;
    }

    private static OutputPolicy Output(Section output) =>
        new(output.Get(Shapes.Output.Name), output.TryGet(Shapes.Output.Head, out var head) ? head : null);

    private static GroupPolicy Group(string name, Section group) =>
        new()
        {
            Name = name,
            Column = group.Get(Shapes.Group.Column),
            Privileged = group.Get(Shapes.Group.Privileged),
            Where = group.Get(Shapes.Group.Where),
            Bins = List(group, Shapes.Group.Bins),
            Dependent = List(group, Shapes.Group.Dependent),
            MinCount = group.Get(Shapes.Group.MinCount),
            Cross = List(group, Shapes.Group.Cross),
            Position = group.Position,
        };

    private static GateRule Gate(GateEntry gate, Severity severity) =>
        new()
        {
            Metric = gate.Metric!,
            Settings = Shapes
                .Rule.Own(gate.Metric!)
                .Aggregate(SettingValues.None, (values, key) => values.With(key.Name, gate.Rule.Value(key))),
            Min = gate.Rule.Get(Shapes.Rule.Min),
            Max = gate.Rule.Get(Shapes.Rule.Max),
            Drop = gate.Rule.Get(Shapes.Rule.Drop),
            Severity = gate.Rule.Get(Shapes.Rule.Severity) ?? severity,
            Accepted = gate.Rule.Get(Shapes.Rule.Accept) is { } accept
                ? new(accept.Get(Shapes.Rule.Until), accept.Get(Shapes.Rule.Reason)!)
                : null,
            Position = gate.Name.Position,
        };

    private static OutcomePolicy When(Section when) =>
        new(when.Get(Shapes.When.Inconclusive), when.Get(Shapes.When.NotMeasured));

    private static RepairPolicy Repair(Section repair, ICatalog catalog) =>
        new()
        {
            Methods = repair.TryGet(Shapes.Repair.Methods, out var methods)
                ? methods
                : [.. catalog.All<IRepair>().Where(r => r.ByDefault)],
            Graph = repair.Get(Shapes.Repair.Graph),
            Snapshots = repair.Get(Shapes.Repair.Snapshots),
            MaxAccuracyDrop = repair.Get(Shapes.Repair.MaxAccuracyDrop),
            Accept = repair.TryGet(Shapes.Repair.Accept, out var accept) ? accept : [],
            Effort = repair.Get(Shapes.Repair.Effort),
            TimeLimit = repair.Get(Shapes.Repair.TimeLimit),
            Output = repair.Get(Shapes.Repair.Output),
            WriteRefused = repair.Get(Shapes.Repair.WriteRefused),
            Position = repair.Position,
        };

    private static LimitPolicy Limits(Section limits) =>
        new(limits.TryGet(Shapes.Limits.Memory, out var memory) ? memory : null, limits.Get(Shapes.Limits.Time));

    private static ReportPolicy Report(Section report, ICatalog catalog)
    {
        var wanted = catalog.All<IReportWriter>().Where(w => w.Always || report.Get(Shapes.Report.Writer(w)));
        var policy = new ReportPolicy([.. wanted]);
        return report.TryGet(Shapes.Report.Folder, out var folder) ? policy with { Folder = folder.Text } : policy;
    }

    private static ImmutableArray<T> List<T>(Section section, Key<ImmutableArray<T>> key) =>
        section.TryGet(key, out var list) ? list : [];
}
