using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Policy;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>
/// What a policy may say, declared once. The reader's checks, the JSON Schema and the reference in the documentation
/// all come from
/// here and from the catalog's names.
/// </summary>
internal static partial class PolicyShape
{
    private static readonly TextShape Column = new("the name of a column");

    public static readonly Key<int> Version = new("version", new CountShape(1, 1), "Version of the policy's format: 1.")
    {
        Example = "version: 1",
    };
    public static readonly Key<int> Seed = new("seed", new CountShape(0), "Seed of everything random in a run.")
    {
        Default = "1",
    };
    public static readonly Key<PolicyPath> Model = new(
        "model",
        new PathShape(PathUse.File),
        "The ONNX model to gate; omit it when 'data.prediction' gives predictions."
    )
    {
        Example = "model: models/credit.onnx",
        Spared = root => root.TryGet(DataKey!, out var data) && data.Has(Data.Prediction),
    };
    public static readonly Key<Section> DataKey = new("data", Data.Map, "Where inputs, labels and columns come from.")
    {
        Example = "data: { source: data.csv, label: outcome }",
    };
    public static readonly Key<Section> InputKey = new("input", Input.Map, "How inputs are scaled, and their bounds.");
    public static readonly Key<Section> OutputKey = new("output", Output.Map, "What the model's output holds.");
    public static readonly Key<ImmutableArray<(ScalarNode Name, Section Group)>> Groups = new(
        "groups",
        new NamedShape(Group.Map),
        "Named groups for fairness metrics."
    );
    public static readonly Key<ImmutableArray<GateEntry>> Gates = new(
        "gates",
        new GatesShape(),
        "The gates: a list of metrics, each with a threshold."
    )
    {
        Example = "gates: [accuracy: { min: 0.9 }]",
    };
    public static readonly Key<double> Confidence = new(
        "confidence",
        new NumberShape(new(0.5, 1, LowerOpen: true, UpperOpen: true)),
        "Confidence level of every interval."
    )
    {
        Default = "95%",
    };
    public static readonly Key<Correction> CorrectionKey = new(
        "correction",
        new ChoiceShape<Correction>(),
        "Correction for several gates: with bonferroni all intervals hold together at 'confidence', "
            + "with none each does alone."
    )
    {
        Default = "bonferroni",
    };
    public static readonly Key<Severity> SeverityKey = new(
        "severity",
        new ChoiceShape<Severity>(),
        "What a gate reports if it does not pass; only an error makes the run fail."
    )
    {
        Default = "error",
    };
    public static readonly Key<Section> WhenKey = new(
        "when",
        When.Map,
        "What a gate without a clear verdict does to the run: fail, warn or pass."
    )
    {
        Formerly = "on",
    };
    public static readonly Key<object> RepairKey = new(
        "repair",
        new SwitchShape(Repair.Map),
        "How to repair a failing model; false to only measure."
    );
    public static readonly Key<Section> ReportKey = new("report", Report.Map, "Which report files to write.");
    public static readonly Key<DeviceChoice> Device = new(
        "device",
        new ChoiceShape<DeviceChoice>(),
        "Where the model computes: on the processor, on an NVIDIA graphics card, or auto: on that where there is one."
    )
    {
        Default = "cpu",
    };
    public static readonly Key<Section> LimitsKey = new(
        "limits",
        Limits.Map,
        "Limits of the engine; a run that exceeds one is stopped, and no gate passes."
    );

    /// <summary>The whole policy.</summary>
    public static readonly MapShape Root = new(
        Version,
        Seed,
        Model,
        DataKey,
        InputKey,
        OutputKey,
        Groups,
        Gates,
        Confidence,
        CorrectionKey,
        SeverityKey,
        WhenKey,
        RepairKey,
        ReportKey,
        Device,
        LimitsKey
    );
}
