using System.Collections.Immutable;
using PostTrainGate.Data;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Models;
using PostTrainGate.Repairs;
using PostTrainGate.Tests.Metrics;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Repairs;

/// <summary>A failing problem around a small model, with the selection that judges its repairs.</summary>
internal sealed class RepairToy : IDisposable
{
    private readonly SurrogateToy _toy;
    private readonly Selection _selection;
    private readonly List<IDisposable> _owned = [];

    public RepairToy(params ImmutableArray<GateRule> failed)
        : this(2, failed) { }

    public RepairToy(int classes, ImmutableArray<GateRule> failed)
    {
        _toy = new(classes);
        var policy = new GatePolicy
        {
            File = "posttraingate.yml",
            Folder = "",
            Data = new() { Source = new("", "", default) },
            Gates = failed,
            Repair = new() { MaxAccuracyDrop = 1 },
        };
        _selection = new(Source, Data, policy, failed, Data.Count, CancellationToken.None);
        Context = new(Source, Data, _selection, Seed: 1, Seconds: 1, failed, failed, [], DateTime.UtcNow.AddHours(1))
        {
            Owned = _owned,
            ExtendsGraph = true,
        };
    }

    public static GateRule Parity { get; } =
        SurrogateToy.Gate(GroupMetric.StatisticalParityDifference) with
        {
            Max = 0.05,
        };

    public static GateRule Opportunity { get; } =
        SurrogateToy.Gate(GroupMetric.EqualOpportunityDifference) with
        {
            Max = 0.05,
        };

    public static GateRule Attacked { get; } =
        SurrogateToy.Gate(new RobustAccuracy()) with
        {
            Min = 0.99,
            Samples = 50,
        };

    public static GateRule LogLoss { get; } =
        SurrogateToy.Gate(GroupExtremum.Maximum, Named.Rate("log_loss")) with
        {
            Max = 0.1,
        };

    public RepairContext Context { get; }

    public OnnxClassifier Source => _toy.Source;

    public EvaluationSet Data => _toy.Data;

    public GroupColumn Sex => Data.Groups["sex"];

    /// <summary>Runs the first plan whose name starts so.</summary>
    public RepairCandidate Run(string repair, string plan, double share = 1) => Plan(repair, plan).Run(Context, share);

    public RepairPlan Plan(string repair, string plan) =>
        Catalog
            .Default.Get<IRepair>(repair)
            .Plan(Context)
            .First(p => p.Name.StartsWith(plan, StringComparison.Ordinal));

    /// <summary>Names of the parameters that a candidate changed.</summary>
    public string[] Changed(OnnxClassifier model) =>
        [.. Source.Parameters.Where(p => !p.Value.Same(model.Parameters[p.Key])).Select(p => p.Key).Order()];

    public double Measure(GateRule rule, OnnxClassifier model) => _toy.Measure(rule, model);

    public int[] Predictions(OnnxClassifier model)
    {
        using var scope = NewDisposeScope();
        return [.. model.LogitsOfAll(Data.Inputs).argmax(1).data<long>().Select(c => (int)c)];
    }

    public void Dispose()
    {
        foreach (var thing in _owned)
            thing.Dispose();
        _selection.Dispose();
        _toy.Dispose();
    }
}
